//! Addresses that can not be a public server's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public, as (network, prefix length), and whether their 6to4 and Teredo images are
/// bogon too. The list is ipinfo.io's, which OONI uses.
const V4: [(Ipv4Addr, u32, bool); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8, true),
    (Ipv4Addr::new(10, 0, 0, 0), 8, true),
    (Ipv4Addr::new(100, 64, 0, 0), 10, false),
    (Ipv4Addr::new(127, 0, 0, 0), 8, true),
    (Ipv4Addr::new(127, 0, 53, 53), 32, false),
    (Ipv4Addr::new(169, 254, 0, 0), 16, true),
    (Ipv4Addr::new(172, 16, 0, 0), 12, true),
    (Ipv4Addr::new(192, 0, 0, 0), 24, true),
    (Ipv4Addr::new(192, 0, 2, 0), 24, true),
    (Ipv4Addr::new(192, 168, 0, 0), 16, true),
    (Ipv4Addr::new(198, 18, 0, 0), 15, true),
    (Ipv4Addr::new(198, 51, 100, 0), 24, true),
    (Ipv4Addr::new(203, 0, 113, 0), 24, true),
    (Ipv4Addr::new(224, 0, 0, 0), 4, true),
    (Ipv4Addr::new(240, 0, 0, 0), 4, true),
    (Ipv4Addr::BROADCAST, 32, true),
];

/// IPv6 networks that are not public, as (network, prefix length).
const V6: [(Ipv6Addr, u32); 11] = [
    (Ipv6Addr::UNSPECIFIED, 128),
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    (Ipv6Addr::UNSPECIFIED, 96),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

/// Whether `address` can not be a public server's.
pub fn is_bogon(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => V4
            .iter()
            .any(|&(network, length, _)| v4_contains(network, length, address)),
        IpAddr::V6(address) => {
            V6.iter()
                .any(|&(network, length)| v6_contains(network, length, address))
                || image(address).is_some_and(|inner| {
                    V4.iter()
                        .any(|&(network, length, images)| images && v4_contains(network, length, inner))
                })
        }
    }
}

/// Like [`is_bogon`], for text. What is no address is bogon too.
pub fn is_bogon_text(address: &str) -> bool {
    address.parse().map_or(true, is_bogon)
}

/// The IPv4 address that a 6to4 (`2002::/16`) or Teredo (`2001:0::/32`) address carries right after its prefix.
fn image(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = match address.segments() {
        [0x2002, high, low, ..] | [0x2001, 0, high, low, ..] => (u32::from(high) << 16) | u32::from(low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(bits))
}

fn v4_contains(network: Ipv4Addr, length: u32, address: Ipv4Addr) -> bool {
    let shift = 32 - length;
    network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
}

fn v6_contains(network: Ipv6Addr, length: u32, address: Ipv6Addr) -> bool {
    let shift = 128 - length;
    network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_reserved_addresses_are_bogon() {
        for text in [
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.0.53.53",
            "169.254.1.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.255.255",
            "198.51.100.9",
            "203.0.113.7",
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
            "2002:0a00:0001::",
            "2001:0:7f00:1::1",
            "no address",
            "",
        ] {
            assert!(is_bogon_text(text), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_not() {
        for text in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2002:0808:0808::1",
            "2001:0:808:808::1",
            "2002:6440:1::",
        ] {
            assert!(!is_bogon_text(text), "{text}");
        }
    }
}
