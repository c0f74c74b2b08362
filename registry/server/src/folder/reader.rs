//! Reading a registry's folder: entries, and the files that the log is served as.

use super::database::Database;
use super::files;
use super::sequencer::SequencerError;
use super::{CHECKPOINT, DATABASE, LOG, LOG_KEY};
use netsonde_log::{
    keys::LogSecret,
    policy::{Opened, Policy},
    tiles,
};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// Reads what others write, at any time.
pub struct Reader {
    pub(super) folder: PathBuf,
    pub(super) database: Database,
    /// What a log believes of itself.
    policy: Policy,
}

impl Reader {
    /// Read the registry of a folder.
    pub fn open(folder: &Path) -> Result<Self, SequencerError> {
        Self::of(folder, &secret(folder)?, Database::open(&folder.join(DATABASE))?)
    }

    pub(super) fn of(folder: &Path, secret: &LogSecret, database: Database) -> Result<Self, SequencerError> {
        let log = secret.public();
        let origin = log.name().to_owned();
        Ok(Self {
            folder: folder.to_owned(),
            database,
            policy: Policy::new(&origin, log, Vec::new(), 0)?,
        })
    }

    /// Some entries, in their order. Those that are not yet served may be among them.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, SequencerError> {
        Ok(self.database.entries(range)?)
    }

    /// The checkpoint that is served, and what it says.
    pub fn checkpoint(&self) -> Result<(Vec<u8>, Opened), SequencerError> {
        let path = self.log().join(CHECKPOINT);
        let bytes = files::read(&path)?.ok_or_else(|| SequencerError::Missing(path.clone()))?;
        let bad = |error| SequencerError::Checkpoint { path, error };
        let opened = self.policy.open(&bytes, u64::MAX).map_err(bad)?;
        Ok((bytes, opened))
    }

    /// A file of the log. A full one has its beginnings in it.
    pub fn file(&self, path: tiles::Path) -> Result<Vec<u8>, SequencerError> {
        let file = self.log().join(path.to_string());
        let whole = self.log().join(path.whole().to_string());
        match files::read(&file)? {
            Some(bytes) => Ok(bytes),
            None => files::read(&whole)?.ok_or_else(|| SequencerError::Missing(file)),
        }
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }
}

/// The key that the log of a folder signs with.
pub(super) fn secret(folder: &Path) -> Result<LogSecret, SequencerError> {
    let key = folder.join(LOG_KEY);
    let text = files::read(&key)?.ok_or_else(|| SequencerError::None(folder.to_owned()))?;
    let secret = String::from_utf8_lossy(&text).trim().parse();
    secret.map_err(|error| SequencerError::Key { path: key, error })
}
