//! What a log signs (C2SP tlog-checkpoint), and what a witness signs of it (C2SP tlog-cosignature, `cosignature/v1`).
//!
//! A checkpoint is the text of a note: the log's origin, its size, its root. Whether to believe one is a question for a
//! [`policy`](crate::policy).

use crate::decimal;
use crate::keys::{LogKey, LogSecret, WitnessKey, WitnessSecret};
use crate::note::{Note, Signature};
use crate::tree::{Tree, TreeError};
use std::fmt;

/// What a log says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// All its entries.
    pub tree: Tree,
}

/// Why the text of a note is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, or an empty one.
    #[error("this is no checkpoint: wanted three lines or more, none of them empty")]
    Lines,
    /// The second line is no number.
    #[error("the checkpoint has the size {0:?}: wanted a number without zeros in front")]
    Size(String),
    /// No tree has this size and root.
    #[error("the checkpoint speaks of no tree: {0}")]
    Tree(#[from] TreeError),
    /// Not signed by the log.
    #[error("the checkpoint has no signature by the log's key {0}")]
    Unsigned(String),
    /// A signature that says that it is of a known key, and is not.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Of another log.
    #[error("the checkpoint is of the log {found:?}, wanted {wanted:?}")]
    Origin {
        /// Which log's is wanted.
        wanted: String,
        /// Which log's it is.
        found: String,
    },
}

/// A signature that says that it is of a known key, and is not: the note was altered, or somebody lies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signature by {name}+{id:08x} is not of this text: get it again, from another mirror if there is one"
)]
pub struct BadSignature {
    /// Whose it says it is.
    pub name: String,
    /// By which key it says it is.
    pub id: u32,
}

impl BadSignature {
    fn new(signature: &Signature) -> Self {
        Self {
            name: signature.name().chars().take(64).collect(),
            id: signature.id(),
        }
    }
}

impl Checkpoint {
    /// Read the text of a note. Lines after the third are signed, and mean nothing to us.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ..] = *lines else {
            return Err(CheckpointError::Lines);
        };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        let size = decimal(size).ok_or_else(|| CheckpointError::Size(size.chars().take(64).collect()))?;
        Ok(Self {
            origin: origin.to_owned(),
            tree: Tree::new(size, root.parse()?)?,
        })
    }

    /// Read a note that this log has signed, whatever else stands below it. This says what a log states and nothing of when:
    /// for witnesses. Everybody else has a policy.
    pub fn open(note: &Note, log: &LogKey) -> Result<Self, CheckpointError> {
        let mut signatures = note.signatures().iter().peekable();
        let ours = |signature: &&Signature| signature.name() == log.name() && signature.id() == log.id();
        let mut is_signed = false;
        while let Some(signature) = signatures.find(ours) {
            if !log.verifies(note.text().as_bytes(), signature.bytes()) {
                return Err(BadSignature::new(signature).into());
            }
            is_signed = true;
        }
        if !is_signed {
            return Err(CheckpointError::Unsigned(log.to_string()));
        }
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != log.name() {
            return Err(CheckpointError::Origin {
                wanted: log.name().to_owned(),
                found: checkpoint.origin.chars().take(256).collect(),
            });
        }
        Ok(checkpoint)
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.tree.size(), self.tree.root())
    }
}

impl LogSecret {
    /// Sign a checkpoint of the log that has the key's name. Besides its signature it carries the log's word on when: the
    /// same key's signature with the time, for those who have no witnesses to ask.
    pub fn checkpoint(&self, tree: Tree, time: u64) -> Note {
        let log = self.public();
        let origin = log.name().to_owned();
        let mut note = Note::new(Checkpoint { origin, tree }.to_text());
        let signature = self.sign(note.text().as_bytes()).to_vec();
        note.push(Signature::new(log.name(), log.id(), signature));
        note.push(self.as_witness().cosign(&note, time));
        note
    }
}

impl WitnessSecret {
    /// Say of a checkpoint that at `time` (seconds of Unix) it is the largest that was seen of its log, and consistent with
    /// all before.
    pub fn cosign(&self, note: &Note, time: u64) -> Signature {
        let key = self.public();
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend(self.sign(&cosigned(note, time)));
        Signature::new(key.name(), key.id(), bytes)
    }
}

impl WitnessKey {
    /// Whether a signature says that it is by this key.
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        self.name() == signature.name() && self.id() == signature.id()
    }

    /// When this witness has seen the checkpoint, as its signature says.
    pub fn check(&self, note: &Note, signature: &Signature) -> Result<u64, BadSignature> {
        let bad = || BadSignature::new(signature);
        let (time, bytes) = signature.bytes().split_first_chunk().ok_or_else(bad)?;
        let time = u64::from_be_bytes(*time);
        // The bound is the specification's.
        let fits = self.is_named_by(signature) && i64::try_from(time).is_ok();
        if fits && self.verifies(&cosigned(note, time), bytes) {
            return Ok(time);
        }
        Err(bad())
    }
}

/// What a witness signs. The first two lines keep it apart from what a log signs, whatever that is called: there the second
/// line is a number.
fn cosigned(note: &Note, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{}", note.text()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Hash;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.tree.size(), 20_852_163);
        assert_eq!(checkpoint.to_text(), text);
    }

    #[test]
    fn lines_after_the_third_are_allowed_and_empty_ones_are_not() {
        assert!(Checkpoint::parse(&format!("a\n1\n{ROOT}\nmore\n")).is_ok());
        for text in [
            "",
            "\n",
            "a\n1\n",
            &format!("\n1\n{ROOT}\n"),
            &format!("a\n1\n{ROOT}\n\n"),
            &format!("a\n1\n{ROOT}"),
        ] {
            assert_eq!(Checkpoint::parse(text), Err(CheckpointError::Lines), "{text:?}");
        }
    }

    #[test]
    fn a_size_is_written_in_one_way_and_has_a_bound() {
        for size in ["01", "+1", "-1", " 1", "1 ", "", "18446744073709551616", "0x1"] {
            let text = format!("a\n{size}\n{ROOT}\n");
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
        let error = Checkpoint::parse(&format!("a\n{}\n{ROOT}\n", u64::MAX)).unwrap_err();
        assert_eq!(error, CheckpointError::Tree(TreeError::TooLarge(u64::MAX)));
    }

    #[test]
    fn a_checkpoint_of_another_log_is_refused_though_signed() {
        let secret = LogSecret::new("example.com/log", &[1; 32]).unwrap();
        let mut note = Note::new(format!("example.com/other\n0\n{}\n", Hash::EMPTY));
        let signature = secret.sign(note.text().as_bytes()).to_vec();
        let key = secret.public();
        note.push(Signature::new(key.name(), key.id(), signature));
        let error = Checkpoint::open(&note, &key).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"the checkpoint is of the log "example.com/other", wanted "example.com/log""#
        );
    }

    #[test]
    fn a_logs_signature_is_no_witnesss_and_a_witnesss_is_of_one_time() {
        let log = LogSecret::new("example.com/log", &[1; 32]).unwrap();
        let witness = WitnessSecret::new("example.com/witness", &[2; 32]).unwrap();
        let note = log.checkpoint(Tree::EMPTY, 5);
        let [signature, time] = note.signatures() else {
            panic!("{note}")
        };
        let own = log.public().as_witness();
        assert_eq!(own.check(&note, time), Ok(5));
        assert!(own.check(&note, signature).is_err());

        let signature = witness.cosign(&note, 7);
        assert_eq!(witness.public().check(&note, &signature), Ok(7));
        let mut later = signature.bytes().to_vec();
        later[7] += 1;
        let later = Signature::new(signature.name(), signature.id(), later);
        assert_eq!(
            witness.public().check(&note, &later).unwrap_err().to_string(),
            format!(
                "the signature by example.com/witness+{:08x} is not of this text: get it again, from another mirror if \
                 there is one",
                witness.public().id()
            )
        );
        // Beyond what the specification allows for a time.
        let never = witness.cosign(&note, u64::MAX);
        assert!(witness.public().check(&note, &never).is_err());
    }
}
