//! The one writer of the log.
//!
//! Entries are committed to the database, which decides their order; then the files that the log is served as are written,
//! and last the checkpoint that says so. A process that is killed in between leaves entries that nobody was told of: the
//! next one writes their files and signs. It can sign nothing but that, because nothing is ever taken out of the database,
//! so that two checkpoints of one log never contradict each other.
//!
//! Several processes take turns by a lock on a file, which the system lets go of when one is killed.

use super::database::{Database, DatabaseError};
use super::files::{self, Aside, FileError};
use super::objects::{self, Object, Shelf};
use super::reader::{self, Reader};
use super::witnesses::Witnesses;
use super::{ASIDE, CHECKPOINT, DATABASE, KEY_BEFORE, LOCK, LOG_KEY, NEXT_KEY, PUBLIC, WITNESSES};
use netsonde_log::{
    fetch::{Entries, FetchError, Fetched, Progress},
    keys::{KeyError, LogKey, LogSecret},
    policy::{OpenError, PolicyError},
    tiles::{self, EntryTooLong, MAX_ENTRY},
    tree::Tree,
    words::Digest,
    writer::{WriteError, Writer},
};
use std::{
    fs::{self, File},
    ops::Range,
    path::{Path, PathBuf},
};

/// How far the time of a checkpoint may be ahead of the clock, in seconds: as far as probes believe one.
const AHEAD: u64 = 5 * 60;
/// How many entries get their files at once, where many are waiting for them.
const BATCH: u64 = 4096;

/// Why nothing was written, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// The disk.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is none here.
    #[error("{} holds no registry: there is no {LOG_KEY} in it", .0.display())]
    None(PathBuf),
    /// There is one here.
    #[error("{} holds a registry already", .0.display())]
    Exists(PathBuf),
    /// The key is not one.
    #[error("read {}: {error}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why not.
        error: KeyError,
    },
    /// The root in force names another key than the log has.
    #[error(
        "the root in force names another key for the log, and {} does not hold it: put it there, and nothing else can sign \
         what probes believe",
        .0.display()
    )]
    NoKey(PathBuf),
    /// Too few witnesses have signed. What was to be published is kept, and will be.
    #[error(
        "{found} of the witnesses have signed, and {wanted} must: what is new is kept and will be published with the next \
         checkpoint that enough of them sign ({why})"
    )]
    Witnesses {
        /// How many have.
        found: usize,
        /// How many must.
        wanted: usize,
        /// What became of the others.
        why: String,
    },
    /// A file that is served of the log is gone.
    #[error("{} is not there: restore it from a mirror", .0.display())]
    Missing(PathBuf),
    /// What is served as the checkpoint is none of this log.
    #[error("read {}: {error}", path.display())]
    Checkpoint {
        /// Its file.
        path: PathBuf,
        /// Why not.
        error: OpenError,
    },
    /// A file that is served of the log is damaged.
    #[error("{}: {error}; restore it from a mirror", folder.display())]
    Damaged {
        /// Where the log is.
        folder: PathBuf,
        /// What is wrong.
        error: FetchError,
    },
    /// The database was put back to an earlier state. Going on would make a second log of the same name.
    #[error(
        "{}: the log has published {published} entries, and the database has {stored}: restore the newest copy of the \
         database; nothing was written",
        path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// How many are served.
        published: u64,
        /// How many it has.
        stored: u64,
    },
    /// The database is of another log, or of the same one after it had gone another way.
    #[error(
        "{}: entry {number} is not the one that was published: this is the database of another log; nothing was written",
        path.display()
    )]
    Other {
        /// The database.
        path: PathBuf,
        /// Which entry.
        number: u64,
    },
    /// The key can not be that of a log.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No bundle can hold it.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Entries that are in the log and served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Their numbers.
    pub numbers: Range<u64>,
    /// The log with them.
    pub tree: Tree,
}

/// Writes the log.
pub struct Sequencer {
    reader: Reader,
    secret: LogSecret,
    aside: Aside,
    /// As far as files are written, if nobody else has written since.
    writer: Option<Writer>,
}

/// Held while something is written.
struct Turn(#[expect(dead_code, reason = "the lock ends with it")] File);

impl Sequencer {
    /// Begin a log in a folder, with a checkpoint that says that it is empty.
    pub fn create(folder: &Path, secret: &LogSecret, now: u64) -> Result<Self, SequencerError> {
        fs::create_dir_all(folder).map_err(FileError::new("make the folder", folder))?;
        let _turn = Turn::take(folder)?;
        let key = folder.join(LOG_KEY);
        if files::read(&key)?.is_some() {
            return Err(SequencerError::Exists(folder.to_owned()));
        }
        let database = Database::create(&folder.join(DATABASE))?;
        let mut sequencer = Self {
            reader: Reader::of(folder, database),
            aside: Aside::new(folder.join(ASIDE)),
            secret: secret.clone(),
            writer: None,
        };
        sequencer.aside.clear()?;
        let writer = sequencer.publish(Writer::new(), now)?;
        // The key last: a folder that has one is whole.
        let text = secret.to_text();
        sequencer.aside.write_secret(&key, text.as_bytes())?;
        files::sync_folders([key.as_path()], folder)?;
        sequencer.writer = Some(writer);
        Ok(sequencer)
    }

    /// Go on with the log of a folder.
    pub fn open(folder: &Path, now: u64) -> Result<Self, SequencerError> {
        let secret = reader::secret(folder)?;
        let database = Database::open(&folder.join(DATABASE))?;
        let mut sequencer = Self {
            reader: Reader::of(folder, database),
            aside: Aside::new(folder.join(ASIDE)),
            secret,
            writer: None,
        };
        let _turn = Turn::take(folder)?;
        sequencer.aside.clear()?;
        sequencer.writer = sequencer.caught_up(now)?;
        Ok(sequencer)
    }

    /// Which log it is.
    pub fn key(&self) -> LogKey {
        self.secret.public()
    }

    /// The entries from this one on, in their order.
    pub fn entries(&self, from: u64) -> Result<Vec<Vec<u8>>, SequencerError> {
        let size = self.reader.database.size()?;
        Ok(self.reader.database.entries(from..size)?)
    }

    /// Have on the disk what entries to come name.
    pub fn store(&self, objects: &[Object]) -> Result<(), SequencerError> {
        let _turn = Turn::take(&self.reader.folder)?;
        Ok(objects::store(
            &self.reader.folder.join(PUBLIC),
            &self.aside,
            objects,
        )?)
    }

    /// What is stored under a digest, if it is there and whole.
    pub fn object(&self, from: Shelf, digest: &Digest) -> Result<Option<Vec<u8>>, SequencerError> {
        Ok(objects::read(&self.reader.folder.join(PUBLIC), from, digest)?)
    }

    /// Add entries to the log: all of them, or none. On return they are on the disk and served.
    pub fn append<T: AsRef<[u8]>>(&mut self, entries: &[T], now: u64) -> Result<Appended, SequencerError> {
        loop {
            let size = self.reader.database.size()?;
            if let Some(appended) = self.append_at(size, entries, now)? {
                return Ok(appended);
            }
        }
    }

    /// The same, if the log has as many entries as whoever made these has read: `None` where somebody else was here since.
    pub fn append_at<T: AsRef<[u8]>>(
        &mut self,
        size: u64,
        entries: &[T],
        now: u64,
    ) -> Result<Option<Appended>, SequencerError> {
        // What is in the database will be in the log, so it has to fit before.
        let mut lengths = entries.iter().map(|entry| entry.as_ref().len());
        if let Some(index) = lengths.position(|len| len > MAX_ENTRY) {
            let len = entries.get(index).map_or(0, |entry| entry.as_ref().len());
            let error = EntryTooLong(len);
            return Err(WriteError::TooLong { index, error }.into());
        }
        let _turn = Turn::take(&self.reader.folder)?;
        let writer = self.caught_up(now)?;
        if self.reader.database.size()? != size {
            self.writer = writer;
            return Ok(None);
        }
        self.reader.database.append(size, entries)?;
        let writer = match writer {
            Some(writer) => writer,
            None => self.reopen(self.reader.checkpoint()?.1.tree)?,
        };
        let writer = self.publish(writer, now)?;
        let tree = writer.tree();
        self.writer = Some(writer);
        Ok(Some(Appended {
            numbers: size..tree.size(),
            tree,
        }))
    }

    /// Sign again what was signed last, to say that nothing has come since.
    pub fn renew(&mut self, now: u64) -> Result<Tree, SequencerError> {
        let _turn = Turn::take(&self.reader.folder)?;
        let writer = self.catch_up(now)?;
        let writer = self.publish(writer, now)?;
        let tree = writer.tree();
        self.writer = Some(writer);
        Ok(tree)
    }

    /// Have these witnesses sign from now on.
    pub fn set_witnesses(&self, witnesses: &Witnesses) -> Result<(), SequencerError> {
        let text = serde_json::to_vec_pretty(witnesses);
        let path = self.reader.folder.join(WITNESSES);
        let text = text.map_err(|error| FileError::new("write", &path)(error.into()))?;
        self.put(WITNESSES, &text)
    }

    /// Have a file of the folder on the disk, whole, if these bytes are not there already.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), SequencerError> {
        let path = self.reader.folder.join(path);
        if files::read(&path)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        let _turn = Turn::take(&self.reader.folder)?;
        self.aside.write(&path, bytes)?;
        Ok(files::sync_folders([path.as_path()], &self.reader.folder)?)
    }

    /// Keep the key that the log is to sign with from the next root on.
    pub fn keep_next_key(&self, secret: &LogSecret) -> Result<(), SequencerError> {
        let _turn = Turn::take(&self.reader.folder)?;
        let path = self.reader.folder.join(NEXT_KEY);
        // One that was kept for a root that never came is of no use.
        files::remove_file(&path)?;
        self.aside.write_secret(&path, secret.to_text().as_bytes())?;
        Ok(files::sync_folders([path.as_path()], &self.reader.folder)?)
    }

    /// The key that was kept for this.
    pub fn next_key(&self, wanted: &LogKey) -> Result<LogSecret, SequencerError> {
        let path = self.reader.folder.join(NEXT_KEY);
        let next: Option<LogSecret> = reader::key_in(&path)?;
        let next = next.filter(|next| next.public() == *wanted);
        next.ok_or(SequencerError::NoKey(path))
    }

    /// Sign with the key that was kept for this, which is to be the one of the root in force.
    pub fn change_key(&mut self, wanted: &LogKey, now: u64) -> Result<(), SequencerError> {
        let folder = self.reader.folder.clone();
        let _turn = Turn::take(&folder)?;
        if reader::secret(&folder)?.public() == *wanted {
            return Ok(());
        }
        let next = self.next_key(wanted)?;
        let writer = self.catch_up(now)?;
        let before = folder.join(KEY_BEFORE);
        self.aside
            .write(&before, self.secret.public().to_string().as_bytes())?;
        files::sync_folders([before.as_path()], &folder)?;
        let own = folder.join(LOG_KEY);
        files::rename(&folder.join(NEXT_KEY), &own)?;
        files::sync_folders([own.as_path()], &folder)?;
        self.secret = next;
        self.writer = Some(self.publish(writer, now)?);
        Ok(())
    }

    /// The same; nothing where witnesses are awaited, which keeps nobody from reading, or from adding to what waits for them.
    fn caught_up(&mut self, now: u64) -> Result<Option<Writer>, SequencerError> {
        match self.catch_up(now) {
            Err(SequencerError::Witnesses { .. }) => Ok(None),
            caught_up => caught_up.map(Some),
        }
    }

    /// The end of the log, after what others left to do was done.
    fn catch_up(&mut self, now: u64) -> Result<Writer, SequencerError> {
        // Another process may have changed it.
        self.secret = reader::secret(&self.reader.folder)?;
        let published = self.reader.checkpoint()?.1.tree;
        let writer = match self.writer.take() {
            Some(writer) if writer.tree() == published => writer,
            _ => self.reopen(published)?,
        };
        if self.reader.database.size()? > published.size() {
            return self.publish(writer, now);
        }
        Ok(writer)
    }

    /// Write the files of what is in the database and not yet served, then the checkpoint.
    fn publish(&self, mut writer: Writer, now: u64) -> Result<Writer, SequencerError> {
        let size = self.reader.database.size()?;
        let mut outgrown = Vec::new();
        while writer.tree().size() < size {
            let from = writer.tree().size();
            let entries = self.reader.database.entries(from..size.min(from + BATCH))?;
            let growth = writer.append(&entries)?;
            outgrown.extend(self.store_files(growth.files)?);
        }
        // The clock may have been set back. Who has seen a later time would take this for an old checkpoint.
        let path = self.reader.log().join(CHECKPOINT);
        let before = files::read(&path)?
            .map(|_| self.reader.checkpoint())
            .transpose()?;
        let size_before = before.as_ref().map_or(0, |(_, before)| before.tree.size());
        // One that is far ahead no probe has believed, and none would until then.
        let before = before.map(|(_, before)| before.time);
        let before = before.filter(|before| *before <= now.saturating_add(AHEAD));
        let time = before.map_or(now, |before| before.max(now));
        let mut note = self.secret.checkpoint(writer.tree(), time);
        // An empty log is nothing to see.
        if size > 0
            && let Some(witnesses) = Witnesses::read(&self.reader.folder)?
        {
            witnesses.cosign(&mut note, writer.tree(), size_before, &self.reader.folder)?;
        }
        self.aside.write(&path, note.to_string().as_bytes())?;
        files::sync_folders([path.as_path()], &self.reader.log())?;
        // Not before: until now the checkpoint that is served was one that needs them.
        for folder in outgrown {
            files::remove_folder(&folder)?;
        }
        Ok(writer)
    }

    /// Have files of the log on the disk. What is returned are the folders with the beginnings of those that are full now.
    fn store_files(&self, files: Vec<(tiles::Path, Vec<u8>)>) -> Result<Vec<PathBuf>, SequencerError> {
        let (mut paths, mut outgrown) = (Vec::new(), Vec::new());
        for (path, bytes) in files {
            let file = self.reader.log().join(path.to_string());
            self.aside.write(&file, &bytes)?;
            if path == path.whole() {
                outgrown.push(file.with_added_extension("p"));
            }
            paths.push(file);
        }
        files::sync_folders(paths.iter().map(PathBuf::as_path), &self.reader.log())?;
        Ok(outgrown)
    }

    /// Read the end of the log from its files, and hold it against the database.
    fn reopen(&self, published: Tree) -> Result<Writer, SequencerError> {
        let stored = self.reader.database.size()?;
        if stored < published.size() {
            return Err(SequencerError::Older {
                path: self.reader.folder.join(DATABASE),
                published: published.size(),
                stored,
            });
        }
        let damaged = |error| SequencerError::Damaged {
            folder: self.reader.log(),
            error,
        };
        let mut fetched = Fetched::new();
        let writer = loop {
            match Writer::open(published, &fetched).map_err(damaged)? {
                Progress::Done(writer) => break writer,
                Progress::Need(paths) => {
                    for path in paths {
                        fetched.insert(path, self.reader.file(path)?);
                    }
                }
            }
        };
        // The files are those of the checkpoint; the database has to have gone the same way. Its last entries stand for all.
        let last = published.size() & !0xff;
        let entries = self.reader.database.entries(last..published.size())?;
        let mut ours =
            Entries::new(published, last..published.size()).map_err(|error| damaged(error.into()))?;
        if let Progress::Done(Some(batch)) = ours.next(&fetched).map_err(damaged)? {
            let differs = |(ours, theirs): (&&[u8], &Vec<u8>)| ours != theirs;
            if let Some(index) = batch.entries.iter().zip(&entries).position(differs) {
                return Err(SequencerError::Other {
                    path: self.reader.folder.join(DATABASE),
                    number: last + index as u64,
                });
            }
        }
        Ok(writer)
    }
}

impl Turn {
    /// Wait until nobody else writes.
    fn take(folder: &Path) -> Result<Self, SequencerError> {
        let path = folder.join(LOCK);
        let lock = || -> std::io::Result<File> {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            file.lock()?;
            Ok(file)
        };
        Ok(Self(lock().map_err(FileError::new("lock", &path))?))
    }
}
