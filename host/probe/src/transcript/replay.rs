//! Running recordings again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use netsonde_data::scrub::Scrubber;
use netsonde_sandbox::{Module, Transcript};
use serde_json::{Map, Value};

use super::{FORMAT, Facts, RUN, RecordingError, TEST_KEYS};
use crate::catalog::Catalog;
use crate::measure;

/// The instance of the nettest itself.
const NETTEST: &str = "nettest";

/// A recording on the disk.
pub struct Recorded {
    dir: PathBuf,
    facts: Facts,
    test_keys: String,
}

/// A folder, and the recording in it.
pub type Opened = (PathBuf, Result<Recorded, RecordingError>);

/// Something that was not the same this time.
#[derive(Debug)]
pub struct Difference {
    /// The instance: `nettest`, or one of its mini nettests.
    pub instance: String,
    /// Where it differed.
    pub what: String,
}

/// What a replay came to.
#[derive(Debug)]
pub struct ReplayReport {
    /// The test keys of this time; none if the guest came to no result.
    pub test_keys: Option<String>,
    /// What was not the same; empty if everything was.
    pub differences: Vec<Difference>,
    /// How many calls the transcripts have.
    pub calls: usize,
    /// How many instances were replayed.
    pub instances: usize,
    /// What the user should know: a module is not the one that was recorded.
    pub notes: Vec<String>,
}

impl Recorded {
    /// The recordings in `dir`: itself, or those in its folders, in their order. A folder that holds none, because the
    /// run was interrupted for example, says so in its place and keeps nobody from the others.
    pub fn all(dir: &Path) -> Result<Vec<Opened>, RecordingError> {
        let open = |folder: PathBuf| {
            let recorded = Self::open(&folder);
            (folder, recorded)
        };
        if dir.join(RUN).exists() {
            return Ok(vec![open(dir.to_owned())]);
        }
        let error = |cause: std::io::Error| RecordingError::new("look for recordings in", dir, cause);
        let mut folders = Vec::new();
        for entry in fs::read_dir(dir).map_err(error)? {
            let path = entry.map_err(error)?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        if folders.is_empty() {
            let what = "there is no run.json in it and no folder with one";
            return Err(RecordingError::new("look for recordings in", dir, what));
        }
        folders.sort();
        Ok(folders.into_iter().map(open).collect())
    }

    fn open(dir: &Path) -> Result<Self, RecordingError> {
        let path = dir.join(RUN);
        if !path.exists() {
            let what = "it has no run.json: the run was interrupted, or its transcript could not be written";
            return Err(RecordingError::new("read recording", dir, what));
        }
        let facts: Facts = serde_json::from_str(&read(&path)?)
            .map_err(|cause| RecordingError::new("read recording", &path, cause))?;
        if facts.recording != FORMAT {
            let what = format!(
                "it is in format {}, and this version of netsonde reads format {FORMAT}",
                facts.recording
            );
            return Err(RecordingError::new("read recording", path, what));
        }
        check(&facts.instances).map_err(|what| RecordingError::new("read recording", path, what))?;
        Ok(Self {
            dir: dir.to_owned(),
            facts,
            test_keys: read(&dir.join(TEST_KEYS))?,
        })
    }

    /// Run it again, with the modules of `catalog` and without any network.
    pub async fn replay(&self, catalog: &Catalog) -> Result<ReplayReport, RecordingError> {
        let mut report = ReplayReport {
            test_keys: None,
            differences: Vec::new(),
            calls: 0,
            instances: 0,
            notes: Vec::new(),
        };
        for instance in &self.facts.instances {
            let path = self.dir.join(format!("{instance}.jsonl"));
            let transcript = Transcript::parse(read(&path)?.as_bytes())
                .map_err(|error| RecordingError::new("read transcript", &path, error))?;
            let nettest = instance == NETTEST;
            let Some(module) = self.module(catalog, &transcript, nettest, &mut report.notes)? else {
                continue;
            };
            report.calls += transcript.calls();
            report.instances += 1;
            let replayed = catalog
                .engine()
                .replay(&module, transcript)
                .await
                .map_err(|error| RecordingError::new("replay", &path, error))?;
            if nettest {
                report.test_keys = self.rebuild(catalog, &module, &replayed).await?;
            }
            if let Some(divergence) = replayed.divergence {
                let (instance, what) = (instance.clone(), divergence.to_string());
                report.differences.push(Difference { instance, what });
            }
        }
        let what = match &report.test_keys {
            Some(test_keys) if *test_keys != self.test_keys => {
                let keys = keys_that_differ(&self.test_keys, test_keys);
                Some(format!("the test keys differ: {keys}"))
            }
            // Why there are none was said.
            None if report.differences.is_empty() => {
                Some("the guest came to no result, and the recording has test keys".to_owned())
            }
            _ => None,
        };
        report.differences.extend(what.map(|what| Difference {
            instance: NETTEST.to_owned(),
            what,
        }));
        Ok(report)
    }

    /// The module that a transcript is of, as this probe has it. A nettest may have changed, which is what a replay is
    /// for; a mini nettest that is another one says nothing, and is left out.
    fn module(
        &self,
        catalog: &Catalog,
        transcript: &Transcript,
        nettest: bool,
        notes: &mut Vec<String>,
    ) -> Result<Option<Arc<Module>>, RecordingError> {
        let head = transcript.head();
        let module = if nettest {
            catalog
                .nettest(&head.module)
                .map_err(|what| RecordingError::new("replay", &self.dir, what))?
        } else {
            match catalog.mini_of_any_version(&head.module) {
                Ok(module) => module,
                Err(why) => {
                    notes.push(format!("not replayed: {why}"));
                    return Ok(None);
                }
            }
        };
        if module.digest() != head.sha256 {
            notes.push(format!(
                "module {} is not the one that was recorded: its SHA-256 is {}, and it was {}",
                head.module,
                module.digest(),
                head.sha256
            ));
        }
        Ok(Some(module))
    }

    /// The test keys, made as when the measurement was made.
    async fn rebuild(
        &self,
        catalog: &Catalog,
        module: &Arc<Module>,
        replayed: &netsonde_sandbox::Replayed,
    ) -> Result<Option<String>, RecordingError> {
        let own = match (&replayed.result, &self.facts.error) {
            (Some(own), _) => Ok(own.clone()),
            (None, Some(broken)) if replayed.divergence.is_none() => Err(broken.clone()),
            (None, _) => return Ok(None),
        };
        let scrubber = Scrubber::new(self.facts.probe_addresses.iter().copied());
        let keyed = measure::test_keys(catalog.engine(), module, own, &self.facts.observations, &scrubber)
            .await
            .map_err(|what| RecordingError::new("replay", &self.dir, what))?;
        Ok(Some(Value::Object(keyed.test_keys).to_string()))
    }
}

/// Whether these can be the transcripts of a recording. Their names are those of files: none may lead elsewhere.
fn check(instances: &[String]) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if let Some(odd) = instances.iter().find(|instance| !instance.chars().all(plain)) {
        return Err(format!("no transcript can have the name {odd:?}"));
    }
    if !instances.iter().any(|instance| instance == NETTEST) {
        return Err("it names no transcript of the nettest".to_owned());
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, RecordingError> {
    let error = |cause: std::io::Error| RecordingError::new("read", path, cause);
    // Pipes and devices, which may have no end, are not even opened.
    if !fs::metadata(path).map_err(error)?.is_file() {
        return Err(RecordingError::new("read", path, "it is no file"));
    }
    fs::read_to_string(path).map_err(error)
}

/// The names of the test keys that are not the same.
fn keys_that_differ(expected: &str, got: &str) -> String {
    let parse = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (expected, got) = (parse(expected), parse(got));
    let mut keys: Vec<&str> = expected
        .keys()
        .chain(got.keys())
        .filter(|key| expected.get(*key) != got.get(*key))
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        "only in the order of their members".to_owned()
    } else {
        keys.join(", ")
    }
}
