//! What a log asks a witness, and what a witness answers (C2SP tlog-witness, `POST add-checkpoint`).
//!
//! A witness keeps one tree for each log, the largest that it has signed for, and signs for another one only if that begins with
//! all of it. So a log can not show two people what contradicts each other, and have both signed by the same witness.
//!
//! What belongs here: the question as bytes, and whether to sign. What does not: keeping the tree. Whoever keeps it signs
//! only when the new tree stands in place of exactly the one that was asked about, and is on the disk: of two questions at
//! the same moment one must fail.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::decimal;
use crate::keys::LogKey;
use crate::note::{self, Note, NoteError, Signature};
use crate::proof::{ProofError, verify_consistency};
use crate::tree::{Hash, Tree};
use std::fmt;

/// The longest question that is read, in bytes: a checkpoint, and the longest proof.
pub const MAX_LEN: usize = note::MAX_LEN + 4096;

/// The most hashes of a proof, as the specification has it.
const MAX_HASHES: usize = 63;

/// A log asks for a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size for which the witness has signed last, as far as the log knows.
    pub old: u64,
    /// That the checkpoint begins with all entries of then.
    pub proof: Vec<Hash>,
    /// What is to be signed, with the log's signature.
    pub checkpoint: Note,
}

/// Why bytes are no question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// Longer than [`MAX_LEN`].
    #[error("the question has {0} bytes: no more than {MAX_LEN} are read")]
    TooLong(usize),
    /// The first line is not `old NUMBER`.
    #[error("the question begins otherwise than with `old NUMBER`")]
    Old,
    /// A line of the proof is no hash.
    #[error("line {0} of the question is no hash in base64")]
    Hash(usize),
    /// More hashes than any proof has.
    #[error("the question has a proof of more than {MAX_HASHES} hashes")]
    TooMany,
    /// No empty line, and so no checkpoint.
    #[error("the question ends without a checkpoint")]
    Cut,
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a witness does not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The log did not sign it, or it is no checkpoint of this log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log thinks that the witness has seen more than there is.
    #[error("the checkpoint has {size} entries, and the question says that {old} were signed for before")]
    Backwards {
        /// What the question says.
        old: u64,
        /// What the checkpoint has.
        size: u64,
    },
    /// The log does not know what was signed last. It asks again, from there.
    #[error("the last tree that was signed for has {} entries: ask with a proof from there", .0.size())]
    Conflict(Tree),
    /// The same size with another root: the log has forked.
    #[error("another tree of {} entries was signed for before: the log has forked", .0.size())]
    Forked(Tree),
    /// The proof does not show that the log was only added to.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl AddCheckpoint {
    /// Read a question. Nothing of it is to be believed before [`check`](Self::check).
    pub fn parse(bytes: &[u8]) -> Result<Self, QuestionError> {
        if bytes.len() > MAX_LEN {
            return Err(QuestionError::TooLong(bytes.len()));
        }
        let end = bytes.windows(2).position(|two| two == b"\n\n");
        let (head, checkpoint) = end
            .and_then(|end| bytes.split_at_checked(end + 2))
            .ok_or(QuestionError::Cut)?;
        let head = std::str::from_utf8(head).map_err(|_| QuestionError::Old)?;
        let mut lines = head.trim_end_matches('\n').split('\n');
        let old = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old = old.ok_or(QuestionError::Old)?;
        let mut proof = Vec::new();
        for (number, line) in (2..).zip(lines) {
            if proof.len() == MAX_HASHES {
                return Err(QuestionError::TooMany);
            }
            proof.push(line.parse().map_err(|_| QuestionError::Hash(number))?);
        }
        Ok(Self {
            old,
            proof,
            checkpoint: Note::parse(checkpoint)?,
        })
    }

    /// Whether a witness that follows this log, and has signed for `seen` last (at first: [`Tree::EMPTY`]), may sign, and which
    /// tree it has signed for then.
    pub fn check(&self, log: &LogKey, seen: Tree) -> Result<Tree, NotSigned> {
        let new = Checkpoint::open(&self.checkpoint, log)?.tree;
        let (old, size) = (self.old, new.size());
        if old > size {
            return Err(NotSigned::Backwards { old, size });
        }
        if old != seen.size() {
            return Err(NotSigned::Conflict(seen));
        }
        if old == size && new != seen {
            return Err(NotSigned::Forked(seen));
        }
        verify_consistency(seen, new, &self.proof)?;
        Ok(new)
    }
}

/// As it is sent.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl NotSigned {
    /// The status of the answer over HTTP. A conflict's body is the size that was signed for last, as `text/x.tlog.size`.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Checkpoint(_) => 403,
            Self::Backwards { .. } => 400,
            Self::Conflict(_) | Self::Forked(_) => 409,
            Self::Proof(_) => 422,
        }
    }
}

/// The signatures of an answer with status 200, one a line. Whose they are is not looked at.
pub fn signatures(body: &[u8]) -> Option<Vec<Signature>> {
    let body = body.get(..body.len().min(note::MAX_LEN + 1))?;
    let lines = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    lines.split('\n').map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests;
