//! `x_icmp`: an ICMP error that came back for something that was sent. OONI has no format for it.

use serde::{Deserialize, Serialize};

/// What a router or a host said about a packet that it did not deliver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Icmp {
    /// The type in the ICMP header; none where the operating system tells only that there was an error.
    #[serde(rename = "type")]
    pub icmp_type: Option<u8>,
    /// The code in the ICMP header.
    pub code: Option<u8>,
    /// The same in words, alike for IPv4 and IPv6: `time_exceeded`, `host_unreachable`, `net_unreachable`,
    /// `port_unreachable`, `protocol_unreachable`, `admin_prohibited`, `packet_too_big`, `parameter_problem`, `other`;
    /// `unknown` where there is no type.
    pub name: String,
    /// The address that sent it. `[scrubbed]` where it is in the probe's own network, and none where the operating
    /// system does not tell.
    pub router: Option<String>,
    /// The TTL or hop limit that the packet was sent with, where it was set and it is known which packet is meant.
    pub ttl: Option<u8>,
    /// The datagram that the error quotes, by its number on the socket, from 0; where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datagram: Option<u64>,
}

impl Icmp {
    /// What a type and a code of ICMP (RFC 792, RFC 1122, RFC 1812) mean.
    pub fn v4(icmp_type: u8, code: u8) -> Self {
        let name = match (icmp_type, code) {
            (3, 0 | 6 | 11) => "net_unreachable",
            (3, 1 | 5 | 7 | 8 | 12) => "host_unreachable",
            (3, 2) => "protocol_unreachable",
            (3, 3) => "port_unreachable",
            (3, 4) => "packet_too_big",
            (3, 9 | 10 | 13) => "admin_prohibited",
            (11, _) => "time_exceeded",
            (12, _) => "parameter_problem",
            _ => "other",
        };
        Self::named(icmp_type, code, name)
    }

    /// What a type and a code of `ICMPv6` (RFC 4443) mean.
    pub fn v6(icmp_type: u8, code: u8) -> Self {
        let name = match (icmp_type, code) {
            (1, 0 | 6) => "net_unreachable",
            (1, 1 | 5) => "admin_prohibited",
            (1, 2 | 3) => "host_unreachable",
            (1, 4) => "port_unreachable",
            (2, _) => "packet_too_big",
            (3, _) => "time_exceeded",
            (4, _) => "parameter_problem",
            _ => "other",
        };
        Self::named(icmp_type, code, name)
    }

    /// An error of which nothing but its existence is known.
    pub fn unknown() -> Self {
        Self {
            name: "unknown".to_owned(),
            ..Self::default()
        }
    }

    fn named(icmp_type: u8, code: u8, name: &str) -> Self {
        Self {
            icmp_type: Some(icmp_type),
            code: Some(code),
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_have_the_same_words() {
        assert_eq!(Icmp::v4(11, 0).name, Icmp::v6(3, 0).name);
        assert_eq!(Icmp::v4(3, 3).name, Icmp::v6(1, 4).name);
        assert_eq!(Icmp::v4(3, 13).name, Icmp::v6(1, 1).name);
        assert_eq!(Icmp::v4(3, 1).name, Icmp::v6(1, 3).name);
        assert_eq!(Icmp::v4(5, 0).name, "other");
    }

    #[test]
    fn what_is_not_known_is_null() {
        assert_eq!(
            serde_json::to_value(Icmp::unknown()).unwrap(),
            serde_json::json!({"type": null, "code": null, "name": "unknown", "router": null, "ttl": null})
        );
    }
}
