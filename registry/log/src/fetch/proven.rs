//! Tiles of a tree, each of them shown to be part of it.
//!
//! The root is made of the tiles at the right edge that are not full, one a level at most: they prove themselves together.
//! A full tile is one hash in the tile above it, and so on up to the edge. No tile counts before the ones above it do.

use super::{FetchError, Fetched, Progress};
use crate::tiles::{self, LEVELS, Path};
use crate::tree::{Hash, Node, Tree, complete, join, over};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Level and index of a tile.
type Place = (u8, u64);

/// Tiles that are part of a tree.
pub(crate) struct Proven {
    size: u64,
    tiles: BTreeMap<Place, Vec<Hash>>,
}

impl Proven {
    /// Prove the tiles from which the hashes over these ranges are made. Each range is below one place in the tree.
    pub(crate) fn new(
        tree: Tree,
        ranges: &[Range<u64>],
        fetched: &Fetched,
    ) -> Result<Progress<Self>, FetchError> {
        let size = tree.size();
        let (mut tiles, mut missing) = (BTreeMap::new(), Vec::new());
        for place in plan(size, ranges) {
            let path = path(size, place);
            match fetched.get(&path) {
                None => missing.push(path),
                Some(bytes) => {
                    let len = bytes.len();
                    let hashes = tiles::hashes(bytes, path.width()).ok_or(FetchError::Tile { path, len })?;
                    tiles.insert(place, hashes);
                }
            }
        }
        if !missing.is_empty() {
            return Ok(Progress::Need(missing));
        }
        let proven = Self { size, tiles };
        let found = edge_root((0..LEVELS).map(|level| proven.edge(level)));
        if found != tree.root() {
            return Err(FetchError::Root { tree, found });
        }
        // From above to below, so that what a tile is held against has been proven.
        for (place, hashes) in proven.tiles.iter().rev() {
            if hashes.len() == tiles::WIDTH && proven.in_parent(*place) != Some(over(hashes)) {
                return Err(FetchError::Altered(path(size, *place)));
            }
        }
        Ok(Progress::Done(proven))
    }

    /// The tile at the right edge of a level, if it is not full; no hashes where there is none.
    pub(crate) fn edge(&self, level: u8) -> &[Hash] {
        let place = (level, self.size >> (8 * level) >> 8);
        let tile = self.tiles.get(&place);
        tile.map_or(&[], |hashes| hashes.as_slice())
    }

    /// The hash over a range that was asked for; of another, the tile that it would need.
    pub(super) fn hash(&self, range: &Range<u64>) -> Result<Hash, Path> {
        let parts: Result<Vec<Hash>, Path> = complete(range.clone()).map(|node| self.node(node)).collect();
        Ok(join(parts?.into_iter()))
    }

    fn node(&self, node: Node) -> Result<Hash, Path> {
        let (place, range) = within(node);
        let tile = self.tiles.get(&place);
        let hashes = tile.and_then(|hashes| hashes.get(range));
        hashes.map(over).ok_or_else(|| path(self.size, place))
    }

    /// What the tile above says of a full tile.
    fn in_parent(&self, (level, index): Place) -> Option<Hash> {
        let above = Node {
            level: 8 * (level + 1),
            index,
        };
        self.node(above).ok()
    }
}

/// The root of a tree of which these are the hashes at its right edge, level by level from the lowest.
pub(crate) fn edge_root<'a>(levels: impl Iterator<Item = &'a [Hash]>) -> Hash {
    let levels: Vec<&[Hash]> = levels.collect();
    let parts = levels.into_iter().rev().flat_map(|hashes| {
        let parts: Vec<Hash> = complete(0..hashes.len() as u64)
            .filter_map(|node| hashes.get(within(node).1))
            .map(over)
            .collect();
        parts
    });
    join(parts.collect::<Vec<_>>().into_iter())
}

/// The tiles at the right edge, those with the complete subtrees of these ranges, and all above them.
fn plan(size: u64, ranges: &[Range<u64>]) -> BTreeSet<Place> {
    let mut places: BTreeSet<Place> = (0..LEVELS)
        .filter(|level| (size >> (8 * level)) & 0xff > 0)
        .map(|level| (level, size >> (8 * level) >> 8))
        .collect();
    for node in ranges.iter().flat_map(|range| complete(range.clone())) {
        let (mut place, _) = within(node);
        while place.0 < LEVELS && places.insert(place) {
            place = (place.0 + 1, place.1 >> 8);
        }
    }
    places
}

/// Where a complete subtree is found: the tile, and its hashes there.
fn within(node: Node) -> (Place, Range<usize>) {
    let level = node.level % 8;
    let first = node.index << level;
    // A tile has 256 hashes: this is exact.
    let start = usize::from(first.to_le_bytes()[0]);
    ((node.level / 8, first >> 8), start..start + (1 << level))
}

/// The path of a tile in a tree of this size: it is full unless the tree ends in it.
fn path(size: u64, (level, index): Place) -> Path {
    let hashes = (size >> (8 * level)).saturating_sub(index << 8);
    Path::tile(level, index, u16::try_from(hashes).unwrap_or(256).min(256))
}
