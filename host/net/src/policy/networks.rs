//! The networks that the device itself is in.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::{io, net::IpAddr, sync::Arc};

/// A prefix shorter than this is no network of neighbours but how a tunnel says "everything": of such an interface
/// only the address counts, because otherwise nothing at all could be reached.
const SHORTEST: (u8, u8) = (8, 32);

/// The networks that the device itself is in, and its own addresses. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Networks(Arc<[IpNet]>);

impl Networks {
    /// The networks of all interfaces, now. A device moves: ask again before each run.
    pub fn of_this_device() -> io::Result<Self> {
        let interfaces = if_addrs::get_if_addrs()?;
        Ok(interfaces
            .into_iter()
            .map(|interface| match interface.addr {
                if_addrs::IfAddr::V4(v4) => (v4.ip.into(), v4.prefixlen),
                if_addrs::IfAddr::V6(v6) => (v6.ip.into(), v6.prefixlen),
            })
            .collect())
    }

    /// These and more addresses of the device: its public ones, behind which its router answers.
    #[must_use]
    pub fn and(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let more = addresses.into_iter().map(|address| address.to_canonical().into());
        Self(self.0.iter().copied().chain(more).collect())
    }

    /// Whether an address is in one of them.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromIterator<(IpAddr, u8)> for Networks {
    /// The networks of these addresses, each with the length of its prefix.
    fn from_iter<I: IntoIterator<Item = (IpAddr, u8)>>(addresses: I) -> Self {
        let network = |(address, length): (IpAddr, u8)| match address {
            IpAddr::V4(address) => {
                let length = if length < SHORTEST.0 { 32 } else { length };
                Ipv4Net::new(address, length)
                    .ok()
                    .map(|network| network.trunc().into())
            }
            IpAddr::V6(address) => {
                let length = if length < SHORTEST.1 { 128 } else { length };
                Ipv6Net::new(address, length)
                    .ok()
                    .map(|network| network.trunc().into())
            }
        };
        Self(addresses.into_iter().filter_map(network).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_in_and_others_are_not() {
        let own: Networks = [
            ("192.168.7.20".parse().unwrap(), 24),
            ("2001:db8:1::5".parse().unwrap(), 64),
            ("8.8.4.4".parse().unwrap(), 0),
        ]
        .into_iter()
        .collect();
        for (address, inside) in [
            ("192.168.7.1", true),
            ("192.168.8.1", false),
            ("2001:db8:1::1", true),
            ("2001:db8:2::1", false),
            ("8.8.4.4", true),
            ("1.1.1.1", false),
        ] {
            assert_eq!(own.contains(address.parse().unwrap()), inside, "{address}");
        }
    }

    #[test]
    fn what_a_router_answers_for_is_in() {
        let own: Networks = [("192.168.7.20".parse().unwrap(), 24)].into_iter().collect();
        let own = own.and(["::ffff:203.0.113.7".parse().unwrap()]);
        let contains = |address: &str| own.contains(address.parse().unwrap());
        assert!(contains("203.0.113.7") && contains("192.168.7.1"));
        assert!(!contains("203.0.113.8"));
    }

    #[test]
    fn this_device_has_itself() {
        assert!(
            Networks::of_this_device()
                .unwrap()
                .contains("127.0.0.1".parse().unwrap())
        );
    }
}
