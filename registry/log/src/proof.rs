//! Proofs that travel alone: a few hashes, for those who have no tiles (RFC 6962, sections 2.1.1 and 2.1.2), and files with
//! everything that it takes to believe one entry ([`Proof`]).
//!
//! A proof is a way up the tree: at each place the hash of what lies beside it. Which ranges of entries these are follows
//! from sizes alone, so making a proof and checking one is going the same way.

mod file;

pub use file::{MAX_LEN, Proof, ProofFileError};

use crate::tree::{Hash, Tree, parting};
use std::ops::Range;

/// What a proof does not prove.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such entry.
    #[error("the log has {} entries and none at {index}", tree.size())]
    OutOfTree {
        /// Which one is meant.
        index: u64,
        /// All entries.
        tree: Tree,
    },
    /// Too many hashes, or too few.
    #[error("the proof has {found} hashes, wanted {wanted}")]
    Length {
        /// How many it takes.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// Another entry stands there.
    #[error("entry {index} of the log's first {} is another", tree.size())]
    NotIncluded {
        /// Where.
        index: u64,
        /// All entries.
        tree: Tree,
    },
    /// Rolled back: a log only grows.
    #[error("the log has {new} entries where it had {old}: it was rolled back")]
    Smaller {
        /// How many it had.
        old: u64,
        /// How many it has.
        new: u64,
    },
    /// Two histories: what was seen before is not what the log begins with now.
    #[error("the log begins otherwise than it did: of its first {} entries the root was {}, in the log of now it is {found}", old.size(), old.root())]
    Forked {
        /// What was seen.
        old: Tree,
        /// The root over as many entries of the log as it is now.
        found: Hash,
    },
    /// The hashes do not lead to the new root: the proof is of another log.
    #[error("the proof does not lead to the root {} of {} entries", .0.root(), .0.size())]
    Elsewhere(Tree),
}

/// Check that the `index`th entry of a tree has this hash.
pub fn verify_inclusion(tree: Tree, index: u64, entry: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    check_index(tree, index)?;
    let path = inclusion_path(index, tree.size());
    check_length(path.len(), proof)?;
    let root = path.iter().zip(proof).fold(entry, |hash, (beside, other)| {
        if beside.start > index {
            Hash::of_children(hash, *other)
        } else {
            Hash::of_children(*other, hash)
        }
    });
    if root == tree.root() {
        return Ok(());
    }
    Err(ProofError::NotIncluded { index, tree })
}

/// Check that `new` begins with all entries of `old`, in their order.
pub fn verify_consistency(old: Tree, new: Tree, proof: &[Hash]) -> Result<(), ProofError> {
    let path = consistency_path(old.size(), new)?;
    check_length(path.len(), proof)?;
    if old.size() == 0 {
        return Ok(());
    }
    if old.size() == new.size() {
        return check_beginning(old, new.root());
    }
    let mut beside = path.iter().zip(proof).peekable();
    let last = beside.next_if(|(range, _)| range.end == old.size());
    let last = last.map_or(old.root(), |(_, hash)| *hash);
    // The way up goes through both trees at once; what is right of the old one is only in the new one.
    let (was, is) = beside.fold((last, last), |(was, is), (range, other)| {
        if range.start >= old.size() {
            (was, Hash::of_children(is, *other))
        } else {
            (Hash::of_children(*other, was), Hash::of_children(*other, is))
        }
    });
    if is != new.root() {
        return Err(ProofError::Elsewhere(new));
    }
    check_beginning(old, was)
}

/// Hold a tree of before against what the log has now as the root of as many entries.
pub(crate) fn check_beginning(old: Tree, found: Hash) -> Result<(), ProofError> {
    if found == old.root() {
        return Ok(());
    }
    Err(ProofError::Forked { old, found })
}

/// Refuse an entry that a tree does not have.
pub(crate) fn check_index(tree: Tree, index: u64) -> Result<(), ProofError> {
    if index < tree.size() {
        return Ok(());
    }
    Err(ProofError::OutOfTree { index, tree })
}

fn check_length(wanted: usize, proof: &[Hash]) -> Result<(), ProofError> {
    let found = proof.len();
    if found == wanted {
        return Ok(());
    }
    Err(ProofError::Length { wanted, found })
}

/// What lies beside the way from an entry up to the root, lowest first.
pub(crate) fn inclusion_path(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut here, mut path) = (0..size, Vec::new());
    while let Some(parting) = parting(&here) {
        let (left, right) = (here.start..parting, parting..here.end);
        let (way, beside) = if index < parting {
            (left, right)
        } else {
            (right, left)
        };
        path.push(beside);
        here = way;
    }
    path.reverse();
    path
}

/// What lies beside the way from the end of the old tree up to the root of the new one, lowest first. It begins with the
/// complete subtree at the end of the old tree, which ends where that does, unless it is the whole of it.
pub(crate) fn consistency_path(old: u64, new: Tree) -> Result<Vec<Range<u64>>, ProofError> {
    if old > new.size() {
        let new = new.size();
        return Err(ProofError::Smaller { old, new });
    }
    let (mut here, mut path) = (0..new.size(), Vec::new());
    while old > 0
        && here.end != old
        && let Some(parting) = parting(&here)
    {
        let (left, right) = (here.start..parting, parting..here.end);
        let (way, beside) = if old <= parting {
            (left, right)
        } else {
            (right, left)
        };
        path.push(beside);
        here = way;
    }
    if old > 0 && here.start > 0 {
        path.push(here);
    }
    path.reverse();
    Ok(path)
}

#[cfg(test)]
mod tests;
