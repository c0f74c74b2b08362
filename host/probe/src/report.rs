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
    length: u64,
}

impl Report {
    /// Open or create a report. Where a process was killed in the middle of a line, that torn line is moved to
    /// `<path>.torn`, so that the report is valid and nothing is lost; the path of that file is returned.
    pub fn open(path: &Path) -> Result<(Self, Option<PathBuf>), SaveError> {
        let error = |cause| SaveError::Open {
            path: path.to_owned(),
            cause,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(error)?;
        let mut length = file.metadata().map_err(error)?.len();
        let whole = whole_lines(&mut file, length).map_err(error)?;
        let mut torn = None;
        if whole < length {
            let mut name = path.as_os_str().to_owned();
            name.push(".torn");
            let name = PathBuf::from(name);
            let mut tail = Vec::new();
            file.seek(SeekFrom::Start(whole))
                .and_then(|_| file.read_to_end(&mut tail))
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
            length = whole;
            torn = Some(name);
        }
        Ok((
            Self {
                path: path.to_owned(),
                file,
                length,
            },
            torn,
        ))
    }
}

impl Saver for Report {
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
        let mut line = serde_json::to_vec(measurement)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(cause) = written {
            // A full disk may have taken half of the line: take it back, so that the report stays valid. A device
            // or a pipe can not be cut, and has nothing to take back.
            if let Err(error) = self.file.set_len(self.length) {
                tracing::debug!(path = %self.path.display(), %error, "cut a half-written line");
            }
            // Some files can be written but not synced (`/dev/stdout`, a pipe): the line is out all the same.
            if cause.kind() == io::ErrorKind::InvalidInput {
                return Ok(());
            }
            return Err(SaveError::Write {
                path: self.path.clone(),
                cause,
            });
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// How many bytes from the start of the file are whole lines.
fn whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file).take(end - start).read_to_end(&mut block)?;
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
