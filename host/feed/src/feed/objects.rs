//! What the log names: fetched by its digest, kept under it, and proven to be named.

use super::{Feed, Problem, Trouble};
use crate::file::{File, Object};
use crate::store::StoreError;
use netsonde_log::fetch::{FetchError, Fetched, Progress, inclusion_proof};
use netsonde_log::proof::Proof;
use netsonde_log::words::Digest;

/// No mirror has something that the log names.
#[derive(Debug, thiserror::Error)]
#[error("no mirror has {digest}: {}", all(problems))]
pub struct NotFetched {
    /// What was asked for.
    pub digest: Digest,
    /// What each of them said.
    pub problems: Vec<Problem>,
}

/// Why a leaf could not be proven to be in the log.
#[derive(Debug, thiserror::Error)]
pub enum NotProven {
    /// Nothing is known that it could be proven by.
    #[error(
        "no checkpoint of the log is kept that goes with what was read: get news from the registry first"
    )]
    NoCheckpoint,
    /// No mirror has the files that prove it.
    #[error("no mirror proves leaf {index}: {}", all(problems))]
    Mirrors {
        /// The leaf.
        index: u64,
        /// What each of them said.
        problems: Vec<Problem>,
    },
}

fn all(problems: &[Problem]) -> String {
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    problems.join("; ")
}

impl Feed {
    /// Something that the log names, of which every byte is as the log says: what is kept of it, or else from the first mirror
    /// that has it. Whatever was wrong with those before is added to `problems`.
    pub fn object(&self, object: &Object, problems: &mut Vec<Problem>) -> Result<Vec<u8>, NotFetched> {
        let digest = object.digest;
        if let Ok(Some(kept)) = self.kept_object(&digest) {
            return Ok(kept);
        }
        let mut wrong = Vec::new();
        for mirror in self.mirrors() {
            let trouble = match self.get(mirror, &File::Object(*object)) {
                Ok(bytes) => match check(object, &bytes) {
                    Ok(()) => {
                        problems.append(&mut wrong);
                        return Ok(bytes);
                    }
                    Err(trouble) => trouble,
                },
                Err(trouble) => trouble,
            };
            let mirror = mirror.clone();
            wrong.push(Problem { mirror, trouble });
        }
        Err(NotFetched {
            digest,
            problems: wrong,
        })
    }

    /// What is kept under a digest, if it still has that.
    pub fn kept_object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let kept = self.store.read(&name(digest))?;
        Ok(kept.filter(|bytes| Digest::of(bytes) == *digest))
    }

    /// Keep something under its digest.
    pub fn keep_object(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.write(&name(&Digest::of(bytes)), bytes)
    }

    /// Keep it no longer.
    pub fn forget_object(&self, digest: &Digest) -> Result<(), StoreError> {
        self.store.remove(&name(digest))
    }

    /// A proof that the leaf of this index is in the log, for the time when nobody can be asked.
    pub fn prove(&self, index: u64) -> Result<Proof, NotProven> {
        let (floor, checkpoint) = self
            .client
            .floor()
            .zip(self.checkpoint.as_ref())
            .ok_or(NotProven::NoCheckpoint)?;
        let mut problems = Vec::new();
        for mirror in self.mirrors() {
            let mut fetched = Fetched::new();
            let trouble = loop {
                match inclusion_proof(floor.tree, index, &fetched) {
                    Ok(Progress::Done(hashes)) => {
                        return Ok(Proof {
                            index,
                            hashes,
                            checkpoint: checkpoint.clone(),
                            extra: None,
                        });
                    }
                    Ok(Progress::Need(paths)) => {
                        let got: Result<Vec<_>, Trouble> = paths
                            .into_iter()
                            .map(|path| Ok((path, self.tile(mirror, path)?)))
                            .collect();
                        match got {
                            Ok(got) => fetched.extend(got),
                            Err(trouble) => break trouble,
                        }
                    }
                    Err(error) => break files(error),
                }
            };
            let mirror = mirror.clone();
            problems.push(Problem { mirror, trouble });
        }
        Err(NotProven::Mirrors { index, problems })
    }
}

fn files(error: FetchError) -> Trouble {
    netsonde_log::client::ClientError::from(error).into()
}

fn name(digest: &Digest) -> String {
    format!("objects/{}", hex::encode(digest.bytes()))
}

fn check(object: &Object, bytes: &[u8]) -> Result<(), Trouble> {
    let found = Digest::of(bytes);
    let length = bytes.len();
    if found == object.digest && u64::try_from(length).is_ok_and(|length| object.size.fits(length)) {
        return Ok(());
    }
    let file = File::Object(*object).to_string();
    Err(Trouble::Altered { file, length, found })
}
