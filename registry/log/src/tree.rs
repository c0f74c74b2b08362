//! The Merkle tree under a log (RFC 6962, section 2.1): hashes of entries, joined two by two up to one root.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The most entries that a log may have. So six levels of tiles are enough, and no arithmetic on sizes can overflow.
pub const MAX_SIZE: u64 = (1 << 48) - 1;

/// The hash of an entry, or of all entries below one place in the tree. Written in base64, as C2SP's formats do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Self::LEN]);

impl Hash {
    /// How many bytes it has: SHA-256.
    pub const LEN: usize = 32;

    /// The root of a tree without entries.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// The hash of one entry. Prefixed, so that no entry has the hash of a part of the tree.
    pub fn of_entry(entry: &[u8]) -> Self {
        Self(
            Sha256::new()
                .chain_update([0])
                .chain_update(entry)
                .finalize()
                .into(),
        )
    }

    /// The hash of the place above two others.
    pub(crate) fn of_children(left: Self, right: Self) -> Self {
        let hash = Sha256::new().chain_update([1]).chain_update(left.0);
        Self(hash.chain_update(right.0).finalize().into())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for Hash {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = TreeError;

    fn from_str(text: &str) -> Result<Self, TreeError> {
        let bytes = STANDARD.decode(text).ok();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        hash.ok_or_else(|| TreeError::Hash(text.chars().take(64).collect()))
    }
}

/// All entries of a log at one moment: how many, and the root that they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tree {
    size: u64,
    root: Hash,
}

/// Why something is no tree, or no hash in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Neither 32 bytes nor base64.
    #[error("{0:?} is no hash: wanted 32 bytes in base64")]
    Hash(String),
    /// More entries than [`MAX_SIZE`].
    #[error("a log of {0} entries: none has more than {MAX_SIZE}")]
    TooLarge(u64),
    /// Without entries there is one root only: [`Hash::EMPTY`].
    #[error("a log without entries has the root {empty}, not {0}", empty = Hash::EMPTY)]
    NotEmpty(Hash),
}

impl Tree {
    /// The tree without entries.
    pub const EMPTY: Self = Self {
        size: 0,
        root: Hash::EMPTY,
    };

    /// A tree that somebody speaks of.
    pub fn new(size: u64, root: Hash) -> Result<Self, TreeError> {
        if size > MAX_SIZE {
            return Err(TreeError::TooLarge(size));
        }
        if size == 0 && root != Hash::EMPTY {
            return Err(TreeError::NotEmpty(root));
        }
        Ok(Self { size, root })
    }

    /// A tree whose root was just made of its parts.
    pub(crate) const fn grown(size: u64, root: Hash) -> Self {
        Self { size, root }
    }

    /// How many entries it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash of them all.
    pub const fn root(&self) -> Hash {
        self.root
    }
}

/// A complete subtree: the `index`th of those that have `2^level` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) level: u8,
    pub(crate) index: u64,
}

/// Where entries `range`, being all below one place in the tree, part into its left and its right child: at the largest
/// power of two that leaves something to the right. `None` for a single entry.
pub(crate) fn parting(range: &Range<u64>) -> Option<u64> {
    let level = (range.end - range.start).checked_sub(1)?.checked_ilog2()?;
    Some(range.start + (1 << level))
}

/// The complete subtrees that entries `range` are made of, from left to right, the largest first. `range` are all entries
/// below one place in a tree.
pub(crate) fn complete(range: Range<u64>) -> impl Iterator<Item = Node> {
    let Range { mut start, end } = range;
    std::iter::from_fn(move || {
        let level = end.checked_sub(start)?.checked_ilog2()?;
        let index = start >> level;
        start += 1 << level;
        let level = u8::try_from(level).ok()?;
        Some(Node { level, index })
    })
}

/// The hash over complete subtrees, as [`complete`] lists them.
pub(crate) fn join(hashes: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    let joined = hashes.rev().reduce(|right, left| Hash::of_children(left, right));
    joined.unwrap_or(Hash::EMPTY)
}

/// The hash over these, each of which is that of an entry, or of complete subtrees of one size.
pub(crate) fn over(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::EMPTY,
        [hash] => *hash,
        _ => {
            // For a power of two: its half.
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            Hash::of_children(over(left), over(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn roots_are_those_of_rfc_6962() {
        // The vectors of Certificate Transparency's own tests.
        let entries: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[
                0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
                0x6f,
            ],
        ];
        let hashes: Vec<Hash> = entries.iter().map(|entry| Hash::of_entry(entry)).collect();
        for (size, root) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
            (
                5,
                "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ] {
            assert_eq!(hex::encode(over(&hashes[..size]).as_bytes()), root, "{size}");
        }
    }

    #[test]
    fn a_hash_has_one_text() {
        let text = Hash::EMPTY.to_string();
        assert_eq!(text.parse(), Ok(Hash::EMPTY));
        // Without padding, with bits that mean nothing, too short, not base64.
        for wrong in [
            &text[..43],
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            "AAAA",
            "é",
            "",
        ] {
            assert_eq!(
                wrong.parse::<Hash>(),
                Err(TreeError::Hash(wrong.to_owned())),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_tree_is_not_too_large_and_empty_only_without_entries() {
        let root = Hash::of_entry(b"x");
        assert!(Tree::new(MAX_SIZE, root).is_ok());
        assert_eq!(
            Tree::new(MAX_SIZE + 1, root),
            Err(TreeError::TooLarge(MAX_SIZE + 1))
        );
        assert_eq!(Tree::new(0, root), Err(TreeError::NotEmpty(root)));
        assert_eq!(Tree::new(0, Hash::EMPTY), Ok(Tree::EMPTY));
    }

    proptest! {
        #[test]
        fn complete_subtrees_join_to_the_same_root(entries in prop::collection::vec(any::<u8>(), 0..600)) {
            let hashes: Vec<Hash> = entries.iter().map(|entry| Hash::of_entry(&[*entry])).collect();
            let parts: Vec<Hash> = complete(0..hashes.len() as u64)
                .map(|Node { level, index }| {
                    let start = usize::try_from(index << level).unwrap();
                    over(&hashes[start..start + (1 << level)])
                })
                .collect();
            prop_assert_eq!(join(parts.into_iter()), over(&hashes));
        }
    }
}
