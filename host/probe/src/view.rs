//! What happens during a run, as events: for a terminal, an app, or another program.

use std::collections::BTreeMap;

use futures::future::{BoxFuture, FutureExt as _};
use netsonde_sandbox::Verdict;
use serde::Serialize;
use serde_json::{Map, Value};

/// What kind of thing was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// An instruction of the script.
    Instruction,
    /// A whole nettest.
    Nettest,
    /// One target of a nettest.
    Target,
    /// One mini nettest.
    MiniNettest,
}

impl Thing {
    /// The word for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instruction => "instruction",
            Self::Nettest => "nettest",
            Self::Target => "target",
            Self::MiniNettest => "mini nettest",
        }
    }
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For the author of the module.
    Debug,
    /// For whoever watches.
    Info,
    /// Something is odd.
    Warning,
}

impl From<netsonde_sandbox::Level> for Level {
    fn from(level: netsonde_sandbox::Level) -> Self {
        match level {
            netsonde_sandbox::Level::Debug => Self::Debug,
            netsonde_sandbox::Level::Info => Self::Info,
            netsonde_sandbox::Level::Warning => Self::Warning,
        }
    }
}

/// Something that happened. Serialised, it has its name under `event`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The script starts.
    ScriptStarted {
        /// Random, the same in the annotation `netsonde_run_id` of every measurement.
        run_id: String,
        /// SHA-256 of the script's bytes, in hexadecimal.
        script_sha256: String,
    },
    /// Draw the card of a suite.
    Card {
        /// The suite.
        suite_name: String,
    },
    /// How far the suite is, from 0 to 1.
    Progress {
        /// From 0 to 1.
        value: f64,
        /// What is being done; may be empty.
        message: String,
    },
    /// A nettest starts.
    NettestStarted {
        /// The suite, as the script says.
        suite_name: String,
        /// The nettest.
        nettest_name: String,
        /// How many measurements it will make if nothing is skipped.
        targets: usize,
        /// What each of them may use at most; seconds and bytes.
        budget: Value,
        /// Where it may go: the classes of destinations that its manifest asks for, with its reasons.
        destinations: BTreeMap<String, String>,
    },
    /// A target is about to be measured. What comes of it, [`Event::Measurement`] or [`Event::Broken`], has the same index;
    /// nothing comes of it if the run is stopped meanwhile.
    TargetStarted {
        /// The nettest.
        nettest_name: String,
        /// Counts the targets of the run that were started, from 0.
        index: usize,
        /// The input, if it has one.
        input: Option<String>,
        /// What the script says of the input: the category of a website.
        category_code: Option<String>,
        /// The country that the input belongs to.
        country_code: Option<String>,
    },
    /// A module, or the probe on its behalf, logged a line.
    Log {
        /// The module.
        module: String,
        /// How grave.
        level: Level,
        /// The line.
        message: String,
    },
    /// Something was not run. Not an error.
    Skipped {
        /// What kind of thing.
        thing: Thing,
        /// Which one.
        name: String,
        /// Why.
        why: String,
    },
    /// A measurement is in the report.
    Measurement(Box<Measured>),
    /// A nettest could not be measured at all, and the rest goes on: its module does not load, or the guest says that
    /// the input makes no sense.
    Broken {
        /// The nettest.
        nettest_name: String,
        /// The index of the target; absent where none was started.
        index: Option<usize>,
        /// The input, if it has one.
        input: Option<String>,
        /// Why. Names the module.
        why: String,
    },
    /// A nettest ended.
    NettestEnded {
        /// The nettest.
        nettest_name: String,
    },
    /// The run stopped before the end of the script.
    Stopped {
        /// Why.
        why: String,
    },
    /// The run is over.
    ScriptEnded(Summary),
}

/// A measurement, in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The nettest.
    pub nettest_name: String,
    /// The index of the target.
    pub index: usize,
    /// The input, if it has one.
    pub input: Option<String>,
    /// Whether the keys that its manifest names say so; absent where the manifest names none, or none was computed.
    pub anomaly: Option<bool>,
    /// What the measurement came to; absent where nobody can say, because the guest ended early or its manifest does
    /// not say how its keys read.
    pub verdict: Option<Verdict>,
    /// Why, in words; may be empty.
    pub says: Option<String>,
    /// The summary keys that the manifest names, with their values.
    pub summary: Map<String, Value>,
    /// Why the guest ended early: it trapped, ran out of time or broke its budget. The measurement says so too.
    pub error: Option<String>,
    /// Seconds.
    pub runtime: f64,
    /// What the guest used, and what it might have used.
    pub usage: Value,
    /// Destinations that the policy refused.
    pub refused: Vec<Refused>,
}

/// A destination that the policy refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// `tcp`, `udp` or `dns`.
    pub transport: String,
    /// The endpoint, or the name that was to be looked up.
    pub destination: String,
    /// Why.
    pub why: String,
    /// How often it was tried.
    pub times: u64,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Measurements in the report.
    pub measurements: usize,
    /// Measurements whose verdict is an anomaly.
    pub anomalies: usize,
    /// Measurements whose verdict is that nobody can say.
    pub unmeasured: usize,
    /// Things skipped.
    pub skipped: usize,
    /// Nettests that trapped, broke a budget, did not load or refused their input.
    pub broken: usize,
    /// Destinations that the policy refused, each once a measurement.
    pub refused: usize,
    /// Whether the run stopped before the end of the script.
    pub stopped: bool,
}

/// Shows events to somebody.
pub trait View: Send + Sync {
    /// Something happened. Called from any thread, in order for one run; must not block.
    fn event(&self, event: Event);

    /// Wait until whoever watches has caught up. Asked before every target, and given up when the run is stopped.
    fn ready(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
