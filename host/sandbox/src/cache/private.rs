//! A directory and a key that only this user can read and write.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::path::Path;

/// Why a directory can not hold compiled code.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotPrivate {
    /// The operating system refused.
    #[error("{what}: {error}")]
    Io { what: &'static str, error: io::Error },
    /// There is something else.
    #[error("it is not a directory")]
    NotADirectory,
    /// Another user owns it.
    #[cfg(unix)]
    #[error("{what} belongs to another user (uid {owner})")]
    Foreign { what: &'static str, owner: u32 },
    /// Others can read or write it.
    #[cfg(unix)]
    #[error("{what} is open to other users (mode {mode:o}); type `chmod go-rwx` on it")]
    Open { what: &'static str, mode: u32 },
}

/// Make sure that `dir` is there and private.
pub(super) fn directory(dir: &Path) -> Result<(), NotPrivate> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(|error| NotPrivate::Io {
            what: "create the directory above it",
            error,
        })?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(NotPrivate::Io {
                what: "create it",
                error,
            });
        }
        _ => {}
    }
    let meta = fs::symlink_metadata(dir).map_err(|error| NotPrivate::Io {
        what: "look at it",
        error,
    })?;
    if !meta.is_dir() {
        return Err(NotPrivate::NotADirectory);
    }
    check(&meta, "it")
}

#[cfg(unix)]
fn check(meta: &fs::Metadata, what: &'static str) -> Result<(), NotPrivate> {
    use std::os::unix::fs::MetadataExt as _;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(NotPrivate::Foreign {
            what,
            owner: meta.uid(),
        });
    }
    if meta.mode() & 0o077 != 0 {
        return Err(NotPrivate::Open {
            what,
            mode: meta.mode() & 0o7777,
        });
    }
    Ok(())
}

/// Elsewhere the user's own application directory is private already.
#[cfg(not(unix))]
fn check(_: &fs::Metadata, _: &'static str) -> Result<(), NotPrivate> {
    Ok(())
}

/// The secret that authenticates the files.
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Read the key of this directory, or make one. Of two processes that make one at the same time, the first wins.
    pub(super) fn load_or_create(dir: &Path) -> Result<Self, NotPrivate> {
        let path = dir.join("key");
        if let Some(key) = Self::load(&path)? {
            return Ok(key);
        }
        let failed = |what| move |error| NotPrivate::Io { what, error };
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| failed("make its key")(error.into()))?;
        // A new temporary file has mode 0600.
        let mut file = tempfile::Builder::new()
            .prefix(super::TEMPORARY)
            .tempfile_in(dir)
            .map_err(failed("make its key"))?;
        file.write_all(&bytes).map_err(failed("write its key"))?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(Self(bytes)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Self::load(&path)?.ok_or_else(|| failed("read its key")(io::ErrorKind::InvalidData.into()))
            }
            Err(error) => Err(failed("write its key")(error.error)),
        }
    }

    /// A damaged key is removed: all it protected gets compiled again.
    fn load(path: &Path) -> Result<Option<Self>, NotPrivate> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(NotPrivate::Io {
                    what: "read its key",
                    error,
                });
            }
        };
        let meta = fs::symlink_metadata(path).map_err(|error| NotPrivate::Io {
            what: "look at its key",
            error,
        })?;
        check(&meta, "its key")?;
        if let Ok(bytes) = bytes.try_into() {
            return Ok(Some(Self(bytes)));
        }
        fs::remove_file(path).map_err(|error| NotPrivate::Io {
            what: "replace its damaged key",
            error,
        })?;
        Ok(None)
    }
}
