//! Growing a log: new entries in, files to store out.
//!
//! The writer holds the right edge of the tree, which is all that new entries change. It stores nothing. Whoever does keeps
//! this order, so that a reader never sees a checkpoint whose files are not there: bundles, tiles, checkpoint, each of them
//! whole at once (written aside and renamed).

use crate::fetch::{Entries, FetchError, Fetched, Progress, Proven, edge_root};
use crate::tiles::{self, EntryTooLong, LEVELS, Path, WIDTH};
use crate::tree::{Hash, MAX_SIZE, Tree, over};

/// The end of a log, where it grows.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    size: u64,
    /// The last tile of each level, where it is not full.
    edge: [Vec<Hash>; LEVELS as usize],
    /// The last bundle, if it is not full.
    bundle: Vec<u8>,
}

/// What is to be stored for new entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The log with them, for the checkpoint.
    pub tree: Tree,
    /// The new files, in the order in which they are to be stored.
    pub files: Vec<(Path, Vec<u8>)>,
}

/// Why nothing was added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// An entry that no bundle can hold.
    #[error("add entry {index} of these to the log: {error}")]
    TooLong {
        /// Which of the new entries.
        index: usize,
        /// How long it is.
        error: EntryTooLong,
    },
    /// More entries than a log may have.
    #[error("the log can not have more than {MAX_SIZE} entries: begin another")]
    Full,
}

impl Writer {
    /// A log without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Go on where a log ends. Its last files are held against the tree, which its last checkpoint says: what was damaged
    /// while the server slept is found before anything is built on it.
    pub fn open(tree: Tree, stored: &Fetched) -> Result<Progress<Self>, FetchError> {
        let last = tree.size() & !0xff;
        let mut entries = Entries::new(tree, last..tree.size())?;
        let (batch, proven) = match (entries.next(stored)?, Proven::new(tree, &[], stored)?) {
            (Progress::Done(batch), Progress::Done(proven)) => (batch, proven),
            (Progress::Need(paths), _) | (_, Progress::Need(paths)) => return Ok(Progress::Need(paths)),
        };
        let mut writer = Self {
            size: tree.size(),
            ..Self::default()
        };
        for (level, edge) in (0..).zip(&mut writer.edge) {
            *edge = proven.edge(level).to_vec();
        }
        if let Some(batch) = batch {
            // As it is stored, which may be more than the tree has.
            let len = batch.entries.iter().map(|entry| 2 + entry.len()).sum();
            let stored = stored.get(&writer.last_bundle());
            writer.bundle = stored
                .and_then(|bytes| bytes.get(..len))
                .unwrap_or_default()
                .to_vec();
        }
        Ok(Progress::Done(writer))
    }

    /// All entries that were added.
    pub fn tree(&self) -> Tree {
        let root = edge_root(self.edge.iter().map(Vec::as_slice));
        Tree::grown(self.size, root)
    }

    /// Add entries: all of them, or none. If the files can not be stored, forget the writer and open another.
    pub fn append<T: AsRef<[u8]>>(&mut self, entries: &[T]) -> Result<Growth, WriteError> {
        let from = self.size;
        let to = from.saturating_add(entries.len() as u64);
        if to > MAX_SIZE {
            return Err(WriteError::Full);
        }
        let encoded = entries.iter().enumerate().map(|(index, entry)| {
            let encoded = tiles::encode(entry.as_ref());
            encoded.map_err(|error| WriteError::TooLong { index, error })
        });
        let encoded: Vec<Vec<u8>> = encoded.collect::<Result<_, _>>()?;
        let mut files = Vec::new();
        for (entry, encoded) in entries.iter().zip(encoded) {
            self.bundle.extend(encoded);
            self.size += 1;
            if self.size.is_multiple_of(256) {
                let path = Path::entries((self.size >> 8) - 1, 256);
                files.push((path, std::mem::take(&mut self.bundle)));
            }
            self.push(Hash::of_entry(entry.as_ref()), &mut files);
        }
        if !entries.is_empty() && !self.bundle.is_empty() {
            files.push((self.last_bundle(), self.bundle.clone()));
        }
        for (level, edge) in (0..LEVELS).zip(&self.edge) {
            if !edge.is_empty() && from >> (8 * level) < to >> (8 * level) {
                let width = u16::try_from(edge.len()).unwrap_or(256);
                let path = Path::tile(level, to >> (8 * level) >> 8, width);
                files.push((path, tiles::tile(edge)));
            }
        }
        // Bundles before tiles, and those level by level: the order of paths.
        files.sort_unstable_by_key(|(path, _)| *path);
        let tree = self.tree();
        Ok(Growth { tree, files })
    }

    /// Add the hash of the newest entry to the tiles. Each that gets full is a file, and a hash for the level above.
    fn push(&mut self, mut hash: Hash, files: &mut Vec<(Path, Vec<u8>)>) {
        for (level, edge) in (0..LEVELS).zip(&mut self.edge) {
            edge.push(hash);
            if edge.len() < WIDTH {
                return;
            }
            let index = (self.size >> (8 * level) >> 8) - 1;
            files.push((Path::tile(level, index, 256), tiles::tile(edge)));
            hash = over(edge);
            edge.clear();
        }
    }

    /// The path of the bundle that is not full.
    fn last_bundle(&self) -> Path {
        let [width, ..] = self.size.to_le_bytes();
        Path::entries(self.size >> 8, u16::from(width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
        range.map(|number| number.to_string().into_bytes()).collect()
    }

    fn root(entries: &[Vec<u8>]) -> Hash {
        over(
            &entries
                .iter()
                .map(|entry| Hash::of_entry(entry))
                .collect::<Vec<_>>(),
        )
    }

    fn done<T>(progress: Progress<T>) -> T {
        match progress {
            Progress::Done(done) => done,
            Progress::Need(paths) => panic!("needs {paths:?}"),
        }
    }

    #[test]
    fn all_entries_are_added_or_none() {
        let mut writer = Writer::new();
        writer.append(&entries(0..3)).unwrap();
        let before = writer.tree();
        let error = writer.append(&[vec![], vec![0; 65_536]]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "add entry 1 of these to the log: the entry has 65536 bytes: a log holds entries of at most 65535; put the hash \
             of the content in it"
        );
        assert_eq!(writer.tree(), before);
        assert_eq!(
            writer.append(&entries(3..4)).unwrap().tree.root(),
            root(&entries(0..4))
        );
    }

    #[test]
    fn a_log_that_is_full_stays_as_it_is() {
        let mut writer = Writer {
            size: MAX_SIZE - 1,
            ..Writer::new()
        };
        assert_eq!(writer.append(&["a", "b"]), Err(WriteError::Full));
        assert_eq!(writer.append(&["a"]).unwrap().tree.size(), MAX_SIZE);
        assert_eq!(writer.append(&["b"]), Err(WriteError::Full));
    }

    #[test]
    fn nothing_new_is_nothing_to_store() {
        let mut writer = Writer::new();
        let none: [&[u8]; 0] = [];
        assert_eq!(writer.append(&none).unwrap().tree, Tree::EMPTY);
        writer.append(&entries(0..300)).unwrap();
        assert_eq!(writer.append(&none).unwrap().files, []);
    }

    #[test]
    fn what_was_damaged_in_store_is_found_when_it_is_opened() {
        let mut writer = Writer::new();
        let growth = writer.append(&entries(0..300)).unwrap();
        let stored: Fetched = growth.files.into_iter().collect();
        assert!(matches!(
            Writer::open(growth.tree, &Fetched::new()),
            Ok(Progress::Need(paths)) if paths.iter().all(|path| stored.contains_key(path))
        ));
        done(Writer::open(growth.tree, &stored).unwrap());
        for (path, at) in [
            ("tile/entries/001.p/44", 7),
            ("tile/0/001.p/44", 7),
            ("tile/1/000.p/1", 7),
        ] {
            let mut stored = stored.clone();
            stored.get_mut(&path.parse().unwrap()).unwrap()[at] ^= 1;
            assert!(Writer::open(growth.tree, &stored).is_err(), "{path}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_log_grows_to_the_same_in_whatever_steps(steps in prop::collection::vec((0..700_usize, any::<bool>()), 1..6)) {
            let mut writer = Writer::new();
            let mut stored = Fetched::new();
            let mut size = 0;
            for (more, reopen) in steps {
                let growth = writer.append(&entries(size..size + more)).unwrap();
                let names: Vec<Path> = growth.files.iter().map(|(path, _)| *path).collect();
                let (from, to) = (size as u64, (size + more) as u64);
                prop_assert_eq!(names, tiles::files(from, to).collect::<Vec<_>>());
                stored.extend(growth.files);
                size += more;
                prop_assert_eq!(growth.tree, Tree::new(to, root(&entries(0..size))).unwrap());
                if reopen {
                    writer = done(Writer::open(growth.tree, &stored).unwrap());
                }
            }
        }
    }
}
