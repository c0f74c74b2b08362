//! The files that are served as they are.

use super::answer::Content;
use bytes::Bytes;
use netsonde_log::words::Digest;
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Files up to this length are read at once.
const SHORT: u64 = 64 << 10;

/// For how long the checkpoint is not read again: everybody asks for it, and it is a few hundred bytes.
const CHECKPOINT_FOR: Duration = Duration::from_millis(50);

/// The folder that is served. Others write into it meanwhile, each file whole.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    checkpoint: Mutex<Option<Checkpoint>>,
}

/// What was read as the checkpoint.
#[derive(Clone, Debug)]
struct Checkpoint {
    bytes: Bytes,
    tag: Digest,
    /// When reading it began.
    read: Instant,
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.join("public"),
            checkpoint: Mutex::default(),
        }
    }

    /// The checkpoint, as it was a moment ago.
    pub(super) async fn checkpoint(&self, name: &str) -> io::Result<Option<(Content, Digest)>> {
        let known = self
            .checkpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(known) = known.filter(|known| known.read.elapsed() < CHECKPOINT_FOR) {
            return Ok(Some((Content::Here(known.bytes), known.tag)));
        }
        let read = Instant::now();
        let found = self.get(name, None).await?;
        if let Some((Content::Here(bytes), tag)) = &found {
            let (bytes, tag) = (bytes.clone(), *tag);
            let mut known = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(Checkpoint { bytes, tag, read });
        }
        Ok(found)
    }

    /// A file below the folder, with the digest of its bytes; `named` is that if its name says so. `None` where there is none.
    pub(super) async fn get(
        &self,
        name: &str,
        named: Option<Digest>,
    ) -> io::Result<Option<(Content, Digest)>> {
        let path = self.folder.join(name);
        let reading = tokio::task::spawn_blocking(move || read(&path, named));
        reading.await.map_err(io::Error::other)?
    }

    /// A whole file, which is no longer than so many bytes. `None` where there is none.
    pub(super) async fn whole(&self, name: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
        let path = self.folder.join(name);
        let reading = tokio::task::spawn_blocking(move || read_whole(&path, most));
        reading.await.map_err(io::Error::other)?
    }
}

/// All of a file, unless it is longer than so many bytes.
fn read_whole(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.take((most as u64).saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let why = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(Some(bytes))
}

fn read(path: &Path, named: Option<Digest>) -> io::Result<Option<(Content, Digest)>> {
    let Some(mut file) = open(path)? else {
        return Ok(None);
    };
    let len = file.metadata()?.len();
    if len <= SHORT {
        let mut bytes = Vec::new();
        file.take(SHORT).read_to_end(&mut bytes)?;
        let tag = named.unwrap_or_else(|| Digest::of(&bytes));
        return Ok(Some((Content::Here(Bytes::from(bytes)), tag)));
    }
    let tag = if let Some(tag) = named {
        tag
    } else {
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut hash)?;
        file.rewind()?;
        Digest::from(<[u8; 32]>::from(hash.finalize()))
    };
    Ok(Some((Content::File(tokio::fs::File::from_std(file), len), tag)))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
