//! A provider that finds out where the probe is, and finds it out again when it is told that this may have changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt as _};
use netsonde_data::location::Locations;
use netsonde_net::{Budget, Clock, Destinations, Meter, Net, NetConfig, RootsError, Trace};

use crate::locate::{Found, Sources, locate};
use crate::location::{LocationError, LocationProvider, primary};

/// Ask around once, with a network and a budget of its own: the user names whom to ask, so it may go anywhere.
pub async fn locate_once(config: &NetConfig, sources: &Sources) -> Result<Found, RootsError> {
    let config = NetConfig {
        destinations: Destinations::Unrestricted,
        ..config.clone()
    };
    let meter = Arc::new(Meter::new(Budget::default()));
    let net = Net::new(&config, Trace::new(Clock::start()), meter)?;
    Ok(locate(&net, sources).await)
}

/// How often the device left one access network for another. Clones count together, so that one call tells all runs.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    /// The probe may have moved.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How often that was said.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Asks the sources again whenever the probe may have moved.
#[derive(Debug)]
pub struct Locating {
    config: NetConfig,
    sources: Option<Sources>,
    changes: Changes,
    /// How often the probe had moved before `current` was found.
    known: AtomicU64,
    current: Mutex<Locations>,
}

impl Locating {
    /// Start from `locations`, found or given when there had been `known` changes. Without sources nobody can say where the
    /// probe is after the next one.
    pub fn new(
        config: NetConfig,
        sources: Option<Sources>,
        changes: Changes,
        known: u64,
        locations: Locations,
    ) -> Self {
        Self {
            config,
            sources,
            changes,
            known: known.into(),
            current: locations.into(),
        }
    }

    async fn find(&self) -> Result<(), LocationError> {
        let Some(sources) = &self.sources else {
            return Err(LocationError::Refresh(
                "the location was given, and nobody to ask for another".into(),
            ));
        };
        // What changes while they are being asked is to be asked about again.
        let known = self.changes.count();
        let found = locate_once(&self.config, sources).await;
        let found = found.map_err(|error| LocationError::Refresh(error.to_string()))?;
        match primary(&found.locations) {
            Err(LocationError::Missing) => return Err(LocationError::Refresh(found.problems.join("; "))),
            other => _ = other?,
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = found.locations;
        self.known.store(known, Ordering::SeqCst);
        Ok(())
    }
}

impl LocationProvider for Locating {
    fn locations(&self) -> Locations {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn is_invalidated(&self) -> bool {
        self.known.load(Ordering::SeqCst) != self.changes.count()
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), LocationError>> {
        self.find().boxed()
    }
}
