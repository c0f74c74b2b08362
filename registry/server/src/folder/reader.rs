//! Reading a registry's folder: entries, and the files that the log is served as.

use super::database::Database;
use super::files;
use super::sequencer::SequencerError;
use super::{CHECKPOINT, DATABASE, KEY_BEFORE, LOG, LOG_KEY};
use netsonde_log::{
    keys::{KeyError, LogKey, LogSecret},
    policy::{Opened, Policy, PolicyError},
    tiles,
};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Reads what others write, at any time.
pub struct Reader {
    pub(super) folder: PathBuf,
    pub(super) database: Database,
}

impl Reader {
    /// Read the registry of a folder.
    pub fn open(folder: &Path) -> Result<Self, SequencerError> {
        secret(folder)?;
        Ok(Self::of(folder, Database::open(&folder.join(DATABASE))?))
    }

    pub(super) fn of(folder: &Path, database: Database) -> Self {
        Self {
            folder: folder.to_owned(),
            database,
        }
    }

    /// Entries that are published, in their order.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, SequencerError> {
        let entries = self.database.entries(range.clone())?;
        if (entries.len() as u64) < range.end.saturating_sub(range.start) {
            return Err(SequencerError::Older {
                path: self.folder.join(DATABASE),
                published: range.end,
                stored: self.database.size()?,
            });
        }
        Ok(entries)
    }

    /// The checkpoint that is served, and what it says.
    pub fn checkpoint(&self) -> Result<(Vec<u8>, Opened), SequencerError> {
        let path = self.log().join(CHECKPOINT);
        let bytes = files::read(&path)?.ok_or_else(|| SequencerError::Missing(path.clone()))?;
        let bad = |error| SequencerError::Checkpoint { path, error };
        // Each time anew: another process may have changed the key.
        let key = secret(&self.folder)?.public();
        let before: Option<LogKey> = key_in(&self.folder.join(KEY_BEFORE))?;
        let opened = match (alone(key)?.open(&bytes, u64::MAX), before) {
            // Killed after the key was changed and before anything was signed with it.
            (Err(_), Some(before)) => alone(before)?.open(&bytes, u64::MAX),
            (opened, _) => opened,
        };
        Ok((bytes, opened.map_err(bad)?))
    }

    /// A file of the log. A full one has its beginnings in it.
    pub fn file(&self, path: tiles::Path) -> Result<Vec<u8>, SequencerError> {
        file(&self.log(), path)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }
}

/// A file of the log in this folder.
pub(super) fn file(log: &Path, path: tiles::Path) -> Result<Vec<u8>, SequencerError> {
    let file = log.join(path.to_string());
    let whole = log.join(path.whole().to_string());
    match files::read(&file)? {
        Some(bytes) => Ok(bytes),
        None => files::read(&whole)?.ok_or_else(|| SequencerError::Missing(file)),
    }
}

/// The key that the log of a folder signs with.
pub(super) fn secret(folder: &Path) -> Result<LogSecret, SequencerError> {
    key_in(&folder.join(LOG_KEY))?.ok_or_else(|| SequencerError::None(folder.to_owned()))
}

/// A key in a file, if there is one.
pub(super) fn key_in<T: FromStr<Err = KeyError>>(path: &Path) -> Result<Option<T>, SequencerError> {
    let Some(text) = files::read(path)? else {
        return Ok(None);
    };
    let key = String::from_utf8_lossy(&text).trim().parse();
    let key = key.map_err(|error| SequencerError::Key {
        path: path.to_owned(),
        error,
    })?;
    Ok(Some(key))
}

/// What a log believes of itself.
fn alone(log: LogKey) -> Result<Policy, PolicyError> {
    let origin = log.name().to_owned();
    Policy::new(&origin, log, Vec::new(), 0)
}
