//! Making recordings.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use netsonde_sandbox::TranscriptSink;
use serde_json::Value;

use super::{Facts, RUN, RecordingError, TEST_KEYS};

/// The most bytes that the transcripts of one measurement may have together. What a guest asks its host costs time, but
/// no more disk than this.
const MOST: u64 = 1 << 30;

/// A folder that recordings go to, each in a folder of its own. Nobody but the user can read them: they hold
/// everything that guests were told.
#[derive(Debug)]
pub struct Transcripts {
    dir: PathBuf,
    next: AtomicUsize,
    lost: Mutex<Vec<String>>,
}

impl Transcripts {
    /// Create the folder; one that exists has to be empty.
    pub fn create(dir: &Path) -> Result<Self, RecordingError> {
        let error = |what: io::Error| RecordingError::new("create folder for transcripts", dir, what);
        match fs::read_dir(dir) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    let what = "it is not empty; name a new folder";
                    return Err(RecordingError::new("record to", dir, what));
                }
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => private_dir(dir).map_err(error)?,
            Err(cause) => return Err(error(cause)),
        }
        Ok(Self {
            dir: dir.to_owned(),
            next: AtomicUsize::new(1),
            lost: Mutex::default(),
        })
    }

    /// A folder for the next measurement.
    pub(crate) fn measurement(&self, nettest_name: &str) -> Option<Arc<Folder>> {
        let number = self.next.fetch_add(1, Relaxed);
        let name: String = nettest_name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let dir = self.dir.join(format!("{number:04}-{name}"));
        match private_dir(&dir) {
            Ok(()) => Some(Arc::new(Folder {
                dir,
                instances: Mutex::default(),
                failed: Mutex::default(),
                left: Arc::new(AtomicU64::new(MOST)),
            })),
            Err(cause) => {
                self.lose(&RecordingError::new("create folder", dir, cause));
                None
            }
        }
    }

    /// A recording could not be made. The measurement does not suffer, but the recording is not claimed.
    pub(crate) fn lose(&self, why: &RecordingError) {
        let why = why.to_string();
        tracing::error!("{why}; the measurement goes on, and this run of it is not recorded");
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    }

    /// Why recordings could not be made.
    pub fn lost(&self) -> Vec<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The recording of one measurement.
pub(crate) struct Folder {
    dir: PathBuf,
    instances: Mutex<Vec<String>>,
    failed: Mutex<Option<RecordingError>>,
    /// How many more bytes its transcripts may have.
    left: Arc<AtomicU64>,
}

/// A transcript that is being written.
struct Bounded {
    file: BufWriter<File>,
    left: Arc<AtomicU64>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let rest = |left: u64| left.checked_sub(bytes.len() as u64);
        if self.left.fetch_update(Relaxed, Relaxed, rest).is_err() {
            let most = MOST >> 20;
            return Err(io::Error::other(format!(
                "the transcripts of one measurement have at most {most} MiB, and these would have more"
            )));
        }
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl TranscriptSink for Folder {
    fn open(&self, instance: &str) -> io::Result<Box<dyn Write + Send>> {
        let file = private_file(&self.dir.join(format!("{instance}.jsonl")))?;
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(instance.to_owned());
        Ok(Box::new(Bounded {
            file: BufWriter::new(file),
            left: Arc::clone(&self.left),
        }))
    }

    fn failed(&self, instance: &str, error: io::Error) {
        let path = self.dir.join(format!("{instance}.jsonl"));
        let error = RecordingError::new("write transcript", path, error);
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(error);
    }
}

impl Folder {
    /// The transcripts of this recording, in the order they began.
    pub(crate) fn instances(&self) -> Vec<String> {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// There is no measurement, so there is no recording of it.
    pub(crate) fn discard(&self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "could not remove the recording of no measurement");
        }
    }

    /// Complete the recording. What can not be kept whole is not completed.
    pub(crate) fn finish(&self, facts: &Facts, test_keys: &Value) -> Result<(), RecordingError> {
        if let Some(error) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let path = self.dir.join(RUN);
        let serialise = |what: serde_json::Error| RecordingError::new("serialise", &path, what);
        let text = serde_json::to_string_pretty(facts).map_err(serialise)?;
        let read: Facts = serde_json::from_str(&text).map_err(serialise)?;
        if read.observations != facts.observations {
            let what = "an observation does not survive being written as JSON";
            return Err(RecordingError::new("serialise", &path, what));
        }
        for instance in &facts.instances {
            let path = self.dir.join(format!("{instance}.jsonl"));
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|cause| RecordingError::new("keep transcript", path, cause))?;
        }
        write(&self.dir.join(TEST_KEYS), test_keys.to_string().as_bytes())?;
        // Last, and whole or not at all: it is what says that there is a recording.
        let new = self.dir.join("run.json.new");
        write(&new, text.as_bytes())?;
        fs::rename(&new, &path).map_err(|cause| RecordingError::new("complete recording", &path, cause))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RecordingError> {
    private_file(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|cause| RecordingError::new("write", path, cause))
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcripts_have_a_bound_together() {
        let dir = tempfile::tempdir().unwrap();
        let transcripts = Transcripts::create(&dir.path().join("recorded")).unwrap();
        let folder = transcripts.measurement("telegram").unwrap();
        folder.left.store(10, Relaxed);
        let mut first = folder.open("nettest").unwrap();
        let mut second = folder.open("nettest-1-0").unwrap();
        first.write_all(b"123456").unwrap();
        second.write_all(b"7890").unwrap();
        let error = first.write_all(b"x").unwrap_err().to_string();
        assert!(error.contains("at most 1024 MiB"), "{error}");
    }
}
