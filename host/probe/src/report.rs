//! The report: a file with one measurement a line, each whole or not there at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use netsonde_data::measurement::Measurement;

/// Why a measurement could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file could not be opened, created or read.
    #[error("open report {path}: {cause}")]
    Open {
        /// The report.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The file could not take another line; what was there before is intact.
    #[error("write to report {path}: {cause}; the measurements before this one are intact")]
    Write {
        /// The report.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The measurement could not be serialised.
    #[error("serialise a measurement: {0}")]
    Serialise(#[from] serde_json::Error),
}

/// Keeps measurements.
pub trait Saver: Send {
    /// Keep a measurement; when this returns, it survives the end of the process.
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError>;
}

/// A JSON Lines file that measurements are appended to.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    file: File,
}

impl Report {
    /// Open or create a report. Where a process was killed in the middle of a line, that torn line is moved to
    /// `<path>.torn`, so that the report is valid and nothing is lost; the path of that file is returned.
    pub fn open(path: &Path) -> Result<(Self, Option<PathBuf>), SaveError> {
        let error = |cause| SaveError::Open {
            path: path.to_owned(),
            cause,
        };
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(error)?;
        let held = Held::wait(&file);
        let length = file.metadata().map_err(error)?.len();
        let whole = whole_lines(&file, length).map_err(error)?;
        let mut torn = None;
        if whole < length {
            let mut name = path.as_os_str().to_owned();
            name.push(".torn");
            let name = PathBuf::from(name);
            let mut tail = Vec::new();
            let mut reader = &file;
            reader
                .seek(SeekFrom::Start(whole))
                .and_then(|_| reader.read_to_end(&mut tail))
                .map_err(error)?;
            let mut keep = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&name)
                .map_err(|cause| SaveError::Open {
                    path: name.clone(),
                    cause,
                })?;
            keep.write_all(&tail)
                .and_then(|()| keep.write_all(b"\n"))
                .and_then(|()| keep.sync_data())
                .map_err(|cause| SaveError::Write {
                    path: name.clone(),
                    cause,
                })?;
            file.set_len(whole).map_err(error)?;
            torn = Some(name);
        }
        drop(held);
        Ok((
            Self {
                path: path.to_owned(),
                file,
            },
            torn,
        ))
    }
}

impl Saver for Report {
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
        let mut line = serde_json::to_vec(measurement)?;
        line.push(b'\n');
        let mut file = &self.file;
        let _held = Held::wait(file);
        // Another run may have appended since, and an app may have emptied the file.
        let length = file.metadata().map(|metadata| metadata.len());
        let written = file.write_all(&line).and_then(|()| match file.sync_data() {
            // Some files can be written but not synced (`/dev/stdout`, a pipe): the line is out all the same.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        });
        if let Err(cause) = written {
            // A full disk may have taken half of the line: take it back, so that the report stays valid. A device
            // or a pipe can not be cut, and has nothing to take back.
            if let Err(error) = length.and_then(|length| file.set_len(length)) {
                tracing::debug!(path = %self.path.display(), %error, "cut a half-written line");
            }
            return Err(SaveError::Write {
                path: self.path.clone(),
                cause,
            });
        }
        Ok(())
    }
}

/// A file to which no other run appends meanwhile. What has no locks, as a device or a pipe, has no lines to take back either.
struct Held<'a>(&'a File);

impl<'a> Held<'a> {
    fn wait(file: &'a File) -> Self {
        if let Err(error) = lock(file) {
            tracing::debug!(%error, "lock a report");
        }
        Self(file)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // It is let go when the file is closed, too.
        let _ = unlock(self.0);
    }
}

/// The standard library has no locks on Android.
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

#[cfg(unix)]
fn unlock(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock)?)
}

#[cfg(not(unix))]
fn lock(file: &File) -> io::Result<()> {
    file.lock()
}

#[cfg(not(unix))]
fn unlock(file: &File) -> io::Result<()> {
    file.unlock()
}

/// How many bytes from the start of the file are whole lines.
fn whole_lines(mut file: &File, length: u64) -> io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(&mut file)
            .take(end - start)
            .read_to_end(&mut block)?;
        if let Some(newline) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_set_aside_and_the_report_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        std::fs::write(&path, b"{\"a\":1}\n{\"b\":").unwrap();
        let (mut report, torn) = Report::open(&path).unwrap();
        assert_eq!(std::fs::read(torn.unwrap()).unwrap(), b"{\"b\":\n");
        report.save(&Measurement::default()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.lines()
                .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
            "{text}"
        );
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn two_runs_append_to_one_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let (mut one, _) = Report::open(&path).unwrap();
        let (mut other, _) = Report::open(&path).unwrap();
        std::thread::scope(|scope| {
            for report in [&mut one, &mut other] {
                scope.spawn(|| (0..20).for_each(|_| report.save(&Measurement::default()).unwrap()));
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 40);
        assert!(
            text.lines()
                .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
        );
        // An app that has sent what is there empties the file.
        std::fs::write(&path, "").unwrap();
        one.save(&Measurement::default()).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"{"));
    }

    #[test]
    fn a_long_torn_line_is_found_across_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let mut bytes = b"{}\n".to_vec();
        bytes.extend(vec![b'x'; 200_000]);
        std::fs::write(&path, &bytes).unwrap();
        let (_, torn) = Report::open(&path).unwrap();
        assert_eq!(std::fs::read(torn.unwrap()).unwrap().len(), 200_001);
        assert_eq!(std::fs::read(&path).unwrap(), b"{}\n");
    }

    #[test]
    fn a_whole_report_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        std::fs::write(&path, b"{\"a\":1}\n").unwrap();
        let (_, torn) = Report::open(&path).unwrap();
        assert!(torn.is_none());
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"a\":1}\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_report() {
        let (mut report, _) = Report::open(Path::new("/dev/full")).unwrap();
        let error = report.save(&Measurement::default()).unwrap_err().to_string();
        assert!(
            error.contains("/dev/full") && error.contains("No space left"),
            "{error}"
        );
    }
}
