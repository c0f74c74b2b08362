//! What kind of place an address is, from the address and the device's own networks alone.

use super::networks::Networks;
use netsonde_data::bogon;
use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A kind of place that is not the public internet, and is refused unless the user allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// This machine: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A network that this device is in, and the device's own addresses.
    Lan,
    /// Private networks elsewhere: RFC 1918, carriers' `100.64.0.0/10`, `fc00::/7`, `fec0::/10`, local NAT64.
    Private,
    /// One link: `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// Where clouds tell their machines secrets: `169.254.169.254` and its like.
    Metadata,
    /// Many at once: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// Everybody on the link: `255.255.255.255`.
    Broadcast,
    /// No address, which systems take for this machine: `0.0.0.0/8`, `::`.
    Unspecified,
    /// What no server on the internet can have: documentation, benchmarks, future use, deprecated transitions.
    Reserved,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 9] = [
        Self::Loopback,
        Self::Lan,
        Self::Private,
        Self::LinkLocal,
        Self::Metadata,
        Self::Multicast,
        Self::Broadcast,
        Self::Unspecified,
        Self::Reserved,
    ];

    /// The name in settings and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Lan => "lan",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
        }
    }

    /// The scope of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// What there is to say to the user about an address that was refused.
    pub(super) fn refused(self) -> &'static str {
        match self {
            Self::Loopback => "this machine (loopback)",
            Self::Lan => "a network that this device is in (lan)",
            Self::Private => "a private network (private)",
            Self::LinkLocal => "the local link (link-local)",
            Self::Metadata => "a cloud's metadata service (metadata)",
            Self::Multicast => "a multicast group (multicast)",
            Self::Broadcast => "everybody on the link (broadcast)",
            Self::Unspecified => "no address (unspecified)",
            Self::Reserved => "an address that no server can have (reserved)",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of an address, and of each IPv4 address that it carries and that a gateway would send the packets on to.
/// Empty for a public address.
pub(super) fn scopes(address: IpAddr, own: &Networks) -> BTreeSet<Scope> {
    let address = address.to_canonical();
    let carried = match address {
        IpAddr::V4(_) => Vec::new(),
        IpAddr::V6(address) => carried(address),
    };
    let carried = carried.into_iter().map(IpAddr::V4);
    std::iter::once(address)
        .chain(carried)
        .filter_map(|address| scope(address, own))
        .collect()
}

/// The one scope that says most about an address, whatever it carries. What is on an interface comes after what is
/// special everywhere, so that `lan` is allowed without allowing more.
fn scope(address: IpAddr, own: &Networks) -> Option<Scope> {
    let special = match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    };
    if special.is_some() {
        return special;
    }
    if own.contains(address) {
        return Some(Scope::Lan);
    }
    let (private, reserved) = match address {
        IpAddr::V4(address) => (is_private_v4(address), is_reserved_v4(address)),
        IpAddr::V6(address) => (is_private_v6(address), is_reserved_v6(address)),
    };
    if private {
        Some(Scope::Private)
    } else if reserved {
        Some(Scope::Reserved)
    } else {
        None
    }
}

/// Amazon, Google, Azure and most others; Amazon's containers; Alibaba; Oracle; Azure's wire server.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// Amazon, and its containers; Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn special_v4(address: Ipv4Addr) -> Option<Scope> {
    if METADATA_V4.contains(&address) {
        Some(Scope::Metadata)
    } else if address.is_loopback() {
        Some(Scope::Loopback)
    } else if address.octets().first() == Some(&0) {
        Some(Scope::Unspecified)
    } else if address.is_link_local() {
        Some(Scope::LinkLocal)
    } else if address.is_multicast() {
        Some(Scope::Multicast)
    } else if address.is_broadcast() {
        Some(Scope::Broadcast)
    } else {
        None
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Scope> {
    if METADATA_V6.contains(&address) {
        Some(Scope::Metadata)
    } else if address.is_loopback() {
        Some(Scope::Loopback)
    } else if address.is_unspecified() {
        Some(Scope::Unspecified)
    } else if address.is_unicast_link_local() {
        Some(Scope::LinkLocal)
    } else if address.is_multicast() {
        Some(Scope::Multicast)
    } else {
        None
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let carrier = matches!(address.octets(), [100, 64..=127, ..]);
    address.is_private() || carrier
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let site_local = matches!(address.segments(), [0xfec0..=0xfeff, ..]);
    address.is_unique_local() || site_local || local_nat64(address)
}

/// The rest of what is bogon, and `192.88.99.0/24`, where relays of 6to4 used to be.
fn is_reserved_v4(address: Ipv4Addr) -> bool {
    bogon::is_bogon(address.into()) || matches!(address.octets(), [192, 88, 99, _])
}

/// The rest of what is bogon, whatever is not global unicast (`2000::/3`) or NAT64, and IANA's special blocks in it:
/// benchmarks, hashes of host identities, the newer documentation prefix.
fn is_reserved_v6(address: Ipv6Addr) -> bool {
    let global = matches!(address.segments(), [0x2000..=0x3fff, ..]) || well_known_nat64(address);
    let block = matches!(
        address.segments(),
        [0x2001, 0x2, 0, ..] | [0x2001, 0x20..=0x2f, ..] | [0x3fff, 0..=0x0fff, ..]
    );
    // A 6to4 or Teredo address is as bad as what it carries, and that is judged by itself.
    let carries = matches!(address.segments(), [0x2002, ..] | [0x2001, 0, ..]);
    !global || block || (!carries && bogon::is_bogon(address.into()))
}

/// RFC 6052.
fn well_known_nat64(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..])
}

/// RFC 8215.
fn local_nat64(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [0x64, 0xff9b, 1, ..])
}

/// The IPv4 addresses that an IPv6 address carries: IPv4-compatible, IPv4-translated (RFC 2765), NAT64, 6to4, Teredo
/// (server and client), ISATAP.
fn carried(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    // The 32 bits that begin so many bits from the left.
    let at = |skipped: u32| {
        let [first, second, third, fourth, ..] = (address.to_bits() << skipped).to_be_bytes();
        Ipv4Addr::new(first, second, third, fourth)
    };
    // The same where the octet from bit 64 on is left out (RFC 6052, section 2.2).
    let around = |skipped: u32| {
        let octets = address.octets();
        let mut kept = octets.iter().enumerate().filter(|(index, _)| *index != 8);
        let mut next = || kept.next().map_or(0, |(_, octet)| *octet);
        (0..skipped / 8).for_each(|_| _ = next());
        Ipv4Addr::new(next(), next(), next(), next())
    };
    if local_nat64(address) {
        // Where the address stands depends on the length of the prefix, which only the network knows. What would be
        // in 0.0.0.0/8 is the padding of another length.
        let places = [around(48), around(56), around(64), at(96)];
        return places
            .into_iter()
            .filter(|place| place.octets().first() != Some(&0))
            .collect();
    }
    match address.segments() {
        // `::` and `::1` are something else.
        [0, 0, 0, 0, 0, 0, ..] if address.to_bits() > 1 => vec![at(96)],
        [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => vec![at(96)],
        [0x2002, ..] => vec![at(16)],
        [0x2001, 0, ..] => vec![at(32), Ipv4Addr::from_bits(!at(96).to_bits())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
