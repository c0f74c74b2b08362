//! The floor: what is kept of the log so that nobody can show a probe an older one, whatever its clock says.

use crate::decimal;
use crate::tree::{Hash, Tree};
use std::fmt;
use std::str::FromStr;

const TITLE: &str = "netsonde floor 1";

/// How far a log was read, and when it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Which log.
    pub origin: String,
    /// All its leaves.
    pub tree: Tree,
    /// The newest time at which a quorum saw it, in seconds since 1970. It never goes back, and neither may the clock, far.
    pub time: u64,
    /// The version of the root in force.
    pub root_version: u64,
}

/// Why a text is no floor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no floor: wanted the line \"{TITLE}\" and those of origin, size, root, time and root-version. Read the log from its start"
)]
pub struct FloorError;

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, root) = (self.tree.size(), self.tree.root());
        writeln!(f, "{TITLE}\norigin {}\nsize {size}\nroot {root}", self.origin)?;
        writeln!(f, "time {}\nroot-version {}", self.time, self.root_version)
    }
}

impl FromStr for Floor {
    type Err = FloorError;

    fn from_str(text: &str) -> Result<Self, FloorError> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(FloorError)?.split('\n').collect();
        let [TITLE, origin, size, root, time, version] = *lines else {
            return Err(FloorError);
        };
        let origin = field(origin, "origin")?;
        let root: Hash = field(root, "root")?.parse().map_err(|_| FloorError)?;
        if !crate::keys::is_name(origin) {
            return Err(FloorError);
        }
        Ok(Self {
            origin: origin.to_owned(),
            tree: Tree::new(number(size, "size")?, root).map_err(|_| FloorError)?,
            time: number(time, "time")?,
            root_version: number(version, "root-version")?,
        })
    }
}

fn field<'a>(line: &'a str, name: &str) -> Result<&'a str, FloorError> {
    let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
    rest.ok_or(FloorError)
}

fn number(line: &str, name: &str) -> Result<u64, FloorError> {
    decimal(field(line, name)?).ok_or(FloorError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn floor() -> Floor {
        Floor {
            origin: "registry.example/log".to_owned(),
            tree: Tree::new(17, Hash::of_entry(b"x")).unwrap(),
            time: 1_800_000_000,
            root_version: 2,
        }
    }

    #[test]
    fn a_floor_is_written_like_this() {
        let text = floor().to_string();
        let hash = Hash::of_entry(b"x");
        assert_eq!(
            text,
            format!(
                "netsonde floor 1\norigin registry.example/log\nsize 17\nroot {hash}\ntime 1800000000\nroot-version 2\n"
            )
        );
        assert_eq!(text.parse(), Ok(floor()));
    }

    #[test]
    fn half_a_floor_is_none() {
        let text = floor().to_string();
        for end in 0..text.len() {
            assert_eq!(text[..end].parse::<Floor>(), Err(FloorError), "{end}");
        }
        for (from, to) in [
            ("floor 1", "floor 2"),
            ("size 17", "size 017"),
            ("size 17", "size 999999999999999"),
            ("time ", "time -"),
            ("origin registry", "origin our registry"),
            ("version 2\n", "version 2\n\n"),
        ] {
            assert_eq!(text.replace(from, to).parse::<Floor>(), Err(FloorError), "{to}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(at in any::<prop::sample::Index>(), byte in 0..128_u8) {
            let mut text = floor().to_string().into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            let text = String::from_utf8(text).unwrap();
            if let Ok(floor) = text.parse::<Floor>() {
                prop_assert_eq!(floor.to_string(), text);
            }
        }
    }
}
