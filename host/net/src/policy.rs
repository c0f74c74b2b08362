//! Where packets may go.

use crate::{Net, NetError};
use std::net::SocketAddr;

/// What carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    /// TCP.
    Tcp,
    /// UDP, and what runs over it.
    Udp,
}

impl Net {
    /// Whether packets may go to `to`. Every operation asks right before it connects or sends.
    pub(crate) fn admit(&self, _transport: Transport, _to: SocketAddr) -> Result<(), NetError> {
        Ok(())
    }
}
