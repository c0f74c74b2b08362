//! What `netsonde` says of a module and of a script, as it writes it down: "Checks" in `docs/registry.md`.

use netsonde_log::words::{Digest, Name, Version};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// What is known of a module.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// The SHA-256 of the file that was checked.
    #[serde(deserialize_with = "word")]
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// Whether it may be proposed.
    pub passed: bool,
    /// What it says about itself; nothing where it can not be read, or its name or version is none that a registry has.
    #[serde(flatten)]
    pub about: Option<About>,
    /// Why it did not pass.
    pub findings: Vec<Finding>,
    /// How it did in the scenarios of the censor suite.
    pub suite: Vec<ScenarioRun>,
    /// Why it was not run at all.
    pub suite_skipped: Option<String>,
}

/// What a module says about itself, in its manifest and by what it imports.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Its name.
    #[serde(deserialize_with = "word")]
    pub name: Name,
    /// Its version.
    #[serde(deserialize_with = "word")]
    pub version: Version,
    /// What it can be asked to do.
    pub kind: Kind,
    /// The contract that it is written against: `netsonde:probe@0.1.0`.
    pub contract: String,
    /// The interfaces of that which it imports.
    pub imports: Vec<String>,
    /// The interfaces that it asks for, each with its reason.
    pub capabilities: BTreeMap<String, String>,
    /// The classes of destinations that it asks for, each with its reason.
    pub destinations: BTreeMap<String, String>,
    /// The addresses and names of the class `fixed`.
    pub fixed: Vec<String>,
    /// How much it may use of what, in the words and units of its manifest.
    pub budget: BTreeMap<String, u64>,
    /// Its whole manifest, TOML.
    pub manifest: String,
}

/// What a module can be asked to do.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A test as users know it.
    Nettest,
    /// One reusable list of steps.
    MiniNettest,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nettest => "nettest",
            Self::MiniNettest => "mini nettest",
        })
    }
}

/// Something that keeps a module from passing.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The part of it: `size`, `component`, `imports`, `exports`, `manifest`, `name`, `version`, `budget`, `load`, `suite`, or
    /// `suite/SCENARIO`.
    pub what: String,
    /// What is wrong with that, for people.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// How a module did in one scenario.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct ScenarioRun {
    /// The scenario.
    pub scenario: String,
    /// What its manifest reads in what it measured: `fine`, `anomaly` or `unmeasured`; nothing where it does not say.
    pub verdict: Option<String>,
    /// Why, in words.
    pub says: Option<String>,
    /// Seconds of computing.
    pub cpu_s: f64,
    /// Seconds.
    pub wall_s: f64,
}

/// What is known of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptReport {
    /// Whether it may be published: it has no errors.
    pub passed: bool,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Something that is wrong or odd in a script.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            ..
        } = self;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{file}:{line}:{column}: {severity}: {message}")?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The script can not run.
    Error,
    /// It can.
    Warning,
}

/// A word of the log's, from its text.
fn word<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}
