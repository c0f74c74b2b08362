//! The entries of a log, bundle by bundle.

use super::{FetchError, Fetched, Progress, Proven};
use crate::proof::ProofError;
use crate::tiles::{self, Path};
use crate::tree::{Hash, Tree, over};
use std::ops::Range;

/// Reads the entries of a log in their order: each bundle is held against the tree before anything of it is handed out.
#[derive(Clone, Debug)]
pub struct Entries {
    tree: Tree,
    range: Range<u64>,
}

/// Entries that are in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// The place of the first of them.
    pub first: u64,
    /// They, one after the other; at least one and at most 256.
    pub entries: Vec<&'a [u8]>,
}

impl Entries {
    /// Read these entries of a tree. From where the last reading ended, for those who follow a log.
    pub fn new(tree: Tree, range: Range<u64>) -> Result<Self, ProofError> {
        if range.end > tree.size() {
            let index = range.end - 1;
            return Err(ProofError::OutOfTree { index, tree });
        }
        Ok(Self { tree, range })
    }

    /// The next entries, or `None` after the last. What was fetched for a batch is not needed for the one after it, except
    /// tiles, which are small: forget bundles ([`Path::is_entries`]) when their entries are read.
    pub fn next<'a>(&mut self, fetched: &'a Fetched) -> Result<Progress<Option<Batch<'a>>>, FetchError> {
        if self.range.is_empty() {
            return Ok(Progress::Done(None));
        }
        let index = self.range.start >> 8;
        let start = index << 8;
        let end = self.tree.size().min(start + 256);
        let path = Path::entries(index, u16::try_from(end - start).unwrap_or(256));
        let proven = Proven::new(self.tree, std::slice::from_ref(&(start..end)), fetched)?;
        let (proven, bytes) = match (proven, fetched.get(&path)) {
            (Progress::Done(proven), Some(bytes)) => (proven, bytes),
            (Progress::Done(_), None) => return Ok(Progress::Need(vec![path])),
            (Progress::Need(mut paths), bytes) => {
                paths.extend(bytes.is_none().then_some(path));
                return Ok(Progress::Need(paths));
            }
        };
        let all = tiles::entries(bytes).map_err(|error| FetchError::Bundle { path, error })?;
        let found = all.len();
        // A full bundle begins with the entries of its partial ones.
        let entries = all.get(..usize::from(path.width()));
        let entries = entries.ok_or(FetchError::Short { path, found })?;
        let hashes: Vec<Hash> = entries.iter().map(|entry| Hash::of_entry(entry)).collect();
        match proven.hash(&(start..end)) {
            Ok(hash) if hash == over(&hashes) => {}
            Ok(_) => return Err(FetchError::Altered(path)),
            Err(path) => return Ok(Progress::Need(vec![path])),
        }
        let first = self.range.start;
        self.range.start = end.min(self.range.end);
        let entries = (start..)
            .zip(entries)
            .filter(|(index, _)| (first..self.range.start).contains(index))
            .map(|(_, entry)| *entry);
        Ok(Progress::Done(Some(Batch {
            first,
            entries: entries.collect(),
        })))
    }
}
