//! A proof in a file (C2SP tlog-proof): one entry, its way to the root, and the checkpoint with that root. It is checked
//! without any network, as a signature is.

use super::{ProofError, verify_inclusion};
use crate::decimal;
use crate::note;
use crate::policy::{OpenError, Opened, Policy};
use crate::tree::Hash;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The longest proof that is read, in bytes: a checkpoint, the longest way there is, and as much for whoever adds to it.
pub const MAX_LEN: usize = 2 * note::MAX_LEN;

const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// That an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Where in the log.
    pub index: u64,
    /// The way to the root.
    pub hashes: Vec<Hash>,
    /// The checkpoint with its signatures, as the log serves it.
    pub checkpoint: Vec<u8>,
    /// What whoever made the file added. Nobody vouches for it.
    pub extra: Option<Vec<u8>>,
}

/// Why bytes are no proof, or one of something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// Longer than [`MAX_LEN`].
    #[error("the proof has {0} bytes: no more than {MAX_LEN} are read")]
    TooLong(usize),
    /// Not the first line of a proof.
    #[error("this is no proof: wanted the first line `{HEAD}`")]
    Head,
    /// A line that does not belong there.
    #[error(
        "line {0} of the proof can not be read: wanted `extra BASE64` if any, `index NUMBER`, and hashes in base64"
    )]
    Line(usize),
    /// No empty line, and so no checkpoint.
    #[error("the proof ends without a checkpoint")]
    Cut,
    /// The checkpoint is not to be believed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The entry is not where the proof says.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl Proof {
    /// Read a proof. Nothing of it is to be believed before [`verify`](Self::verify).
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > MAX_LEN {
            return Err(ProofFileError::TooLong(bytes.len()));
        }
        let end = bytes.windows(2).position(|two| two == b"\n\n");
        let (lines, checkpoint) = bytes
            .split_at_checked(end.ok_or(ProofFileError::Cut)? + 2)
            .ok_or(ProofFileError::Cut)?;
        let lines = std::str::from_utf8(lines).map_err(|_| ProofFileError::Head)?;
        let mut lines = (1..)
            .zip(lines.lines().take_while(|line| !line.is_empty()))
            .peekable();
        if lines.next().is_none_or(|(_, line)| line != HEAD) {
            return Err(ProofFileError::Head);
        }
        let extra = match lines.next_if(|(_, line)| line.starts_with("extra ")) {
            None => None,
            Some((number, line)) => {
                let extra = line
                    .strip_prefix("extra ")
                    .and_then(|extra| STANDARD.decode(extra).ok());
                Some(extra.ok_or(ProofFileError::Line(number))?)
            }
        };
        let missing = (2 + usize::from(extra.is_some()), "");
        let (number, index) = lines.next().unwrap_or(missing);
        let index = index.strip_prefix("index ").and_then(decimal);
        let hashes = lines.map(|(number, line)| line.parse().map_err(|_| ProofFileError::Line(number)));
        Ok(Self {
            index: index.ok_or(ProofFileError::Line(number))?,
            hashes: hashes.collect::<Result<_, _>>()?,
            checkpoint: checkpoint.to_vec(),
            extra,
        })
    }

    /// Check that `entry` is in the log that `policy` is about, whose signatures are to be of no time after `latest`. How old
    /// the newest ones may be is for the caller to say: a proof never gets wrong, but what it proves may have been revoked
    /// since.
    pub fn verify(&self, policy: &Policy, entry: &[u8], latest: u64) -> Result<Opened, ProofFileError> {
        let opened = policy.open(&self.checkpoint, latest)?;
        verify_inclusion(opened.tree, self.index, Hash::of_entry(entry), &self.hashes)?;
        Ok(opened)
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let extra = self
            .extra
            .iter()
            .map(|extra| format!("extra {}", STANDARD.encode(extra)));
        let lines = std::iter::once(HEAD.to_owned()).chain(extra);
        let lines = lines.chain([format!("index {}", self.index)]);
        let lines = lines.chain(self.hashes.iter().map(Hash::to_string));
        let mut bytes: Vec<u8> = lines.flat_map(|line| (line + "\n").into_bytes()).collect();
        bytes.push(b'\n');
        bytes.extend(&self.checkpoint);
        bytes
    }
}
