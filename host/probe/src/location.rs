//! Where the probe is: the provider that the interpreter asks, before every target, whether it still holds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt as _, ready};
use netsonde_data::location::{Location, Locations};

/// Why the probe does not know where it is. No measurement is made then: it would carry a wrong country or network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Neither family has a location.
    #[error("the location has neither `ipv4` nor `ipv6`; give at least one")]
    Missing,
    /// The families disagree on the network or the country: a tunnel, or a VPN for one family only.
    #[error(
        "IPv4 says AS{v4_asn} in {v4_cc}, IPv6 says AS{v6_asn} in {v6_cc}; a measurement would mix two networks, so \
         none is made (is there a VPN or a tunnel for one of them?)"
    )]
    Mismatch {
        /// Autonomous system by IPv4.
        v4_asn: u32,
        /// Country by IPv4.
        v4_cc: String,
        /// Autonomous system by IPv6.
        v6_asn: u32,
        /// Country by IPv6.
        v6_cc: String,
    },
    /// The provider could not find the location anew after it was invalidated.
    #[error("the location was invalidated and could not be found anew: {0}")]
    Refresh(String),
    /// The probe moved to another network. Report ids belong to the network that they were made for.
    #[error(
        "the probe moved from AS{old_asn} in {old_cc} to AS{new_asn} in {new_cc} while the script was running"
    )]
    Changed {
        /// Autonomous system when the script started.
        old_asn: u32,
        /// Country when the script started.
        old_cc: String,
        /// Autonomous system now.
        new_asn: u32,
        /// Country now.
        new_cc: String,
    },
}

/// Knows where the probe is, and may be told, or may notice, that it no longer does.
///
/// An app calls its provider's `invalidate` when the phone leaves one access network for another; a provider that
/// looks the addresses up from time to time invalidates itself when they change.
pub trait LocationProvider: Send + Sync {
    /// The last known location.
    fn locations(&self) -> Locations;

    /// Whether the last known location may no longer hold.
    fn is_invalidated(&self) -> bool;

    /// Find the location anew; afterwards `is_invalidated` is false until the next change. Dropped if the run is stopped.
    fn refresh(&self) -> BoxFuture<'_, Result<(), LocationError>>;
}

/// A location given once, as by `--location-file`, that can be replaced while a script runs.
#[derive(Debug, Default)]
pub struct GivenLocation {
    current: Mutex<Locations>,
    next: Mutex<Option<Locations>>,
    invalidated: AtomicBool,
}

impl GivenLocation {
    /// Start from a known location.
    pub fn new(locations: Locations) -> Self {
        Self {
            current: Mutex::new(locations),
            ..Self::default()
        }
    }

    /// Say that the probe may have moved. `found` is what the next `refresh` finds; without it `refresh` fails.
    pub fn invalidate(&self, found: Option<Locations>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = found;
        self.invalidated.store(true, Ordering::SeqCst);
    }

    fn take_next(&self) -> Result<(), LocationError> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let next = next.ok_or_else(|| LocationError::Refresh("no other location was given".into()))?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = next;
        self.invalidated.store(false, Ordering::SeqCst);
        Ok(())
    }
}

impl LocationProvider for GivenLocation {
    fn locations(&self) -> Locations {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn is_invalidated(&self) -> bool {
        self.invalidated.load(Ordering::SeqCst)
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), LocationError>> {
        ready(self.take_next()).boxed()
    }
}

/// The location that goes into a measurement's envelope: IPv4 where there is one, and both families must agree.
pub fn primary(locations: &Locations) -> Result<&Location, LocationError> {
    match (&locations.ipv4, &locations.ipv6) {
        (Some(v4), Some(v6)) if v4.probe_asn != v6.probe_asn || v4.probe_cc != v6.probe_cc => {
            Err(LocationError::Mismatch {
                v4_asn: v4.probe_asn,
                v4_cc: v4.probe_cc.clone(),
                v6_asn: v6.probe_asn,
                v6_cc: v6.probe_cc.clone(),
            })
        }
        (Some(location), _) | (None, Some(location)) => Ok(location),
        (None, None) => Err(LocationError::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(asn: u32, cc: &str) -> Location {
        Location {
            probe_asn: asn,
            probe_cc: cc.into(),
            ..Location::default()
        }
    }

    #[test]
    fn families_that_disagree_give_no_location() {
        let both = Locations {
            ipv4: Some(at(137, "IT")),
            ipv6: Some(at(6939, "US")),
        };
        assert!(matches!(
            primary(&both),
            Err(LocationError::Mismatch { v6_asn: 6939, .. })
        ));
        let agree = Locations {
            ipv4: Some(at(137, "IT")),
            ipv6: Some(at(137, "IT")),
        };
        assert_eq!(primary(&agree).unwrap().probe_asn, 137);
    }

    #[test]
    fn one_family_is_enough_and_none_is_not() {
        let v6 = Locations {
            ipv4: None,
            ipv6: Some(at(137, "IT")),
        };
        assert_eq!(primary(&v6).unwrap().probe_cc, "IT");
        assert_eq!(primary(&Locations::default()), Err(LocationError::Missing));
    }

    #[tokio::test]
    async fn an_invalidated_location_is_found_anew_or_not_at_all() {
        let provider = GivenLocation::new(Locations {
            ipv4: Some(at(137, "IT")),
            ipv6: None,
        });
        assert!(!provider.is_invalidated());
        provider.invalidate(Some(Locations {
            ipv4: Some(at(3269, "IT")),
            ipv6: None,
        }));
        assert!(provider.is_invalidated());
        provider.refresh().await.unwrap();
        assert!(!provider.is_invalidated());
        assert_eq!(provider.locations().ipv4.unwrap().probe_asn, 3269);
        provider.invalidate(None);
        let again = provider.refresh().await;
        assert!(matches!(again, Err(LocationError::Refresh(_))));
    }
}
