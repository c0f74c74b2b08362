//! A folder of files that are there whole or not at all, also after a crash, and that several processes can write.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {error}", path.display())]
pub struct StoreError {
    /// What was being done.
    pub doing: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// Why it could not.
    pub error: io::Error,
}

impl StoreError {
    pub(crate) fn new<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |error| Self {
            doing,
            path: path.to_owned(),
            error,
        }
    }
}

/// A folder.
#[derive(Clone, Debug)]
pub(crate) struct Store(PathBuf);

/// Nobody else writes as long as this is there. The system lets go of it when the process ends, however it does.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] File);

impl Store {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Make the folder, which only this user may enter: what a probe follows is nobody's business.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let made = private().recursive(true).create(&self.0);
        made.map_err(StoreError::new("make the folder", &self.0))
    }

    /// What is in a file; `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::new("read", &path)(error)),
        }
    }

    /// Write a file in place of the one before it. On return it is on the disk. The folder is there, or it was removed and is not
    /// to be made again by somebody who has not heard of that.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0);
        let written = || -> io::Result<()> {
            if folder != self.0 {
                make_inside(folder)?;
            }
            let mut file = NamedTempFile::new_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            sync_folder(folder)
        };
        written().map_err(StoreError::new("write", &path))
    }

    /// Remove a file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.0.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::new("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Wait until nobody else writes.
    pub(crate) fn turn(&self) -> Result<Turn, StoreError> {
        let path = self.0.join("lock");
        let open = || -> io::Result<File> {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            lock(&file)?;
            Ok(file)
        };
        Ok(Turn(open().map_err(StoreError::new("lock", &path))?))
    }
}

/// Make a folder in one that is there.
fn make_inside(folder: &Path) -> io::Result<()> {
    match private().create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private() -> fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// The user's folder for data is private on other systems.
#[cfg(not(unix))]
fn private() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// Wait for the lock. The standard library has none on Android.
#[cfg(unix)]
fn lock(file: &File) -> io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    loop {
        match flock(file, FlockOperation::LockExclusive) {
            Err(rustix::io::Errno::INTR) => {}
            locked => return Ok(locked?),
        }
    }
}

/// Wait for the lock.
#[cfg(not(unix))]
fn lock(file: &File) -> io::Result<()> {
    file.lock()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no such call; NTFS keeps a journal of names.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
