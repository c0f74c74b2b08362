//! How the files of a log are called.

use super::bundle::MAX_ENTRY;
use super::{LEVELS, WIDTH};
use crate::decimal;
use crate::tree::{Hash, MAX_SIZE};
use std::fmt;
use std::str::FromStr;

/// The path of a tile or of a bundle of entries, below where the log is served: `tile/0/x001/x234/067.p/8`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    kind: Kind,
    index: u64,
    width: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Entries,
    Tile(u8),
}

/// Why a text is no path in a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path of a log: wanted tile/LEVEL/INDEX or tile/entries/INDEX, with .p/WIDTH where it is not full, as \
     C2SP tlog-tiles writes them"
)]
pub struct PathError(String);

impl Path {
    /// The `index`th tile of a level, with this many hashes.
    pub(crate) const fn tile(level: u8, index: u64, width: u16) -> Self {
        let kind = Kind::Tile(level);
        Self { kind, index, width }
    }

    /// The `index`th bundle, with this many entries.
    pub(crate) const fn entries(index: u64, width: u16) -> Self {
        let kind = Kind::Entries;
        Self { kind, index, width }
    }

    /// Whether entries are in it, and not hashes.
    pub const fn is_entries(&self) -> bool {
        matches!(self.kind, Kind::Entries)
    }

    /// How many hashes or entries are in it.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// The path of the full file of which this is the beginning; itself if it is full. A log may delete the beginning once
    /// it serves the full one, which may then be given in its place.
    #[must_use]
    pub const fn whole(&self) -> Self {
        Self { width: 256, ..*self }
    }

    /// The most bytes that the file can have. Read no more of whoever serves it.
    pub const fn max_len(&self) -> usize {
        let each = match self.kind {
            Kind::Entries => 2 + MAX_ENTRY,
            Kind::Tile(_) => Hash::LEN,
        };
        self.width as usize * each
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Tile(
                u8::try_from(decimal(level)?)
                    .ok()
                    .filter(|level| *level < LEVELS)?,
            ),
        };
        let (groups, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((groups, width)) => (groups, u16::try_from(decimal(width)?).ok()?),
        };
        let is_partial_or_full = rest == groups || (1..WIDTH).contains(&usize::from(width));
        let level = match kind {
            Kind::Entries => 0,
            Kind::Tile(level) => level,
        };
        let most = MAX_SIZE >> (8 * level) >> 8;
        let mut index = 0_u64;
        for group in groups.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            // Three digits at a time, and no more than fit: the sum can not overflow.
            index = index * 1000 + digits.parse::<u64>().ok().filter(|group| *group < 1000)?;
            if index > most {
                return None;
            }
        }
        is_partial_or_full.then_some(Self { kind, index, width })
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        // Each file has one path: what would be written otherwise is not read.
        let path = Self::parse(text).filter(|path| path.to_string() == text);
        path.ok_or_else(|| PathError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Entries => f.write_str("tile/entries/")?,
            Kind::Tile(level) => write!(f, "tile/{level}/")?,
        }
        let digits = self.index.checked_ilog10().unwrap_or(0);
        for group in (1..=digits / 3).rev() {
            write!(f, "x{:03}/", self.index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if usize::from(self.width) < WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_has_three_digits_at_a_time() {
        for (path, text) in [
            (Path::tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
            (Path::tile(0, 3, 8), "tile/0/003.p/8"),
            (Path::entries(1_000, 256), "tile/entries/x001/000"),
            (Path::entries(999_999, 1), "tile/entries/x999/999.p/1"),
            (Path::tile(5, 0, 255), "tile/5/000.p/255"),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
    }

    #[test]
    fn a_path_that_would_be_written_otherwise_is_none() {
        for text in [
            "",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/xx01/001",
            "tile/0/+01",
            "tile/00/001",
            "tile/6/000",
            "tile/-1/000",
            "tile/data/000",
            "tile/8/0/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/08",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000.p/8.p/8",
            "tile/0/../000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/entries/x001/x099/x511/x627/776",
            "tile/5/256",
            "checkpoint",
        ] {
            assert_eq!(text.parse::<Path>(), Err(PathError(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_path_knows_how_much_to_read() {
        assert_eq!(Path::tile(0, 0, 256).max_len(), 8_192);
        assert_eq!(Path::tile(1, 0, 3).max_len(), 96);
        assert_eq!(Path::entries(0, 2).max_len(), 2 * 65_537);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(level in 0..LEVELS, index in 0..MAX_SIZE, width in 1..=256_u16) {
            let index = index >> (8 * (level + 1));
            for path in [Path::tile(level, index, width), Path::entries(index, width)] {
                prop_assert_eq!(path.to_string().parse(), Ok(path));
            }
        }

        #[test]
        fn any_text_is_read_without_harm(text in "tile/[0-6entris]{1,7}/[x0-9/.p]{0,40}") {
            if let Ok(path) = text.parse::<Path>() {
                prop_assert_eq!(path.to_string(), text);
            }
        }
    }
}
