//! Where the probe is, once for each address family, and the file that says so.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What is known about the probe and its resolver over one address family.
///
/// Every key may be missing from the file; the getters give the format's stand-ins (`AS0`, `ZZ`, empty names).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Location {
    /// The probe's public address.
    pub probe_ip: Option<IpAddr>,
    /// Its autonomous system.
    pub probe_asn: u32,
    /// Its country, ISO 3166.
    pub probe_cc: String,
    /// The name of its network.
    pub probe_network_name: String,
    /// The address from which the resolver asks.
    pub resolver_ip: Option<IpAddr>,
    /// Its autonomous system.
    pub resolver_asn: u32,
    /// Its country.
    pub resolver_cc: String,
    /// The name of its network.
    pub resolver_network_name: String,
}

impl Location {
    /// The country, or `ZZ`.
    pub fn country(&self) -> &str {
        if self.probe_cc.is_empty() {
            "ZZ"
        } else {
            &self.probe_cc
        }
    }
}

/// The locations file: one location a family, each optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Locations {
    /// Over IPv4.
    pub ipv4: Option<Location>,
    /// Over IPv6.
    pub ipv6: Option<Location>,
}

impl Locations {
    /// The location that describes a measurement: IPv4's, else IPv6's.
    pub fn primary(&self) -> Option<&Location> {
        self.ipv4.as_ref().or(self.ipv6.as_ref())
    }

    /// The probe's own addresses: what must be scrubbed.
    pub fn probe_addresses(&self) -> Vec<IpAddr> {
        [&self.ipv4, &self.ipv6]
            .into_iter()
            .flatten()
            .filter_map(|location| location.probe_ip)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_and_its_keys_are_optional() {
        let locations: Locations =
            serde_json::from_str(r#"{"ipv6": {"probe_ip": "2a01:4f8::1", "probe_asn": 24940}}"#).unwrap();
        assert_eq!(locations.ipv4, None);
        let primary = locations.primary().unwrap();
        assert_eq!((primary.probe_asn, primary.country()), (24940, "ZZ"));
        assert_eq!(
            locations.probe_addresses(),
            ["2a01:4f8::1".parse::<IpAddr>().unwrap()]
        );
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        assert!(serde_json::from_str::<Locations>(r#"{"ipv4": {"probe_ip": "home"}}"#).is_err());
    }
}
