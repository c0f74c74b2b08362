//! Proofs that are kept of what the log says of something, for the time when nobody can be asked: its leaves, each with its way
//! to a checkpoint that was believed. What they prove is found out anew each time, from the first root on.

use super::{Feed, NotProven};
use crate::store::StoreError;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use netsonde_log::leaf::{Leaf, LeafError, Payload};
use netsonde_log::ledger::{Effect, Ledger};
use netsonde_log::proof::{Proof, ProofFileError};
use netsonde_log::root::Root;
use netsonde_log::words::Digest;
use serde::{Deserialize, Serialize};

/// What is kept of one thing: the form in which registries serve it too.
#[derive(Serialize, Deserialize)]
struct Written {
    digest: String,
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    index: u64,
    r#type: String,
    /// In base64.
    leaf: String,
    /// A file of C2SP tlog-proof.
    proof: String,
}

/// A leaf that is in the log, and holds.
#[derive(Debug)]
pub struct Proven {
    /// Where it is in the log.
    pub index: u64,
    /// What it says, and who signed it.
    pub leaf: Leaf,
    /// How many leaves the log had when this was proven.
    pub size: u64,
    /// When the log was seen to have them.
    pub seen: u64,
    /// The version of the root under which its signatures hold.
    pub root_version: u64,
}

/// Why proofs could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// There is none.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why what is kept proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadProof {
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not as it was written.
    #[error("the proofs of {0} are damaged")]
    Damaged(Digest),
    /// A leaf that is none.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// It is not in the log, or no root says whose log it is.
    #[error("leaf {index}: {error}")]
    NotInLog {
        /// Which leaf.
        index: u64,
        /// Why not.
        error: ProofFileError,
    },
    /// Nobody who may say so has said it.
    #[error("leaf {index} is in the log, and holds under none of its roots: {why}")]
    DoesNotHold {
        /// Which leaf.
        index: u64,
        /// Why not under the newest.
        why: String,
    },
    /// It is about something else.
    #[error("leaf {index} says nothing of {digest}")]
    OfSomethingElse {
        /// Which leaf.
        index: u64,
        /// What it should be about.
        digest: Digest,
    },
}

impl Feed {
    /// Keep the proofs of these leaves, which are about something with this digest.
    pub fn keep_proofs(&self, digest: &Digest, indices: &[u64]) -> Result<(), KeepError> {
        let ledger = self.client().ledger();
        let mut entries = Vec::new();
        for index in indices {
            let Some(bytes) = ledger.leaf(*index) else {
                continue;
            };
            let kind =
                Leaf::parse(bytes).map_or_else(|_| String::new(), |leaf| leaf.payload().kind().to_owned());
            entries.push(Entry {
                index: *index,
                r#type: kind,
                leaf: STANDARD.encode(bytes),
                proof: String::from_utf8_lossy(&self.prove(*index)?.to_bytes()).into_owned(),
            });
        }
        let digest_text = digest.to_string();
        let written = Written {
            digest: digest_text,
            entries,
        };
        let written = serde_json::to_vec(&written).unwrap_or_default();
        Ok(self.keep(&name(digest), &written)?)
    }

    /// What is proven about something by what is kept. `None`: nothing is kept.
    pub fn proven(&self, digest: &Digest, now: u64) -> Result<Option<Vec<Proven>>, BadProof> {
        let Some(bytes) = self.kept(&name(digest))? else {
            return Ok(None);
        };
        let damaged = || BadProof::Damaged(*digest);
        let written: Written = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let mut all = Vec::new();
        for entry in &written.entries {
            let bytes = STANDARD.decode(&entry.leaf).map_err(|_| damaged())?;
            let leaf = Leaf::parse(&bytes)?;
            let index = entry.index;
            if of(leaf.payload()) != Some(*digest) {
                let digest = *digest;
                return Err(BadProof::OfSomethingElse { index, digest });
            }
            let (size, seen) = self.in_log(entry, &bytes, now)?;
            let root_version = self
                .holds_under(&bytes)
                .map_err(|why| BadProof::DoesNotHold { index, why })?;
            all.push(Proven {
                index,
                leaf,
                size,
                seen,
                root_version,
            });
        }
        Ok(Some(all))
    }

    /// Whether a leaf is in the log, by the newest of its roots that knows the checkpoint.
    fn in_log(&self, entry: &Entry, leaf: &[u8], now: u64) -> Result<(u64, u64), BadProof> {
        let index = entry.index;
        let failed = |error| BadProof::NotInLog { index, error };
        let proof = Proof::parse(entry.proof.as_bytes()).map_err(failed)?;
        if proof.index != index {
            return Err(failed(ProofFileError::Line(2)));
        }
        let latest = now.saturating_add(self.client().ledger().policy().freshness.ahead);
        let mut last = ProofFileError::Cut;
        for root in self.roots().iter().rev() {
            match proof.verify(root.policy(), leaf, latest) {
                Ok(opened) => return Ok((opened.tree.size(), opened.time)),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// The newest root under which a leaf holds: it is said again to a ledger that has read nothing but the roots.
    fn holds_under(&self, leaf: &[u8]) -> Result<u64, String> {
        let mut why = "the log has no root".to_owned();
        for count in (1..=self.roots().len()).rev() {
            let roots = self.roots().get(..count).unwrap_or_default();
            let version = roots.last().map_or(0, Root::version);
            let mut ledger = Ledger::new(self.trusted());
            for root in roots {
                let payload = Payload::Root(Box::new(root.clone()));
                let leaf = Leaf::new(&root.log().origin, &payload).map_err(|error| error.to_string())?;
                ledger
                    .apply(&leaf.to_bytes())
                    .map_err(|refused| refused.to_string())?;
            }
            match ledger.apply(leaf) {
                Ok(Effect::InForce) => return Ok(version),
                Ok(Effect::Unknown(kind)) => return Err(format!("the type {kind} is not known")),
                // The first reason is that of the newest root.
                Err(refused) if count == self.roots().len() => why = refused.to_string(),
                Err(_) => {}
            }
        }
        Err(why)
    }
}

/// What a leaf is about.
fn of(payload: &Payload) -> Option<Digest> {
    match payload {
        Payload::ModuleRelease(release) => Some(release.digest),
        Payload::RebuildAttest(attest) => Some(attest.digest),
        Payload::ScriptPublish(script) => Some(script.digest),
        Payload::ListPublish(list) => Some(list.digest),
        _ => None,
    }
}

fn name(digest: &Digest) -> String {
    format!("proofs/{}.json", hex::encode(digest.bytes()))
}
