//! Whether a measurement is written as OONI's formats want it, and where not: field by field.
//!
//! The formats are tables, one page of the specification each, and one interpreter reads them:
//!
//! | module | what it says |
//! |---|---|
//! | `shape` | the language of the tables, and its interpreter |
//! | `words` | what a text can have to look like: an address, a time, a failure |
//! | `envelope` | df-000, the measurement around the test keys |
//! | `observations` | df-001, df-002, df-005, df-006, df-008: one record a step, in whatever nettest |
//! | `together` | what several observations say of each other |
//! | `nettests` | the test keys of single nettests; df-003, df-004 and df-009, which only old ones have |
//!
//! A new key is a new line in a table. JSON Schema could say the shapes, but neither what they are called in the
//! specification, nor what an older probe wrote instead and why that is no defect, nor what one field means for another;
//! and this crate, which everything else waits for, would wait for its compiler.
//!
//! What does not belong here: repairing, and the reading of measurements into types, which is more lenient
//! ([`Measurement`](crate::Measurement)).

mod envelope;
mod nettests;
mod observations;
mod report;
mod shape;
mod together;
mod words;

use report::{Path, Report};
use serde_json::Value;
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Not how it is written today, but how some probe writes or wrote it; or a key that no page knows.
    Note,
    /// Against the format.
    Error,
}

/// One field that is not as the format has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: `test_keys.queries[3].answers[0].ipv4`. Empty for the whole measurement.
    pub path: String,
    /// What stands there, as JSON, shortened; `nothing` where a key is missing.
    pub found: String,
    /// What should.
    pub wanted: String,
    /// Where the difference is known: who writes it so.
    pub why: Option<&'static str>,
    /// The page that says so: `df-002`.
    pub source: &'static str,
    /// How many more fields of this path, with other indices, are found wrong in the same way.
    pub more: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Error => "error",
        };
        let path = if self.path.is_empty() {
            "the measurement"
        } else {
            &self.path
        };
        let Self {
            found,
            wanted,
            source,
            ..
        } = self;
        write!(f, "{severity}: {path} is {found}; {source} wants {wanted}")?;
        if let Some(why) = self.why {
            write!(f, "; {why}")?;
        }
        if self.more > 0 {
            write!(f, " ({} more like this)", self.more)?;
        }
        Ok(())
    }
}

/// Hold a measurement against the formats. No finding at all: it is written as the newest probes write it. No
/// [error](Severity::Error): it can be taken for what it says.
pub fn check(measurement: &Value) -> Vec<Finding> {
    let mut report = Report::default();
    envelope::check(measurement, &mut report);
    if let Value::Object(envelope) = measurement {
        nettests::check(envelope, &mut report);
    }
    report.findings()
}

/// The same for a measurement that is still text, as a line of a report is.
pub fn check_text(text: &str) -> Vec<Finding> {
    match serde_json::from_str(text) {
        Ok(measurement) => check(&measurement),
        Err(error) => {
            let mut report = Report::default();
            let text = Value::from(text);
            report.error(&Path::ROOT, Some(&text), &format!("JSON ({error})"), "df-000");
            report.findings()
        }
    }
}
