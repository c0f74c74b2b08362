//! Reading a log that nobody trusts: which files are needed, and what they prove.
//!
//! Nothing here fetches. A function is given what has been fetched so far and either says what it needs besides, or is
//! done: so the same code reads over HTTP, from a mirror on disk, and in tests. Nearly always it asks once.
//!
//! ```text
//! let mut fetched = Fetched::new();
//! loop {
//!     match consistency(floor, opened.tree, &fetched)? {
//!         Progress::Done(()) => break,
//!         Progress::Need(paths) => for path in paths {
//!             fetched.insert(path, get(path, path.max_len()));    // from wherever
//!         },
//!     }
//! }
//! ```
//!
//! What a file says counts when it leads to the root of a tree that is believed; a checkpoint under a
//! [`policy`](crate::policy) gives one. What belongs here: files to verdicts. What does not: proofs that travel without the
//! log ([`proof`]).

mod entries;
mod proven;

pub use entries::{Batch, Entries};

use crate::proof::{self, ProofError};
use crate::tiles::{BundleError, Path};
use crate::tree::{Hash, Tree};
pub(crate) use proven::{Proven, edge_root};
use std::collections::BTreeMap;
use std::ops::Range;
use std::slice::from_ref;

/// What was fetched: anything, from anybody. Read no more of a file than its path's [`max_len`](Path::max_len). Where a log
/// has only the full file any more, that is to be given under the path that was asked for.
pub type Fetched = BTreeMap<Path, Vec<u8>>;

/// Where reading stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// These files are needed too. Ask again with them.
    Need(Vec<Path>),
    /// This is what they prove.
    Done(T),
}

/// Why what was fetched does not prove what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not as many hashes as the path says.
    #[error("{path} has {len} bytes, wanted {}: fetch it again, from another mirror if there is one", path.max_len())]
    Tile {
        /// Which file.
        path: Path,
        /// What it has.
        len: usize,
    },
    /// Not a bundle.
    #[error("{path} can not be read: {error}: fetch it again, from another mirror if there is one")]
    Bundle {
        /// Which file.
        path: Path,
        /// Why not.
        error: BundleError,
    },
    /// Fewer entries than the path says.
    #[error("{path} has only {found} entries: fetch it again, from another mirror if there is one")]
    Short {
        /// Which file.
        path: Path,
        /// What it has.
        found: usize,
    },
    /// The tiles at the right edge do not make the root: at least one of them is not of this tree.
    #[error(
        "the tiles at the edge of the log's first {} entries make the root {found}, wanted {}: fetch them again, from \
         another mirror if there is one",
        tree.size(),
        tree.root()
    )]
    Root {
        /// The tree that they should be of.
        tree: Tree,
        /// What they make.
        found: Hash,
    },
    /// A file that is not of this tree.
    #[error("{0} is not what the log has at this place: fetch it again, from another mirror if there is one")]
    Altered(Path),
    /// The files are the log's, and prove the contrary.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Whether `new` begins with all entries of `old`, in their order: that the log was only added to.
pub fn consistency(old: Tree, new: Tree, fetched: &Fetched) -> Result<Progress<()>, FetchError> {
    if old.size() > new.size() {
        let (old, new) = (old.size(), new.size());
        return Err(ProofError::Smaller { old, new }.into());
    }
    if old.size() == new.size() {
        proof::check_beginning(old, new.root())?;
        return Ok(Progress::Done(()));
    }
    // Every log begins with nothing.
    if old.size() == 0 {
        return Ok(Progress::Done(()));
    }
    let found = match hashes(new, from_ref(&(0..old.size())), fetched)? {
        Progress::Need(paths) => return Ok(Progress::Need(paths)),
        Progress::Done(found) => found,
    };
    for found in found {
        proof::check_beginning(old, found)?;
    }
    Ok(Progress::Done(()))
}

/// Whether the `index`th entry of a tree has this hash.
pub fn inclusion(tree: Tree, index: u64, entry: Hash, fetched: &Fetched) -> Result<Progress<()>, FetchError> {
    proof::check_index(tree, index)?;
    match hashes(tree, from_ref(&(index..index + 1)), fetched)? {
        Progress::Need(paths) => Ok(Progress::Need(paths)),
        Progress::Done(found) if found == [entry] => Ok(Progress::Done(())),
        Progress::Done(_) => Err(ProofError::NotIncluded { index, tree }.into()),
    }
}

/// The hashes that prove the `index`th entry of a tree to be in it, for those who have no tiles.
pub fn inclusion_proof(tree: Tree, index: u64, fetched: &Fetched) -> Result<Progress<Vec<Hash>>, FetchError> {
    proof::check_index(tree, index)?;
    hashes(tree, &proof::inclusion_path(index, tree.size()), fetched)
}

/// The hashes that prove a tree to begin with its first `old` entries, for those who have no tiles: witnesses.
pub fn consistency_proof(old: u64, tree: Tree, fetched: &Fetched) -> Result<Progress<Vec<Hash>>, FetchError> {
    hashes(tree, &proof::consistency_path(old, tree)?, fetched)
}

/// The hash over each range of entries.
fn hashes(tree: Tree, ranges: &[Range<u64>], fetched: &Fetched) -> Result<Progress<Vec<Hash>>, FetchError> {
    let proven = match Proven::new(tree, ranges, fetched)? {
        Progress::Need(paths) => return Ok(Progress::Need(paths)),
        Progress::Done(proven) => proven,
    };
    let hashes: Result<_, Path> = ranges.iter().map(|range| proven.hash(range)).collect();
    Ok(match hashes {
        Ok(hashes) => Progress::Done(hashes),
        Err(path) => Progress::Need(vec![path]),
    })
}

#[cfg(test)]
mod tests;
