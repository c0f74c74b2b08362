//! Whose signatures a checkpoint needs to be believed, and of when it then is.
//!
//! The log's signature alone says what the log told *us*. Witnesses say that they were told the same: a log that shows
//! different entries to different people needs as many witnesses as the quorum on its side. Witnesses are counted by their
//! public keys, so that none counts twice under two names.

use crate::checkpoint::{BadSignature, Checkpoint, CheckpointError};
use crate::keys::{LogKey, WitnessKey};
use crate::note::{Note, NoteError};
use crate::tree::Tree;
use std::collections::BTreeSet;

/// Whom to believe about one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    log: LogKey,
    witnesses: Vec<WitnessKey>,
    quorum: usize,
}

/// Why nobody could be believed under such a policy, or fewer than it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The log's key is called otherwise than the log.
    #[error("the log {origin:?} has a key called {name}: name the key as the log")]
    Origin {
        /// What the log is called.
        origin: String,
        /// What its key is called.
        name: String,
    },
    /// One public key twice, under whatever names: one holder would count as two.
    #[error("the witnesses {0} and {1} have the same public key: list each key once")]
    Twice(String, String),
    /// The log would be its own witness.
    #[error("the witness {0} has the public key of the log: a log is no witness of itself")]
    Itself(String),
    /// None would be enough, or all would not be.
    #[error(
        "a quorum of {quorum} of {witnesses} witnesses: wanted 1 to {witnesses}, and 0 only without witnesses"
    )]
    Quorum {
        /// How many are to be enough.
        quorum: usize,
        /// How many there are.
        witnesses: usize,
    },
}

/// A checkpoint that is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// All entries of the log.
    pub tree: Tree,
    /// The newest time (seconds of Unix) since which a quorum has seen nothing newer. Without witnesses: the log's own word.
    pub time: u64,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not a checkpoint, or not one that this log has signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The line of a known witness, and not by it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Not enough witnesses, and none whose word comes too early.
    #[error(
        "the checkpoint was seen by {found} of the witnesses, wanted {wanted}: only the log itself vouches for it"
    )]
    Quorum {
        /// How many are wanted.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// Enough only if signatures count that are of a time yet to come. Either our clock is late, or theirs early.
    #[error(
        "the checkpoint was signed by {name} at {time} (seconds of Unix), later than {latest}: check the clock of this device"
    )]
    Future {
        /// Who says so: the one that is the least ahead.
        name: String,
        /// When it says it was.
        time: u64,
        /// The latest time that is believed.
        latest: u64,
    },
    /// No witnesses are configured, and the log does not say when.
    #[error("the checkpoint does not say when it was signed: wanted a signature with a time by {0}")]
    Untimed(String),
}

impl Policy {
    /// Believe `log` about the log `origin` where `quorum` of `witnesses` have seen the same. Without witnesses (and a quorum
    /// of 0) the log alone is believed.
    pub fn new(
        origin: &str,
        log: LogKey,
        witnesses: Vec<WitnessKey>,
        quorum: usize,
    ) -> Result<Self, PolicyError> {
        if log.name() != origin {
            return Err(PolicyError::Origin {
                origin: origin.chars().take(256).collect(),
                name: log.name().to_owned(),
            });
        }
        for (count, witness) in witnesses.iter().enumerate() {
            let name = witness.name().to_owned();
            if witness.public() == log.public() {
                return Err(PolicyError::Itself(name));
            }
            let same = |other: &&WitnessKey| other.public() == witness.public();
            if let Some(other) = witnesses.iter().take(count).find(same) {
                return Err(PolicyError::Twice(other.name().to_owned(), name));
            }
        }
        let is_possible = match witnesses.len() {
            0 => quorum == 0,
            most => (1..=most).contains(&quorum),
        };
        if !is_possible {
            return Err(PolicyError::Quorum {
                quorum,
                witnesses: witnesses.len(),
            });
        }
        Ok(Self {
            log,
            witnesses,
            quorum,
        })
    }

    /// Which log this is about.
    pub fn origin(&self) -> &str {
        self.log.name()
    }

    /// The log's key.
    pub const fn log(&self) -> &LogKey {
        &self.log
    }

    /// Whose word counts beside the log's.
    pub fn witnesses(&self) -> &[WitnessKey] {
        &self.witnesses
    }

    /// How many of them are wanted.
    pub const fn quorum(&self) -> usize {
        self.quorum
    }

    /// Whether to believe a checkpoint, and of when. Signatures of a time after `latest` (our clock and what it may be wrong)
    /// do not count, but spoil nothing: one witness with a wrong clock is not to stop everybody.
    ///
    /// Lines by unknown keys are ignored; the line of a known key that is not by it refuses the checkpoint.
    pub fn open(&self, bytes: &[u8], latest: u64) -> Result<Opened, OpenError> {
        let note = Note::parse(bytes)?;
        let tree = Checkpoint::open(&note, &self.log)?.tree;
        let own = [self.log.as_witness()];
        let (who, wanted) = match &*self.witnesses {
            [] => (&own[..], 1),
            witnesses => (witnesses, self.quorum),
        };
        // Each key once: two keys of one policy are never the same, and of what one says only the newest counts.
        let mut times = Vec::new();
        let mut ahead = BTreeSet::new();
        for key in who {
            let mut newest = None;
            for signature in note.signatures().iter().filter(|line| key.is_named_by(line)) {
                let time = key.check(&note, signature)?;
                if time <= latest {
                    newest = newest.max(Some(time));
                } else {
                    ahead.insert((time, key.name()));
                }
            }
            times.extend(newest);
        }
        times.sort_unstable_by(|a, b| b.cmp(a));
        // A policy's quorum is 1 or more here.
        if let Some(time) = times.get(wanted.saturating_sub(1)) {
            return Ok(Opened { tree, time: *time });
        }
        if let Some((time, name)) = ahead.first() {
            return Err(OpenError::Future {
                name: (*name).to_owned(),
                time: *time,
                latest,
            });
        }
        Err(match who {
            [own] if self.witnesses.is_empty() => OpenError::Untimed(own.to_string()),
            _ => OpenError::Quorum {
                wanted,
                found: times.len(),
            },
        })
    }
}

#[cfg(test)]
mod tests;
