//! The entrance: what all operations of one measurement share.

use crate::{
    Destinations, Meter, Owners, Trace,
    policy::Policed,
    tls::{Roots, RootsError},
};
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// How to reach the network.
#[derive(Clone, Debug, Default)]
pub struct NetConfig {
    /// Certificates (PEM, any number in each text) to trust in addition to Mozilla's bundle.
    pub extra_roots_pem: Vec<String>,
    /// Where packets may go; nowhere if nothing is said.
    pub destinations: Destinations,
    /// Whose addresses are; nothing is known if nothing is said.
    pub owners: Owners,
}

impl NetConfig {
    /// Mozilla's roots, and every destination: for tests on loopback, and for whoever drives the primitives by hand.
    pub fn unrestricted() -> Self {
        Self {
            destinations: Destinations::Unrestricted,
            ..Self::default()
        }
    }
}

/// The network, as one measurement sees it. Clones share trace and meter.
#[derive(Clone, Debug)]
pub struct Net(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trace: Trace,
    meter: Arc<Meter>,
    roots: Roots,
    extra_roots_pem: Vec<String>,
    policed: Policed,
    owners: Owners,
    listeners: TaskTracker,
}

impl Net {
    /// The network with this configuration; what happens on it goes to `trace` and is counted by `meter`.
    pub fn new(config: &NetConfig, trace: Trace, meter: Arc<Meter>) -> Result<Self, RootsError> {
        let roots = Roots::mozilla_and(&config.extra_roots_pem)?;
        let policed = Policed::new(config.destinations.clone());
        trace.tell(&policed);
        Ok(Self(Arc::new(Inner {
            trace,
            meter,
            roots,
            extra_roots_pem: config.extra_roots_pem.clone(),
            policed,
            owners: config.owners.clone(),
            listeners: TaskTracker::new(),
        })))
    }

    /// The same network, policy and meter for what the probe does for itself: what is seen there is nobody's observation.
    #[must_use]
    pub fn unobserved(&self) -> Self {
        let trace = Trace::forgetful(self.trace().clock().clone());
        trace.tell(self.policed());
        Self(Arc::new(Inner {
            trace,
            meter: self.0.meter.clone(),
            roots: self.0.roots.clone(),
            extra_roots_pem: self.0.extra_roots_pem.clone(),
            policed: self.0.policed.clone(),
            owners: self.0.owners.clone(),
            listeners: TaskTracker::new(),
        }))
    }

    /// Wait until nobody listens for late answers any more.
    pub async fn listened(&self) {
        self.0.listeners.close();
        self.0.listeners.wait().await;
    }

    pub(crate) fn listeners(&self) -> &TaskTracker {
        &self.0.listeners
    }

    /// What was observed.
    pub fn trace(&self) -> &Trace {
        &self.0.trace
    }

    /// What was used.
    pub fn meter(&self) -> &Arc<Meter> {
        &self.0.meter
    }

    pub(crate) fn policed(&self) -> &Policed {
        &self.0.policed
    }

    /// Whose addresses are.
    pub fn owners(&self) -> &Owners {
        &self.0.owners
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.0.roots
    }

    /// What of the roots is not Mozilla's.
    pub(crate) fn extra_roots_pem(&self) -> &[String] {
        &self.0.extra_roots_pem
    }
}
