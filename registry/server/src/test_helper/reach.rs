//! Where measuring may go.

use netsonde_data::bogon;
use netsonde_net::{Net, Transport};
use std::net::SocketAddr;

/// Where measuring may go: where the network's policy lets it, which is asked again with each packet, and never to what can
/// not be a public server's, unless the operator says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'a> {
    pub(super) net: &'a Net,
    pub(super) bogons: bool,
}

impl Reach<'_> {
    pub(super) fn allows(self, transport: Transport, to: SocketAddr) -> bool {
        (self.bogons || !bogon::is_bogon(to.ip().to_canonical())) && self.net.allows(transport, to)
    }
}
