//! What all measurements of a run have in common.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use netsonde_data::location::Locations;
use netsonde_net::Pace;
use netsonde_sandbox::Module;
use netsonde_script::NettestRun;

use super::Experiment;
use crate::location::{self, LocationError};

/// What all measurements of a run have in common.
#[derive(Clone)]
pub(crate) struct Context {
    pub(super) run_id: String,
    pub(super) script_sha256: String,
    pub(super) locations: Locations,
    /// Every address that the probe had since the run began, also before it moved.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// How fast the measurements of the run may go anywhere, together.
    pub(super) pace: Pace,
}

impl Context {
    pub(crate) fn new(locations: Locations, script_sha256: String) -> Self {
        let addresses = locations.probe_addresses().into_iter().collect();
        Self {
            run_id: uuid::Uuid::new_v4().to_string(),
            script_sha256,
            locations,
            addresses,
            pace: Pace::default(),
        }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The provider found the location anew. Another address on the same network is fine and is scrubbed from now on;
    /// another network, or what may be one, is not.
    pub(crate) fn moved_to(&mut self, locations: Locations) -> Result<(), LocationError> {
        self.addresses.extend(locations.probe_addresses());
        let (old, new) = (
            location::primary(&self.locations)?,
            location::primary(&locations)?,
        );
        // Where nobody knows whose addresses are, another address is all that a move can be told by.
        let is_known = old.probe_asn != 0 && new.probe_asn != 0;
        if old.probe_asn != new.probe_asn
            || old.probe_cc != new.probe_cc
            || (!is_known && old.probe_ip != new.probe_ip)
        {
            return Err(LocationError::Changed {
                old_asn: old.probe_asn,
                old_cc: old.probe_cc.clone(),
                new_asn: new.probe_asn,
                new_cc: new.probe_cc.clone(),
            });
        }
        self.locations = locations;
        Ok(())
    }

    pub(crate) fn experiment(&self, nettest: &NettestRun, module: &Arc<Module>) -> Experiment {
        let started = SystemTime::now();
        let report_id = nettest
            .report_id
            .clone()
            .unwrap_or_else(|| self.report_id(nettest, started));
        Experiment {
            module: module.clone(),
            nettest: nettest.clone(),
            report_id,
            started,
        }
    }

    /// A report id of our own, in the form that collectors accept, where the script gives none.
    fn report_id(&self, nettest: &NettestRun, at: SystemTime) -> String {
        let (cc, asn) = location::primary(&self.locations)
            .map_or(("ZZ", 0), |location| (location.country(), location.probe_asn));
        let time = jiff::Timestamp::try_from(at)
            .unwrap_or_default()
            .strftime("%Y%m%dT%H%M%SZ");
        let name = nettest.nettest_name.replace('_', "");
        let nonce: String = uuid::Uuid::new_v4()
            .simple()
            .to_string()
            .chars()
            .take(16)
            .collect();
        format!("{time}_{name}_{cc}_{asn}_n1_{nonce}")
    }
}
