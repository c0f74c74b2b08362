//! ICMP errors (RFC 792, RFC 4443): what routers say of packets that they did not forward.

use crate::packet;
use crate::scenario::Unreachable;
use etherparse::icmpv4::{self, DestUnreachableHeader};
use etherparse::icmpv6::{self, DestUnreachableCode};
use etherparse::{Icmpv4Type, Icmpv6Type, SlicedPacket, TransportSlice};
use std::net::IpAddr;

/// How much of the packet is quoted: with all headers, no more than what any path carries (RFC 1812 and RFC 4443).
const QUOTED_IPV4: usize = 548;
const QUOTED_IPV6: usize = 1232;

/// What a router says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Unreachable(Unreachable),
    /// The TTL or hop limit is used up.
    TimeExceeded,
}

/// The error that `router` sends to `source`, who sent `packet`. Nothing where the router has no address of that kind,
/// and nothing about ICMP itself, but for echo requests.
pub(crate) fn error(router: IpAddr, source: IpAddr, packet: &[u8], what: Error) -> Option<Vec<u8>> {
    if !may_be_answered(packet) {
        return None;
    }
    let builder = packet::ip(router, source)?;
    let quote = |most| packet.get(..most).unwrap_or(packet);
    let mut error = Vec::new();
    let written = match source {
        IpAddr::V4(_) => builder
            .icmpv4(version_4(what))
            .write(&mut error, quote(QUOTED_IPV4)),
        IpAddr::V6(_) => builder
            .icmpv6(version_6(what))
            .write(&mut error, quote(QUOTED_IPV6)),
    };
    written.ok().map(|()| error)
}

fn may_be_answered(packet: &[u8]) -> bool {
    match SlicedPacket::from_ip(packet).map(|sliced| sliced.transport) {
        Ok(Some(TransportSlice::Icmpv4(icmp))) => matches!(icmp.icmp_type(), Icmpv4Type::EchoRequest(_)),
        Ok(Some(TransportSlice::Icmpv6(icmp))) => matches!(icmp.icmp_type(), Icmpv6Type::EchoRequest(_)),
        Ok(_) => true,
        Err(_) => false,
    }
}

fn version_4(what: Error) -> Icmpv4Type {
    let code = match what {
        Error::TimeExceeded => {
            return Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit);
        }
        Error::Unreachable(Unreachable::Network) => DestUnreachableHeader::Network,
        Error::Unreachable(Unreachable::Host) => DestUnreachableHeader::Host,
        Error::Unreachable(Unreachable::Port) => DestUnreachableHeader::Port,
        Error::Unreachable(Unreachable::AdminProhibited) => DestUnreachableHeader::FilterProhibited,
    };
    Icmpv4Type::DestinationUnreachable(code)
}

fn version_6(what: Error) -> Icmpv6Type {
    let code = match what {
        Error::TimeExceeded => {
            return Icmpv6Type::TimeExceeded(icmpv6::TimeExceededCode::HopLimitExceeded);
        }
        Error::Unreachable(Unreachable::Network) => DestUnreachableCode::NoRoute,
        Error::Unreachable(Unreachable::Host) => DestUnreachableCode::Address,
        Error::Unreachable(Unreachable::Port) => DestUnreachableCode::Port,
        Error::Unreachable(Unreachable::AdminProhibited) => DestUnreachableCode::Prohibited,
    };
    Icmpv6Type::DestinationUnreachable(code)
}
