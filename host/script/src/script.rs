//! What a script says, in one form whatever its spelling.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A checked script. What is unknown to this probe is kept and marked, so that whoever runs it can report it.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The version of the format.
    pub version: u64,
    /// What to do, in order.
    pub instructions: Vec<Instruction>,
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// Draw the card of a suite: `ui:draw_card@v1`, later `ui/set_suite`.
    DrawCard {
        /// The suite, such as `im`.
        suite_name: String,
    },
    /// Say which part of the progress bar the next nettest fills: `ui:set_progress_bar@v1`, later
    /// `ui/set_progress_bar_range`.
    SetProgressBar {
        /// Where the nettest begins, 0 to 1.
        initial_value: f64,
        /// Where it ends, 0 to 1. May be less than `initial_value`: scripts in use have that mistake.
        max_value: f64,
        /// The suite whose settings decide whether this has an effect; none in the original spelling.
        suite_name: Option<String>,
    },
    /// Set the progress bar to a value whatever its part: later `ui/set_progress_bar_value`.
    SetProgressBarValue {
        /// The suite whose settings decide whether this has an effect.
        suite_name: Option<String>,
        /// 0 to 1.
        value: f64,
    },
    /// Run a nettest: `nettest:run@v1`, later `nettest/run`.
    RunNettest(NettestRun),
    /// What this probe does not know. To be skipped and reported.
    Unknown {
        /// The name, as in the script.
        name: String,
        /// Why it is skipped.
        why: String,
    },
}

/// The arguments of `nettest:run@v1`.
#[derive(Clone, Debug, PartialEq)]
pub struct NettestRun {
    /// The name without a version: `telegram` for `telegram@v1` as well.
    pub nettest_name: String,
    /// The major version: 0 for a plain name.
    pub major: u64,
    /// The suite it runs in; empty when the script names none.
    pub suite_name: String,
    /// The report that measurements go to, where the script knows one.
    pub report_id: Option<String>,
    /// Annotations of all its measurements.
    pub annotations: BTreeMap<String, String>,
    /// Features to switch on or off: `feature_flags`, later `experimental_flags`.
    pub feature_flags: BTreeMap<String, bool>,
    /// Test helpers by name, its own or else those of the script's `config`.
    pub test_helpers: BTreeMap<String, Vec<TestHelper>>,
    /// What to measure.
    pub targets: Targets,
    /// Whether this probe knows the nettest in that version, or why it is to be skipped.
    pub known: Result<(), String>,
}

/// A server that helps with a measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestHelper {
    /// A URL, or an IP address for the oldest ones.
    pub address: String,
    /// `type` in scripts: `https`, `cloudfront`, `legacy`, `onion`.
    pub kind: String,
    /// The name that a fronted helper is reached under.
    pub front: Option<String>,
}

/// What a nettest measures.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One run per target.
    Generic(Vec<Target>),
    /// One run for all: the nettest is made of these mini nettests.
    Mini(Vec<MiniTarget>),
    /// The nettest is unknown, and with it the shape of its targets.
    Unchecked,
}

/// One target of a nettest that takes an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// What to measure, usually a URL. None for nettests that can do without.
    pub input: Option<String>,
    /// Annotations of its measurement.
    pub annotations: BTreeMap<String, String>,
    /// Options under their OONI names, such as `TLSServerName`.
    pub options: Map<String, Value>,
    /// For the user interface only: `attributes`, or `ui_attributes`.
    pub attributes: Map<String, Value>,
    /// Why the target is to be skipped.
    pub skipped: Option<String>,
}

/// One mini nettest to run.
#[derive(Clone, Debug, PartialEq)]
pub struct MiniTarget {
    /// Its name with its version: `http-address@v1`.
    pub run: String,
    /// Its arguments without the tags.
    pub with: Map<String, Value>,
    /// What every observation below it is tagged with.
    pub tags: Vec<String>,
    /// Why it is to be skipped.
    pub skipped: Option<String>,
}

impl MiniTarget {
    /// The mini nettest as a script has it: `{"run": …, "with": …, "tags": […]}`.
    pub fn to_json(&self) -> Value {
        json!({ "run": self.run, "with": self.with, "tags": self.tags })
    }
}
