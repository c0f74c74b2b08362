//! What a probe is made of. What it does is in `interpreter` (a script) and `measure` (one target).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use netsonde_net::NetConfig;
use netsonde_sandbox::{Capability, Grants};

use crate::catalog::Catalog;
use crate::settings::Policy;
use crate::transcript::Transcripts;
use crate::{SOFTWARE_NAME, SOFTWARE_VERSION};

/// A probe: modules, policy, and what the network primitives need to know.
#[derive(Clone)]
pub struct Probe {
    /// The modules.
    pub catalog: Arc<Catalog>,
    /// What may run.
    pub policy: Policy,
    /// What the network primitives need to know.
    pub net: NetConfig,
    /// Where recordings of measurements go, if they are to be made.
    pub transcripts: Option<Arc<Transcripts>>,
    /// Where modules keep what they keep from run to run; without one they keep nothing.
    pub state_dir: Option<PathBuf>,
    /// What measurements say that made them.
    pub software: Software,
    /// The device on which the probe runs.
    pub device: Arc<dyn Device>,
}

/// The software of which the probe is a part, as OONI's pipeline reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Default for Software {
    fn default() -> Self {
        Self {
            name: SOFTWARE_NAME.to_owned(),
            version: SOFTWARE_VERSION.to_owned(),
        }
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

/// What only those who made the device's software know, and what may change while a script runs.
pub trait Device: Send + Sync {
    /// What measurements say of the device, the kind of network for instance. Asked when a measurement starts. A script can
    /// not overwrite it; it overwrites nothing that the probe itself says.
    fn annotations(&self) -> BTreeMap<String, String>;

    /// Why nothing more is to be measured now, if so. Asked before every target; a reason ends the run.
    fn objection(&self) -> Option<String>;
}

/// A device of which nothing is known, and which objects to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnknownDevice;

impl Device for UnknownDevice {
    fn annotations(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn objection(&self) -> Option<String> {
        None
    }
}

impl Probe {
    /// What the user's settings leave of the interfaces that modules can ask for.
    pub(crate) fn grants(&self) -> Grants {
        let denied = &self.policy.settings.denied_capabilities;
        Grants::all().without(denied.iter().filter_map(|name| Capability::from_name(name)))
    }
}
