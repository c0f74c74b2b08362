//! What a run came to: what the module said, and whether it kept to what is asked of every module.

use std::fs;
use std::path::{Path, PathBuf};

use netsonde_probe::sandbox::{Digest, Verdict};
use serde::Deserialize;
use serde_json::Value;

use crate::command::check::process::Ended;
use crate::command::check::report::ScenarioRun;

/// How a run ends in which a nettest broke, which the events say better.
const BROKEN: i32 = 4;
/// How many findings of one scenario are told.
const TOLD: usize = 10;

/// What a run came to.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) verdict: Option<Verdict>,
    pub(super) says: Option<String>,
    pub(super) findings: Vec<String>,
    cpu_s: f64,
    wall_s: f64,
}

/// The events of a run that matter.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Measurement(Measured),
    Broken {
        why: String,
    },
    Skipped {
        name: String,
        why: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Measured {
    verdict: Option<Verdict>,
    says: Option<String>,
    error: Option<String>,
    runtime: f64,
    usage: Value,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    transport: String,
    destination: String,
    why: String,
}

/// Judge a run by its events and its recordings. An input that makes no sense to a nettest may be refused if nobody knew
/// better (`guessed`), as long as another one is measured.
pub(super) fn of(ended: &Ended, recorded: &Path, module: &Digest, guessed: bool) -> Judged {
    let mut judged = Judged::default();
    let mut broken = Vec::new();
    let mut measured = 0;
    let lines = ended.stdout.lines();
    for event in lines.filter_map(|line| serde_json::from_str(line).ok()) {
        match event {
            Event::Measurement(measurement) => {
                measured += 1;
                judged.take(measurement);
            }
            Event::Broken { why } => broken.push(why),
            Event::Skipped { name, why } => judged.find(format!("`{name}` was skipped: {why}")),
            Event::Other => {}
        }
    }
    let code = ended.status.and_then(|status| status.code());
    if !matches!(code, Some(0 | BROKEN)) {
        judged.find(ended.why());
    }
    if measured == 0 || !guessed {
        for why in broken {
            judged.find(why);
        }
    }
    match transcripts(recorded, module) {
        Ok(ends) if ends.is_empty() && judged.findings.is_empty() => {
            judged.find("the module was not run: does the script name it?".to_owned());
        }
        Ok(ends) => {
            for end in ends {
                judged.ended(end);
            }
        }
        Err(why) => judged.find(why),
    }
    judged
}

impl Judged {
    fn find(&mut self, why: String) {
        if !self.findings.contains(&why) && self.findings.len() < TOLD {
            self.findings.push(why);
        }
    }

    /// A nettest that was stopped has said so itself.
    fn ended(&mut self, end: End) {
        if let End::Stopped(why) = end
            && self.findings.is_empty()
        {
            self.find(why);
        }
    }

    fn take(&mut self, measured: Measured) {
        // Several targets are measured at a time; seconds of computing add up.
        self.wall_s = self.wall_s.max(measured.runtime);
        let cpu = measured.usage.pointer("/cpu_s/0");
        self.cpu_s += cpu.and_then(Value::as_f64).unwrap_or(0.0);
        if let Some(error) = measured.error {
            self.find(error);
        }
        for Refused {
            transport,
            destination,
            why,
        } in measured.refused
        {
            let to = format!("{transport} {destination}");
            self.find(format!("it wanted to go where it may not, {}: {why}", to.trim()));
        }
        let graver = match (self.verdict, measured.verdict) {
            (before, Some(now)) => before.is_none_or(|before| gravity(now) > gravity(before)),
            (_, None) => false,
        };
        if graver {
            (self.verdict, self.says) = (measured.verdict, measured.says);
        }
    }

    /// That another verdict was wanted.
    pub(super) fn is_not(&self, expected: Verdict) -> String {
        let found = self.verdict.map_or("no verdict", word);
        let says = self.says.as_deref().filter(|says| !says.is_empty());
        let says = says.map_or(String::new(), |says| format!(" ({says})"));
        format!("it says {found}{says}, and {} is expected", word(expected))
    }

    pub(super) fn as_run(&self, scenario: &str) -> ScenarioRun {
        ScenarioRun {
            scenario: scenario.to_owned(),
            verdict: self.verdict,
            says: self.says.clone(),
            cpu_s: self.cpu_s,
            wall_s: self.wall_s,
        }
    }
}

fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fine => 0,
        Verdict::Unmeasured => 1,
        Verdict::Anomaly => 2,
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "fine",
        Verdict::Unmeasured => "unmeasured",
        Verdict::Anomaly => "anomaly",
    }
}

/// How an instance of a module ended.
enum End {
    Returned,
    Stopped(String),
}

/// How each instance of the module ended. A mini nettest that traps breaks no measurement.
fn transcripts(recorded: &Path, module: &Digest) -> Result<Vec<End>, String> {
    let mut ends = Vec::new();
    for folder in entries(recorded)? {
        for path in entries(&folder)? {
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                let text = fs::read_to_string(&path);
                let text = text.map_err(|error| format!("read {}: {error}", path.display()))?;
                ends.extend(end(&text, module));
            }
        }
    }
    Ok(ends)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let error = |error| format!("read {}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(error)?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(error))
        .collect()
}

/// How the instance ended, if the transcript is the module's.
fn end(transcript: &str, module: &Digest) -> Option<End> {
    let line = |line: Option<&str>| serde_json::from_str::<Value>(line?).ok();
    let head = line(transcript.lines().next())?;
    if head.get("sha256")?.as_str()? != module.as_str() {
        return None;
    }
    let last = line(transcript.lines().last())?;
    match last.pointer("/end/stopped").and_then(Value::as_str) {
        Some(why) => Some(End::Stopped(why.to_owned())),
        None => Some(End::Returned),
    }
}

/// What was not the same when the recordings were run again.
pub(super) fn replay(ended: &Ended) -> Vec<String> {
    if ended.status.is_some_and(|status| status.success()) {
        return Vec::new();
    }
    let reports = ended.stdout.lines();
    let reports = reports.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let differences: Vec<String> = reports
        .flat_map(|report| match report.get("differences") {
            Some(Value::Array(differences)) => differences.clone(),
            _ => Vec::new(),
        })
        .map(|difference| {
            let text = |name| difference.get(name).and_then(Value::as_str).unwrap_or_default();
            format!(
                "told the same again, it did not do the same: {}: {}",
                text("instance"),
                text("what")
            )
        })
        .take(TOLD)
        .collect();
    if differences.is_empty() {
        return vec![format!("its recording can not be run again: {}", ended.why())];
    }
    differences
}
