//! What the entries of the log name by digest: files below `public/` that are called as their bytes are.

use super::files::{self, Aside, FileError};
use netsonde_log::words::Digest;
use std::path::{Path, PathBuf};

/// A folder below `public/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// Scripts.
    Scripts,
    /// Lists of targets, and the check-in table.
    Lists,
    /// All else: modules, manifests, reasons, snapshots.
    Objects,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Scripts, Self::Lists, Self::Objects];

    /// What the folder is called, and the first part of the path that it is served under.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scripts => "scripts",
            Self::Lists => "lists",
            Self::Objects => "objects",
        }
    }

    /// The path of a file below `public/`.
    pub fn path(self, digest: &Digest) -> String {
        format!("{}/{}", self.name(), hex_of(digest))
    }
}

/// Something that an entry of the log names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Where it belongs.
    pub shelf: Shelf,
    /// What it is.
    pub bytes: Vec<u8>,
}

impl Object {
    /// What it is called by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// The hexadecimal digits of a digest, without what kind it is.
pub fn hex_of(digest: &Digest) -> String {
    let text = digest.to_string();
    text.strip_prefix("sha256:").unwrap_or(&text).to_owned()
}

/// Have objects on the disk. On return they are there with their names.
pub(super) fn store(public: &Path, aside: &Aside, objects: &[Object]) -> Result<(), FileError> {
    let mut written = Vec::new();
    for object in objects {
        let digest = object.digest();
        let path = public.join(object.shelf.path(&digest));
        // One that is there and whole is the same. A damaged one is written anew.
        if files::read(&path)?.is_some_and(|bytes| Digest::of(&bytes) == digest) {
            continue;
        }
        aside.write(&path, &object.bytes)?;
        written.push(path);
    }
    files::sync_folders(written.iter().map(PathBuf::as_path), public)
}

/// What is stored under a digest, if it is there and whole.
pub(super) fn read(public: &Path, shelf: Shelf, digest: &Digest) -> Result<Option<Vec<u8>>, FileError> {
    let bytes = files::read(&public.join(shelf.path(digest)))?;
    Ok(bytes.filter(|bytes| Digest::of(bytes) == *digest))
}
