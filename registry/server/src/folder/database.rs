//! The entries of the log in SQLite: the one place where their order is decided.

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

/// Who opens a database of another layout says so.
const VERSION: i64 = 1;
/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite's own words.
    #[error("{doing} {}: {error}", path.display())]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// To which database.
        path: PathBuf,
        /// Why it could not.
        error: rusqlite::Error,
    },
    /// Written by another version of this program.
    #[error("{} has the layout {found}, this program knows {VERSION}: use the program that made it", path.display())]
    Version {
        /// Which database.
        path: PathBuf,
        /// What it has.
        found: i64,
    },
}

/// The database.
pub(super) struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    /// Make one, where none is.
    pub(super) fn create(path: &Path) -> Result<Self, DatabaseError> {
        let database = Self::connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        let layout = format!(
            "BEGIN;
             CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
             PRAGMA user_version = {VERSION};
             COMMIT;"
        );
        let made = database.connection.execute_batch(&layout);
        made.map_err(database.doing("lay out"))?;
        Ok(database)
    }

    /// Open the one that is there.
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let database = Self::connect(path, OpenFlags::empty())?;
        let found = database
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(database.doing("read"))?;
        if found != VERSION {
            return Err(DatabaseError::Version {
                path: database.path,
                found,
            });
        }
        Ok(database)
    }

    fn connect(path: &Path, more: OpenFlags) -> Result<Self, DatabaseError> {
        let error = |error| DatabaseError::Sqlite {
            doing: "open",
            path: path.to_owned(),
            error,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(path, flags).map_err(error)?;
        connection.busy_timeout(PATIENCE).map_err(error)?;
        // What is committed is on the disk: the log signs it next.
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
            .map_err(error)?;
        Ok(Self {
            path: path.to_owned(),
            connection,
        })
    }

    /// How many entries there are.
    pub(super) fn size(&self) -> Result<u64, DatabaseError> {
        let last = "SELECT coalesce(max(number) + 1, 0) FROM entry";
        self.connection
            .query_row(last, (), |row| row.get(0))
            .map_err(self.doing("read"))
    }

    /// Add entries after the last one, all or none. On return they are on the disk.
    pub(super) fn append<T: AsRef<[u8]>>(&mut self, from: u64, entries: &[T]) -> Result<(), DatabaseError> {
        insert(&mut self.connection, from, entries).map_err(self.doing("add entries to"))
    }

    /// Some entries, in order.
    pub(super) fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, DatabaseError> {
        let entries = || -> rusqlite::Result<Vec<Vec<u8>>> {
            let query = "SELECT bytes FROM entry WHERE number >= ?1 AND number < ?2 ORDER BY number";
            let mut query = self.connection.prepare(query)?;
            query
                .query_map((range.start, range.end), |row| row.get(0))?
                .collect()
        };
        entries().map_err(self.doing("read entries of"))
    }

    fn doing(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> DatabaseError {
        let path = self.path.clone();
        move |error| DatabaseError::Sqlite {
            doing,
            path: path.clone(),
            error,
        }
    }
}

fn insert<T: AsRef<[u8]>>(connection: &mut Connection, from: u64, entries: &[T]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        // A number is taken where somebody else was here, and then nothing is added.
        let mut insert = transaction.prepare("INSERT INTO entry (number, bytes) VALUES (?1, ?2)")?;
        for (number, entry) in (from..).zip(entries) {
            insert.execute((number, entry.as_ref()))?;
        }
    }
    transaction.commit()
}
