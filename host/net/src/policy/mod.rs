//! Where packets may go.
//!
//! [`Destinations`] is what a measurement was allowed, decided before it begins. `Net::admit` is asked right before
//! every connect and before the first datagram to an address, with the address that the socket is about to use: a name
//! that resolves to something else the second time gains nothing. What is refused says
//! `unknown_failure: denied by destination policy` and no more to the guest; why is for the user to see.

use crate::{Net, NetError};
use netsonde_data::failure::{FailureCode, Operation};
use std::net::SocketAddr;

/// What carries the packets, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP, and what runs over it.
    Tcp,
    /// UDP, and what runs over it, except DNS.
    Udp,
    /// DNS queries over UDP, which the probe writes itself.
    Dns,
}

/// Where the packets of a measurement may go. The default is nowhere.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    unrestricted: bool,
}

impl Destinations {
    /// Everywhere, at any rate: for tests on loopback, and for whoever drives the primitives by hand.
    pub fn unrestricted() -> Self {
        Self { unrestricted: true }
    }
}

impl Net {
    /// Whether packets may go to `to`; waits where too many connections went there just now. Every operation asks
    /// right before it connects, and before its first datagram to an address. A refusal is for the caller to write
    /// down as the failure of its operation.
    #[expect(clippy::unused_async, reason = "the rates are added in the next step")]
    pub async fn admit(&self, transport: Transport, to: SocketAddr) -> Result<(), NetError> {
        if self.destinations().unrestricted {
            return Ok(());
        }
        Err(denied(transport, to))
    }

    /// Whether one more datagram of `bytes` may go to `to`, which was admitted before. What has not answered yet gets
    /// a bounded number of them. That it has answered is learnt from `network_events`: a `read` over `udp`.
    pub fn admit_datagram(&self, to: SocketAddr, _bytes: usize) -> Result<(), NetError> {
        if self.destinations().unrestricted {
            return Ok(());
        }
        Err(denied(Transport::Udp, to))
    }
}

/// A refusal, as the guest and the observations see it.
fn denied(transport: Transport, to: SocketAddr) -> NetError {
    let (operation, doing) = match transport {
        Transport::Tcp => (Operation::Connect, format!("connect to {to}")),
        Transport::Udp => (Operation::WriteTo, format!("send to {to}")),
        Transport::Dns => (Operation::Resolve, format!("ask {to}")),
    };
    let code = FailureCode::unknown("denied by destination policy");
    NetError::failed(code, operation, &doing)
}
