//! The parsers whose only other entrance is the network, for the targets in `fuzz/`. Nothing but a fuzzer compiles this.

use crate::{
    dns,
    http::{
        Request,
        head::{Head, Version},
    },
    location,
    policy::{named::Place, redirect},
};
use std::net::{IpAddr, SocketAddr};

/// The address in a STUN server's answer to the request with this id.
pub fn stun_answer(datagram: &[u8], id: [u8; 12]) -> Option<SocketAddr> {
    location::stun::answer(datagram, id).ok()
}

/// The address in a page that tells it.
pub fn address_in_page(text: &str) -> Option<IpAddr> {
    location::address_in(text)
}

/// The host that a `Location` leads to, where the request that was sent does not name it.
pub fn redirect(location: &[u8], sent: &[&[u8]]) -> Option<String> {
    Some(match redirect::leads_to(location, sent.iter().copied())? {
        Place::Address(address) => address.to_string(),
        Place::Name(name) => name,
    })
}

/// The resolvers in a `resolv.conf`.
#[cfg(unix)]
pub fn resolvers(text: &[u8]) -> Vec<IpAddr> {
    dns::configured::resolvers_in(text)
}

/// The head of a request as HTTP/1.1 sends it, and whether HTTP/2 and HTTP/3 could.
pub fn request_head(request: &Request) -> (Option<Vec<u8>>, [bool; 2]) {
    let later = |version| Head::new(request, version).is_ok_and(|head| head.to_http().is_ok());
    (
        Head::new(request, Version::H1)
            .ok()
            .map(|head| head.bytes().into_owned()),
        [later(Version::H2), later(Version::H3)],
    )
}
