//! ICMP errors as observations: the event `x_icmp`, and what may be said of the router.

use crate::{
    Meter, Trace, Transaction,
    sys::IcmpReport,
    trace::{Event, Extra, archived},
};
use netsonde_data::{
    failure::FailureCode,
    observation::{Icmp, NetworkEvent},
    scrub::SCRUBBED,
};
use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// What is known of the packet that an error came back for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) proto: &'static str,
    /// Where it was going.
    pub(crate) remote: Option<SocketAddr>,
    /// When it was sent.
    pub(crate) t0: Duration,
    /// The TTL it was given.
    pub(crate) ttl: Option<u8>,
    /// Its number on the socket.
    pub(crate) datagram: Option<u64>,
}

/// Write an ICMP error down. `local` is the address that the packet was sent from.
pub(crate) fn observe(
    trace: &Trace,
    meter: &Meter,
    tx: &Transaction,
    report: IcmpReport,
    about: About,
    local: Option<IpAddr>,
) -> NetworkEvent {
    let icmp = Icmp {
        router: report.router.map(|router| router_text(router, local)),
        ttl: about.ttl,
        datagram: about.datagram,
        ..report.icmp
    };
    let failure = FailureCode::from_io(&io::Error::from_raw_os_error(report.number));
    let event = Event {
        operation: "x_icmp",
        remote: about.remote,
        proto: about.proto,
        failure: Some(failure),
        num_bytes: 0,
        t0: about.t0,
        t: trace.clock().now(),
    };
    let extra = Extra {
        failure_detail: detail(report.number),
        icmp: Some(Box::new(icmp)),
        ..Extra::default()
    };
    meter.observation();
    let event = archived(tx, event, extra);
    trace.push(event.clone());
    event
}

/// What the failure string of an error number does not say.
fn detail(number: i32) -> Option<String> {
    FailureCode::detail_of_io(&io::Error::from_raw_os_error(number))
}

/// Whether ICMP can be the reason of an error of the operating system.
pub(crate) fn may_be_icmp(error: &io::Error) -> bool {
    [
        FailureCode::HOST_UNREACHABLE,
        FailureCode::NETWORK_UNREACHABLE,
        FailureCode::CONNECTION_REFUSED,
        FailureCode::PERMISSION_DENIED,
        FailureCode::NO_PROTOCOL_OPTION,
        FailureCode::MESSAGE_SIZE,
    ]
    .contains(&FailureCode::from_io(error))
        || is_other_icmp_number(error)
}

/// The error numbers of ICMP that have no failure string.
#[cfg(unix)]
fn is_other_icmp_number(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [libc::EHOSTDOWN, libc::EPROTO, libc::EOPNOTSUPP]
        .into_iter()
        .any(|known| number == Some(known))
}

/// Elsewhere there are none.
#[cfg(not(unix))]
fn is_other_icmp_number(_error: &io::Error) -> bool {
    false
}

/// A router's address, unless it says where the probe is: the home router of an IPv6 user has an address of the very
/// prefix that the user was given.
fn router_text(router: IpAddr, local: Option<IpAddr>) -> String {
    let is_own = match (router, local) {
        (IpAddr::V6(router), _) if is_local(router) => true,
        (IpAddr::V6(router), Some(IpAddr::V6(local))) => {
            !local.is_loopback() && router.to_bits() >> 80 == local.to_bits() >> 80
        }
        (IpAddr::V4(router), Some(IpAddr::V4(local))) => {
            let is_public = !(local.is_private() || local.is_loopback() || local.is_link_local());
            is_public && router.to_bits() >> 8 == local.to_bits() >> 8
        }
        _ => false,
    };
    if is_own {
        SCRUBBED.to_owned()
    } else {
        router.to_string()
    }
}

/// Link-local addresses tell the router's hardware address, unique local ones are as unique as they say.
fn is_local(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_unique_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(router: &str, local: &str) -> String {
        router_text(router.parse().unwrap(), Some(local.parse().unwrap()))
    }

    #[test]
    fn routers_of_others_are_named() {
        assert_eq!(text("203.0.113.1", "192.168.1.7"), "203.0.113.1");
        assert_eq!(text("192.168.1.1", "192.168.1.7"), "192.168.1.1");
        assert_eq!(text("127.0.0.1", "127.0.0.1"), "127.0.0.1");
        assert_eq!(text("2001:db8:2::1", "2001:db8:1::7"), "2001:db8:2::1");
        assert_eq!(text("::1", "::1"), "::1");
    }

    #[test]
    fn the_probes_own_network_is_not_named() {
        assert_eq!(text("203.0.113.1", "203.0.113.77"), SCRUBBED);
        assert_eq!(text("2001:db8:1:ff::1", "2001:db8:1::7"), SCRUBBED);
        assert_eq!(text("fe80::1", "2001:db8:1::7"), SCRUBBED);
        assert_eq!(text("fd00:1::1", "fd00:1::2"), SCRUBBED);
    }
}
