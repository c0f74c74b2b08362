//! What a probe is made of. What it does is in `interpreter` (a script) and `measure` (one target).

use std::path::PathBuf;
use std::sync::Arc;

use netsonde_net::NetConfig;
use netsonde_sandbox::{Capability, Grants};

use crate::catalog::Catalog;
use crate::settings::Policy;
use crate::transcript::Transcripts;

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
}

impl Probe {
    /// What the user's settings leave of the interfaces that modules can ask for.
    pub(crate) fn grants(&self) -> Grants {
        let denied = &self.policy.settings.denied_capabilities;
        Grants::all().without(denied.iter().filter_map(|name| Capability::from_name(name)))
    }
}
