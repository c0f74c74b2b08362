//! Recorded runs: a folder a measurement, with what its guests asked and were told, and what the host observed.
//!
//! `run.json` is written last, once everything else is on the disk: a folder without it is no recording. `write` makes
//! folders, `replay` runs them again. The format is in `docs/transcripts.md`.

mod replay;
mod write;

pub use replay::{Difference, Opened, Recorded, ReplayReport};
pub use write::Transcripts;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::measure::Broken;

/// The version of the format.
pub(crate) const FORMAT: u32 = 1;
/// What a measurement was; its presence says that the recording is whole.
const RUN: &str = "run.json";
/// The measurement's test keys, to the byte.
const TEST_KEYS: &str = "test_keys.json";

/// A recording that could not be made or read.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {path}: {what}")]
pub struct RecordingError {
    doing: &'static str,
    path: PathBuf,
    what: String,
}

impl RecordingError {
    fn new(doing: &'static str, path: impl Into<PathBuf>, what: impl std::fmt::Display) -> Self {
        Self {
            doing,
            path: path.into(),
            what: what.to_string(),
        }
    }
}

/// `run.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    /// The version of the format.
    pub(crate) recording: u32,
    pub(crate) nettest_name: String,
    pub(crate) module: ModuleFacts,
    pub(crate) input: Option<String>,
    /// Of the measurement, as RFC 3339.
    pub(crate) started_at: String,
    /// Seconds.
    pub(crate) runtime: f64,
    pub(crate) software: String,
    /// Why the run came to no result.
    pub(crate) error: Option<Broken>,
    /// What was scrubbed from the test keys.
    pub(crate) probe_addresses: BTreeSet<IpAddr>,
    /// What the host observed, not scrubbed.
    pub(crate) observations: Value,
    /// The transcripts, `nettest` first: each is in a file of its name with `.jsonl`.
    pub(crate) instances: Vec<String>,
}

/// Which module a run was of.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModuleFacts {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
}
