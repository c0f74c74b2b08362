//! Addresses that can not be a public server's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks as their first address and the length of their prefix.
const V4: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];
const V6: [([u16; 8], u32); 9] = [
    // With it, the unspecified address and the loopback address.
    ([0, 0, 0, 0, 0, 0, 0, 0], 96),
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    ([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// 6to4 (RFC 3056) carries an IPv4 address after 16 bits, Teredo (RFC 4380) that of its server after 32.
const EMBEDDINGS: [(u128, u32); 2] = [(0x2002, 16), (0x2001_0000, 32)];

/// Whether an address can not be a public server's. A text that is no address can not be one either.
pub(super) fn is_bogon(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(address)) => is_v4_bogon(address),
        Ok(IpAddr::V6(address)) => is_v6_bogon(address),
        Err(_) => true,
    }
}

/// Whether an address leads back to the probe itself, or is none.
pub(super) fn is_loopback(address: &str) -> bool {
    address
        .parse::<IpAddr>()
        .map_or(true, |address| address.to_canonical().is_loopback())
}

/// Whether an address is one of IPv6.
pub(super) fn is_v6(address: &str) -> bool {
    address.parse::<Ipv6Addr>().is_ok()
}

fn is_v4_bogon(address: Ipv4Addr) -> bool {
    V4.iter().any(|(network, length)| {
        (u32::from(address) ^ u32::from(Ipv4Addr::from(*network))).leading_zeros() >= *length
    })
}

fn is_v6_bogon(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    let listed = V6
        .iter()
        .any(|(network, length)| (bits ^ u128::from(Ipv6Addr::from(*network))).leading_zeros() >= *length);
    let embedded = EMBEDDINGS.iter().any(|(prefix, length)| {
        let inner = (bits << length >> 96) as u32;
        bits >> (128 - length) == *prefix && is_v4_bogon(Ipv4Addr::from(inner))
    });
    listed || embedded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_a_public_server() {
        for address in [
            "0.0.0.0",
            "10.10.34.35",
            "100.127.0.1",
            "127.0.0.53",
            "169.254.1.1",
            "172.31.255.255",
            "192.0.2.7",
            "192.168.1.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "100::1",
            "2001:10::1",
            "2001:db8::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2002:a00:1::1",
            "2001:0:a00:1::1",
            "dns.google",
            "",
        ] {
            assert!(is_bogon(address), "{address}");
        }
    }

    #[test]
    fn what_can_be_one() {
        for address in [
            "8.8.8.8",
            "93.184.216.34",
            "100.128.0.1",
            "172.32.0.1",
            "2606:2800:220:1::1",
            "2002:808:808::1",
            "2001:0:808:808::1",
            "2001:20::1",
        ] {
            assert!(!is_bogon(address), "{address}");
        }
    }

    #[test]
    fn what_leads_back() {
        assert!(is_loopback("127.0.0.1") && is_loopback("::1") && is_loopback("localhost"));
        assert!(is_loopback("::ffff:127.0.0.1") && !is_loopback("10.0.0.1"));
    }
}
