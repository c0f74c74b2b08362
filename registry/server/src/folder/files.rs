//! Files that are there whole or not at all, also after a crash.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {error}", path.display())]
pub struct FileError {
    /// What was being done.
    pub doing: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// Why it could not.
    pub error: io::Error,
}

impl FileError {
    pub(super) fn new<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |error| Self {
            doing,
            path: path.to_owned(),
            error,
        }
    }
}

/// What is in a file; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path)(error)),
    }
}

/// Where files are written before they get their names: what a killed process leaves there means nothing.
pub(super) struct Aside(PathBuf);

impl Aside {
    /// A folder on the file system of the files to be.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Remove what was left. Nobody else may be writing.
    pub(super) fn clear(&self) -> Result<(), FileError> {
        remove_folder(&self.0)?;
        fs::create_dir_all(&self.0).map_err(FileError::new("make the folder", &self.0))
    }

    /// Write a file that everybody may read, in place of the one before it. On return the bytes are on the disk; the name
    /// is, after [`sync_folders`].
    pub(super) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(FileError::new("make the folder", folder))?;
        }
        let written = || -> io::Result<()> {
            let file = self.filled(bytes)?;
            make_readable(file.as_file())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        written().map_err(FileError::new("write", path))
    }

    /// Write a file that only its owner may read, where none is yet.
    pub(super) fn write_secret(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        let written = || -> io::Result<()> {
            let file = self.filled(bytes)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(path)?;
            Ok(())
        };
        written().map_err(FileError::new("write", path))
    }

    fn filled(&self, bytes: &[u8]) -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(bytes)?;
        Ok(file)
    }
}

/// Give a file another name, in place of the one that has it.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(FileError::new("rename", from))
}

/// Remove a file, if it is there.
pub(super) fn remove_file(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Remove a folder with all that is in it, if it is there.
pub(super) fn remove_folder(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Have the names of these files on the disk, and those of the folders above them up to `top`.
pub(super) fn sync_folders<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    top: &Path,
) -> Result<(), FileError> {
    let mut folders: Vec<&Path> = files
        .into_iter()
        .flat_map(|file| {
            file.ancestors()
                .skip(1)
                .take_while(|folder| folder.starts_with(top))
        })
        .collect();
    folders.sort_unstable();
    folders.dedup();
    // The deepest first: a folder is not named before what is in it.
    for folder in folders.into_iter().rev() {
        sync_folder(folder)?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(FileError::new("write to the disk", folder))
}

/// Windows has no such call; NTFS keeps a journal of names.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), FileError> {
    Ok(())
}

#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}
