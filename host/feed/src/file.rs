//! The files of a registry. Their paths are made of parsed words alone, so that none leads anywhere else.

use netsonde_log::words::Digest;
use netsonde_log::{note, root, tiles};
use std::fmt;

/// The longest text of a digest, with some room for how it ends.
const LONGEST_DIGEST: usize = 128;

/// A file that a registry serves, or a mirror of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// What the log signed last.
    Checkpoint,
    /// A part of the log.
    Tile(tiles::Path),
    /// The root document of this version.
    Root(u64),
    /// What the log was last said to have come to: the digest of a document, for those who begin to read it.
    Snapshot,
    /// Something that the log names by its digest.
    Object(Object),
}

/// Something that the log names by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// In which folder it is.
    pub kind: Kind,
    /// Its digest.
    pub digest: Digest,
    /// How long it is.
    pub size: Size,
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A script.
    Script,
    /// A list.
    List,
    /// A module, or what belongs to one; a snapshot.
    Object,
}

/// How long something is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As the log says.
    Exactly(u64),
    /// The log does not say: no longer than this.
    AtMost(u64),
}

impl Size {
    /// The most bytes that it has.
    pub fn limit(self) -> u64 {
        match self {
            Self::Exactly(size) | Self::AtMost(size) => size,
        }
    }

    /// Whether something can be so long.
    pub(crate) fn fits(self, length: u64) -> bool {
        match self {
            Self::Exactly(size) => length == size,
            Self::AtMost(size) => length <= size,
        }
    }
}

impl File {
    /// The most bytes that are read of it.
    pub fn limit(&self) -> u64 {
        let limit = match self {
            Self::Checkpoint => note::MAX_LEN,
            Self::Tile(path) => path.max_len(),
            Self::Root(_) => root::LIMITS.bytes,
            Self::Snapshot => LONGEST_DIGEST,
            Self::Object(object) => return object.size.limit(),
        };
        u64::try_from(limit).unwrap_or(u64::MAX)
    }
}

/// The path below where the registry is served.
impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("log/checkpoint"),
            Self::Tile(path) => write!(f, "log/{path}"),
            Self::Root(version) => write!(f, "roots/{version}.json"),
            Self::Snapshot => f.write_str("snapshot"),
            Self::Object(object) => {
                let folder = match object.kind {
                    Kind::Script => "scripts",
                    Kind::List => "lists",
                    Kind::Object => "objects",
                };
                write!(f, "{folder}/{}", hex::encode(object.digest.bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_where_registries_serve_them() {
        let digest = Digest::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let object = |kind| {
            let size = Size::Exactly(3);
            File::Object(Object { kind, digest, size })
        };
        for (file, path) in [
            (File::Checkpoint, "log/checkpoint".to_owned()),
            (
                File::Tile("tile/0/000.p/3".parse().unwrap()),
                "log/tile/0/000.p/3".to_owned(),
            ),
            (File::Root(2), "roots/2.json".to_owned()),
            (File::Snapshot, "snapshot".to_owned()),
            (object(Kind::Script), format!("scripts/{hex}")),
            (object(Kind::List), format!("lists/{hex}")),
            (object(Kind::Object), format!("objects/{hex}")),
        ] {
            assert_eq!(file.to_string(), path);
        }
        assert_eq!(object(Kind::Script).limit(), 3);
    }
}
