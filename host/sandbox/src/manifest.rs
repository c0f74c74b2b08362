//! The manifest that a guest carries: what it is, what it asks for, what its options look like.
//!
//! TOML, in the component's custom section `netsonde:manifest`, read before anything is compiled. Here is what it says; `file`
//! is how it is written, `draft` how the one becomes the other.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use netsonde_net::{Class, Named};

use crate::capability::Capability;

mod draft;
mod file;
mod reading;
mod version;

pub(crate) use draft::Draft;
pub use reading::{Reading, Told, Verdict};
pub use version::Version;

/// The custom section of a component that holds its manifest.
pub const MANIFEST_SECTION: &str = "netsonde:manifest";

/// What a guest says about itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The name, as in scripts: `telegram`, `http-address`.
    pub name: String,
    /// The version; OONI's `test_version` for nettests.
    pub version: Version,
    /// Which of the two worlds it implements.
    pub kind: Kind,
    /// One line for people.
    pub summary: String,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// An SPDX expression.
    pub licence: String,
    /// Where the source is.
    pub source: String,
    /// Whether runs take an input. Mini nettests: always [`InputPolicy::None`].
    pub input: InputPolicy,
    /// The interfaces it asks for, each with the reason that the user is shown.
    pub capabilities: BTreeMap<Capability, String>,
    /// The classes of destinations it asks for, each with the reason that the user is shown. A mini nettest goes where its
    /// caller may go.
    pub destinations: BTreeMap<Class, String>,
    /// The addresses and names of the class `fixed`.
    pub fixed: Named,
    /// How much of everything it asks for.
    pub budget: BudgetAsk,
    /// JSON Schema of a nettest's options.
    pub options: Option<Value>,
    /// JSON Schema of a mini nettest's `with`.
    pub target: Option<Value>,
    /// The top-level test keys that a summary shows.
    pub summary_keys: SummaryKeys,
    /// What those keys mean together, in words.
    pub readings: Vec<Reading>,
    /// The envelope's `extensions`.
    pub extensions: BTreeMap<String, i64>,
}

/// Which world a guest implements.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A test as users know it: the world `nettest`.
    Nettest,
    /// One reusable list of steps: the world `mini-nettest`.
    MiniNettest,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nettest => "nettest",
            Self::MiniNettest => "mini-nettest",
        })
    }
}

/// Whether a nettest is run once, or once for each target.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum InputPolicy {
    /// One run; the script's targets, if any, are handed over whole.
    #[default]
    None,
    /// One run for each target, and there must be one.
    Required,
    /// One run for each target, or a single one without input.
    Optional,
}

/// What a guest asks for; the host's maximum decides what it gets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetAsk {
    /// Seconds from start to end.
    pub wall_clock_s: Option<u64>,
    /// Seconds of computing.
    pub cpu_s: Option<u64>,
    /// Mebibytes of memory.
    pub memory_mib: Option<u64>,
    /// Handles alive at once.
    pub handles: Option<u64>,
    /// Log lines and progress reports.
    pub log_lines: Option<u64>,
    /// Connections. This and what follows is a nettest's to ask; a mini nettest, which spends its caller's, may not.
    pub connections: Option<u64>,
    /// DNS queries.
    pub queries: Option<u64>,
    /// Bytes sent.
    pub bytes_sent: Option<u64>,
    /// Bytes received.
    pub bytes_received: Option<u64>,
    /// Reads, writes, lookups and HTTP transactions.
    pub observations: Option<u64>,
    /// Different addresses.
    pub addresses: Option<u64>,
    /// Different ports of one address.
    pub ports: Option<u64>,
}

impl BudgetAsk {
    fn asks_for_traffic(&self) -> bool {
        [
            self.connections,
            self.queries,
            self.bytes_sent,
            self.bytes_received,
            self.observations,
            self.addresses,
            self.ports,
        ]
        .iter()
        .any(Option::is_some)
    }
}

/// The top-level test keys that a summary shows.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(try_from = "BTreeMap<String, file::SummaryEntry>")]
#[non_exhaustive]
pub struct SummaryKeys {
    /// The keys whose being true means an anomaly, where no reading says what is one.
    pub anomaly: Vec<String>,
    /// What each key means, for people.
    pub texts: BTreeMap<String, String>,
}
