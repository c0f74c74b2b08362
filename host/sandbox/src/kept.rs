//! What modules keep from run to run, on disk.
//!
//! Each module has a directory of its own, opened through cap-std, so that nothing in it can lead out of it. A value is a
//! file, `key-NAME.bin`; whatever else lies there is not looked at. Errors are for guests and so tell no path, which
//! would tell a user's name; the log does.

use std::fs::TryLockError;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, OpenOptions};

use crate::manifest::Manifest;

/// The longest key.
const KEY: usize = 64;
/// The largest value.
const VALUE: usize = 64 << 10;
/// The most values of a module.
const VALUES: usize = 256;
/// The most bytes of all values of a module.
const BYTES: u64 = 1 << 20;

/// How long to wait for other processes that write. What waits for its turn in this process waits meanwhile, too: else
/// many that write would keep each other waiting for a process that never lets go.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look meanwhile whether they are done.
const LOOK: Duration = Duration::from_millis(5);

/// Whose turn it is in this process: looking at a file's lock now and then is fair to nobody.
static TURN: Mutex<()> = Mutex::new(());

const LOCK: &str = "lock";
const NEW: &str = "new";
// With both, no key can be a name that some file system reserves or shortens: `..`, `nul`, `a.`.
const PREFIX: &str = "key-";
const SUFFIX: &str = ".bin";

/// Why something could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// The host did not say where.
    #[error("this probe keeps nothing: it has no folder for it")]
    Nowhere,
    /// A key that is none.
    #[error("a key has 1 to {KEY} characters out of `a-z`, `0-9`, `.`, `_` and `-`")]
    Key,
    /// A value that is too large.
    #[error("a value has at most {VALUE} bytes, and this one has {0}")]
    Value(usize),
    /// Too many values.
    #[error("a module keeps at most {VALUES} values; remove one first")]
    Values,
    /// Too many bytes.
    #[error("the values of a module have at most {BYTES} bytes together, and they would have {0}")]
    Bytes(u64),
    /// Somebody put something else there.
    #[error(
        "what lies in the value's place is no file of at most {VALUE} bytes; delete it, or set the value anew"
    )]
    Foreign,
    /// Others write without end.
    #[error("another probe has been writing for more than {} seconds; try again later", PATIENCE.as_secs())]
    Busy,
    /// The operating system refused.
    #[error("{doing}: {error}")]
    Io { doing: &'static str, error: io::Error },
}

/// For `map_err`: what was being done.
fn doing(doing: &'static str) -> impl Fn(io::Error) -> KeptError {
    move |error| KeptError::Io { doing, error }
}

/// What one module keeps. Everything here takes time: call it where blocking is allowed.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// Where the directories of all modules are.
    root: Option<Arc<Path>>,
    /// The name of this module's.
    module: String,
}

impl Kept {
    /// What the module of this manifest keeps below `root`.
    pub(crate) fn new(root: Option<Arc<Path>>, manifest: &Manifest) -> Self {
        // The names of guests have no character that could mean something to a file system.
        let module = format!("{}-{}", manifest.kind, manifest.name);
        Self { root, module }
    }

    /// Where it is, for the log.
    pub(crate) fn path(&self) -> PathBuf {
        self.root
            .as_ref()
            .map(|root| root.join(&self.module))
            .unwrap_or_default()
    }

    /// The value under `key`.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeptError> {
        let name = file_name(key)?;
        match self.open()? {
            Some(dir) => read(&dir, &name),
            None => Ok(None),
        }
    }

    /// Keep a value.
    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), KeptError> {
        let name = file_name(key)?;
        if value.len() > VALUE {
            return Err(KeptError::Value(value.len()));
        }
        let dir = self.create()?;
        let begun = Instant::now();
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropping the file gives the lock back.
        let _lock = lock(&dir, begun)?;
        let others = files(&dir)?.into_iter().filter(|(other, _)| *other != name);
        let (count, bytes) = others.fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes));
        if count >= VALUES {
            return Err(KeptError::Values);
        }
        let bytes = bytes + value.len() as u64;
        if bytes > BYTES {
            return Err(KeptError::Bytes(bytes));
        }
        write(&dir, &name, value).inspect_err(|_| _ = dir.remove_file(NEW))
    }

    /// Forget the value under `key`.
    pub(crate) fn remove(&self, key: &str) -> Result<(), KeptError> {
        let name = file_name(key)?;
        let Some(dir) = self.open()? else { return Ok(()) };
        match dir.remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(doing("delete the value")(error)),
            _ => Ok(()),
        }
    }

    /// The keys that have a value.
    pub(crate) fn keys(&self) -> Result<Vec<String>, KeptError> {
        let Some(dir) = self.open()? else {
            return Ok(Vec::new());
        };
        let files = files(&dir)?;
        let mut keys: Vec<_> = files
            .iter()
            .filter_map(|(name, _)| key_of(name))
            .map(str::to_owned)
            .collect();
        keys.sort_unstable();
        Ok(keys)
    }

    fn root(&self) -> Result<&Path, KeptError> {
        self.root.as_deref().ok_or(KeptError::Nowhere)
    }

    /// The module's directory, if it has one.
    fn open(&self) -> Result<Option<Dir>, KeptError> {
        let opened = Dir::open_ambient_dir(self.root()?, ambient_authority())
            .and_then(|root| root.open_dir(&self.module));
        match opened {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(doing("open the module's folder")(error)),
        }
    }

    /// The module's directory, which only this user can look into if it is new.
    fn create(&self) -> Result<Dir, KeptError> {
        let root = self.root()?;
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .recursive(true)
            .create(root)
            .map_err(doing("create the folder of all modules"))?;
        let root = Dir::open_ambient_dir(root, ambient_authority())
            .map_err(doing("open the folder of all modules"))?;
        #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are unix's"))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match root.create_dir_with(&self.module, &builder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(doing("create the module's folder")(error));
            }
            _ => {}
        }
        root.open_dir(&self.module)
            .map_err(doing("open the module's folder"))
    }
}

/// The file of a key.
fn file_name(key: &str) -> Result<String, KeptError> {
    if is_key(key) {
        Ok(format!("{PREFIX}{key}{SUFFIX}"))
    } else {
        Err(KeptError::Key)
    }
}

/// The key of a file.
fn key_of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?
        .strip_suffix(SUFFIX)
        .filter(|key| is_key(key))
}

fn is_key(text: &str) -> bool {
    let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=KEY).contains(&text.len()) && text.bytes().all(good)
}

/// The files of values, with their sizes.
fn files(dir: &Dir) -> Result<Vec<(String, u64)>, KeptError> {
    let failed = doing("list the module's folder");
    let mut files = Vec::new();
    for entry in dir.entries().map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        if key_of(&name).is_none() {
            continue;
        }
        match entry.metadata() {
            Ok(meta) if meta.is_file() => files.push((name, meta.len())),
            Ok(_) => {}
            // Removed since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(files)
}

fn read(dir: &Dir, name: &str) -> Result<Option<Vec<u8>>, KeptError> {
    let failed = doing("read the value");
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    // Looked at before it is opened: to open a pipe would take until somebody writes to it.
    match dir.symlink_metadata(name) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err(KeptError::Foreign),
        Err(error) if missing(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    let file = match dir.open(name) {
        Ok(file) => file,
        Err(error) if missing(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut value = Vec::new();
    file.take(VALUE as u64 + 1)
        .read_to_end(&mut value)
        .map_err(failed)?;
    if value.len() > VALUE {
        return Err(KeptError::Foreign);
    }
    Ok(Some(value))
}

/// Write beside the old value, then put the new one in its place. Only who holds the lock does this.
fn write(dir: &Dir, name: &str, value: &[u8]) -> Result<(), KeptError> {
    // What a process left that ended in the middle of this.
    _ = dir.remove_file(NEW);
    let mut file = dir
        .open_with(NEW, OpenOptions::new().write(true).create_new(true))
        .map_err(doing("create a file for the value"))?;
    file.write_all(value)
        .and_then(|()| file.sync_all())
        .map_err(doing("write the value"))?;
    drop(file);
    dir.rename(NEW, dir, name)
        .map_err(doing("put the value in its place"))
}

/// Keep other processes from writing, as soon as they let us; `begun` is when the waiting began.
fn lock(dir: &Dir, begun: Instant) -> Result<std::fs::File, KeptError> {
    let file = dir
        .open_with(LOCK, OpenOptions::new().write(true).create(true))
        .map_err(doing("open the lock of the module's folder"))?
        .into_std();
    loop {
        match try_lock(&file) {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK),
            Err(TryLockError::WouldBlock) => return Err(KeptError::Busy),
            Err(TryLockError::Error(error)) => {
                return Err(doing("lock the module's folder")(error));
            }
        }
    }
}

/// Lock, or say that somebody else does. The standard library has no locks on Android.
#[cfg(unix)]
fn try_lock(file: &std::fs::File) -> Result<(), TryLockError> {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        rustix::io::Errno::WOULDBLOCK => TryLockError::WouldBlock,
        error => TryLockError::Error(error.into()),
    })
}

/// Lock, or say that somebody else does.
#[cfg(not(unix))]
fn try_lock(file: &std::fs::File) -> Result<(), TryLockError> {
    file.try_lock()
}

#[cfg(test)]
mod tests;
