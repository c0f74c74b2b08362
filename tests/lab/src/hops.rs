//! The routers between the censor and the world: each takes one from a packet's TTL, and answers the client where
//! nothing is left.

use crate::icmp;
use crate::packet::View;
use crate::scenario::Hop;
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};
use std::net::IpAddr;
use std::time::Duration;

/// The routers, the client's first.
pub(crate) struct Hops {
    hops: Vec<Hop>,
    delay: Duration,
}

/// What becomes of a packet of the client's.
pub(crate) enum Fate {
    /// It gets through, with less of its TTL.
    Through(Vec<u8>),
    /// It ends at a router, whose answer arrives after this time.
    Ends(Option<(Duration, Vec<u8>)>),
}

impl Hops {
    /// `delay` is how long a packet takes to the world.
    pub(crate) fn new(hops: Vec<Hop>, delay: Duration) -> Self {
        Self { hops, delay }
    }

    /// Sends a packet of the client's to the world.
    pub(crate) fn forth(&self, packet: Vec<u8>) -> Fate {
        match self.forward(packet) {
            Ok(packet) => Fate::Through(packet),
            Err((ended, number)) => Fate::Ends(self.answer(&ended, number)),
        }
    }

    /// Sends a packet of the world's to the client. Nobody there asks what became of it.
    pub(crate) fn back(&self, packet: Vec<u8>) -> Option<Vec<u8>> {
        self.forward(packet).ok()
    }

    /// The packet after all hops, or what is left of it and the index of the hop where it ended.
    fn forward(&self, mut packet: Vec<u8>) -> Result<Vec<u8>, (Vec<u8>, usize)> {
        let hops = u8::try_from(self.hops.len()).unwrap_or(u8::MAX);
        let Some(ttl) = ttl(&packet).filter(|_| hops > 0) else {
            return Ok(packet);
        };
        if ttl > hops {
            set_ttl(&mut packet, ttl - hops);
            return Ok(packet);
        }
        set_ttl(&mut packet, 1);
        Err((packet, usize::from(ttl.saturating_sub(1))))
    }

    fn answer(&self, packet: &[u8], index: usize) -> Option<(Duration, Vec<u8>)> {
        let source = View::of(packet)?.source.ip();
        let router = self.hops.get(index)?.address(source)?;
        let answer = icmp::error(router, source, packet, icmp::Error::TimeExceeded)?;
        // The hops stand at even distances.
        let share = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let distance = self.delay * share(index.saturating_add(1)) / share(self.hops.len().saturating_add(1));
        Some((distance * 2, answer))
    }
}

impl Hop {
    /// Its address of the same family as another.
    pub(crate) fn address(&self, other: IpAddr) -> Option<IpAddr> {
        let mut addresses = self.addresses.iter();
        addresses
            .find(|address| address.is_ipv4() == other.is_ipv4())
            .copied()
    }
}

/// The TTL or hop limit; nothing of what routers do not forward.
fn ttl(packet: &[u8]) -> Option<u8> {
    if let Ok(header) = Ipv4HeaderSlice::from_slice(packet) {
        return (!header.destination_addr().is_multicast()).then(|| header.ttl());
    }
    let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
    (!header.destination_addr().is_multicast()).then(|| header.hop_limit())
}

fn set_ttl(packet: &mut [u8], ttl: u8) {
    if let Ok(header) = Ipv4HeaderSlice::from_slice(packet) {
        let mut header = header.to_header();
        header.time_to_live = ttl;
        let checksum = header.calc_header_checksum();
        if let Some([limit, _, high, low]) = packet.get_mut(8..12) {
            *limit = ttl;
            [*high, *low] = checksum.to_be_bytes();
        }
    } else if let Some(limit) = packet.get_mut(7) {
        *limit = ttl;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet;
    use etherparse::{Icmpv4Type, Icmpv6Type, SlicedPacket, TransportSlice};

    fn two() -> Hops {
        let hops = [["62.40.98.1", "2001:798::1"], ["4.69.1.1", "2001:1900::1"]];
        let hops = hops.map(|addresses| Hop {
            addresses: addresses.map(|address| address.parse().unwrap()).to_vec(),
        });
        Hops::new(hops.into(), Duration::from_millis(30))
    }

    fn datagram(ends: (&str, &str), ttl: u8) -> Vec<u8> {
        let ends = (ends.0.parse().unwrap(), ends.1.parse().unwrap());
        let mut packet = packet::udp(ends, b"hello").unwrap();
        set_ttl(&mut packet, ttl);
        packet
    }

    const VERSION_4: (&str, &str) = ("130.192.91.211:4000", "192.0.2.1:7");
    const VERSION_6: (&str, &str) = ("[2001:760::2]:4000", "[2001:db8::1]:7");

    #[test]
    fn what_has_enough_left_gets_through_with_less() {
        for ends in [VERSION_4, VERSION_6] {
            let Fate::Through(packet) = two().forth(datagram(ends, 3)) else {
                panic!("it ended")
            };
            assert_eq!(ttl(&packet), Some(1));
            assert_eq!(packet, datagram(ends, 1));
            if let Ok(header) = Ipv4HeaderSlice::from_slice(&packet) {
                assert_eq!(
                    header.header_checksum(),
                    header.to_header().calc_header_checksum()
                );
            }
            assert_eq!(two().back(datagram(ends, 64)).as_deref().and_then(ttl), Some(62));
            assert_eq!(two().back(datagram(ends, 2)), None);
        }
    }

    #[test]
    fn the_router_at_which_the_ttl_ends_says_so() {
        for (ends, expected) in [
            (VERSION_4, [("62.40.98.1:0", 20), ("4.69.1.1:0", 40)]),
            (VERSION_6, [("[2001:798::1]:0", 20), ("[2001:1900::1]:0", 40)]),
        ] {
            for (ttl, (router, milliseconds)) in (1..).zip(expected) {
                let Fate::Ends(Some((after, answer))) = two().forth(datagram(ends, ttl)) else {
                    panic!("ttl {ttl} got through, or nobody said anything")
                };
                assert_eq!(after, Duration::from_millis(milliseconds));
                let view = View::of(&answer).unwrap();
                assert_eq!(view.source, router.parse().unwrap());
                assert_eq!(
                    view.destination.ip(),
                    ends.0.parse::<std::net::SocketAddr>().unwrap().ip()
                );
                let sliced = SlicedPacket::from_ip(&answer).unwrap();
                let quoted = match sliced.transport.unwrap() {
                    TransportSlice::Icmpv4(icmp) => {
                        assert!(matches!(icmp.icmp_type(), Icmpv4Type::TimeExceeded(_)));
                        icmp.payload()
                    }
                    TransportSlice::Icmpv6(icmp) => {
                        assert!(matches!(icmp.icmp_type(), Icmpv6Type::TimeExceeded(_)));
                        icmp.payload()
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(quoted, datagram(ends, 1));
                // Nobody answers an ICMP error with another.
                let Fate::Ends(None) = two().forth({
                    let mut error = answer.clone();
                    set_ttl(&mut error, 1);
                    error
                }) else {
                    panic!("an error was answered")
                };
            }
        }
    }
}
