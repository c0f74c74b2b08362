//! The files that a log is served as (C2SP tlog-tiles): tiles of 256 hashes, and bundles of 256 entries.
//!
//! What belongs here: how the files are called, which of them a log of some size has, what is in them. What does not:
//! where they are kept ([`writer`](crate::writer) says which to store) and whether they are true ([`fetch`](crate::fetch)).

mod bundle;
mod path;

pub use bundle::{BundleError, EntryTooLong, MAX_ENTRY};
pub use path::{Path, PathError};

pub(crate) use bundle::{encode, entries};

use crate::tree::Hash;

/// How many hashes are in a tile that is full, and how many entries in a bundle.
pub const WIDTH: usize = 256;

/// How many levels of tiles the largest log has.
pub(crate) const LEVELS: u8 = 6;

/// The files that a log of `to` entries has and one of `from` has not: bundles first, then the tiles level by level, in the
/// order in which they are to be stored. From 0 on: all its files.
///
/// Files that are not full (`.p/`) are served until the full one is there.
pub fn files(from: u64, to: u64) -> impl Iterator<Item = Path> {
    let bundles = level(0, from, to).map(|(index, width)| Path::entries(index, width));
    let tiles = (0..LEVELS).flat_map(move |number| {
        level(number, from, to).map(move |(index, width)| Path::tile(number, index, width))
    });
    bundles.chain(tiles)
}

/// Index and width of the new tiles of one level.
fn level(number: u8, from: u64, to: u64) -> impl Iterator<Item = (u64, u16)> {
    let (from, to) = (from >> (8 * number), to >> (8 * number));
    let full = ((from >> 8)..(to >> 8)).map(|index| (index, 256));
    let rest = u16::try_from(to & 0xff).ok();
    let partial = rest.filter(|width| *width > 0 && from < to);
    full.chain(partial.map(|width| (to >> 8, width)))
}

/// The bytes of a tile.
pub(crate) fn tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// The first `width` hashes of a tile, or `None` if it has fewer, or is none. A full tile begins with the hashes of all its
/// partial ones.
pub(crate) fn hashes(bytes: &[u8], width: u16) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<{ Hash::LEN }>();
    let hashes = (rest.is_empty() && hashes.len() <= WIDTH)
        .then_some(hashes)?
        .get(..usize::from(width))?;
    Some(hashes.iter().map(|hash| Hash::from(*hash)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MAX_SIZE;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn names(from: u64, to: u64) -> Vec<String> {
        files(from, to).map(|path| path.to_string()).collect()
    }

    #[test]
    fn a_log_of_70000_entries_has_the_files_that_the_specification_lists() {
        let names = names(0, 70_000);
        assert_eq!(names.len(), 2 * 274 + 2 + 1);
        for name in [
            "tile/entries/272",
            "tile/entries/273.p/112",
            "tile/0/000",
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1",
        ] {
            assert!(names.iter().any(|other| other == name), "{name}");
        }
    }

    #[test]
    fn no_file_is_empty() {
        assert_eq!(
            names(0, 256),
            ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
        );
        assert_eq!(names(0, 0), [""; 0]);
        assert_eq!(names(70_000, 70_000), [""; 0]);
    }

    #[test]
    fn one_entry_more_is_a_few_files_more() {
        assert_eq!(
            names(65_535, 65_536),
            ["tile/entries/255", "tile/0/255", "tile/1/000", "tile/2/000.p/1"]
        );
        assert_eq!(names(256, 257), ["tile/entries/001.p/1", "tile/0/001.p/1"]);
        let last = names(MAX_SIZE - 1, MAX_SIZE);
        assert_eq!(
            last,
            [
                "tile/entries/x001/x099/x511/x627/775.p/255",
                "tile/0/x001/x099/x511/x627/775.p/255"
            ]
        );
    }

    #[test]
    fn a_full_tile_serves_in_place_of_a_partial_one() {
        let all: Vec<Hash> = (0..=255).map(|byte| Hash::of_entry(&[byte])).collect();
        let bytes = tile(&all);
        assert_eq!(hashes(&bytes, 256), Some(all.clone()));
        assert_eq!(hashes(&bytes, 3), Some(all[..3].to_vec()));
        assert_eq!(hashes(&bytes[..64], 2), Some(all[..2].to_vec()));
        for wrong in [&bytes[..65], &bytes[..32], &[bytes.clone(), vec![0; 32]].concat()] {
            assert_eq!(hashes(wrong, 2), None);
        }
    }

    proptest! {
        #[test]
        fn all_files_are_those_of_before_and_the_new_ones(from in 0..200_000_u64, more in 0..200_000_u64) {
            let all: BTreeSet<Path> = files(0, from + more).collect();
            let before: BTreeSet<Path> = files(0, from).collect();
            let new: BTreeSet<Path> = files(from, from + more).collect();
            prop_assert!(new.is_disjoint(&before));
            prop_assert!(new.is_subset(&all));
            // Of before, only what is not full is no longer needed.
            prop_assert!(all.difference(&new).all(|path| before.contains(path)));
            prop_assert!(before.difference(&all).all(|path| path.whole() != *path));
        }

        #[test]
        fn tlog_tiles_lists_the_same_tiles(from in 0..(1_u64 << 47), more in 0..3_000_u64) {
            let theirs = tlog_tiles::Tile::new_tiles(8, from, from + more);
            let theirs: Vec<String> = theirs.iter().map(|tile| tile.path().replacen("tile/8/", "tile/", 1)).collect();
            let ours: Vec<String> = files(from, from + more)
                .filter(|path| !path.is_entries())
                .map(|path| path.to_string())
                .collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
