//! Measurement primitives over real sockets; each appends observations to a trace.
//!
//! What belongs here: everything that opens a socket, and the bookkeeping around it — the clock, the trace, the
//! budget. What does not: which operation comes next (guests decide), where observations go (the probe decides).
//!
//! [`Net`] is the entrance. Each operation is one `async fn` that
//!
//! * refuses to begin when the [`Meter`] is exhausted,
//! * reads the [`Clock`] itself, right before and right after the system call or the exchange it times,
//! * appends what it saw to the [`Trace`], whether it succeeds, fails, runs out of time or budget, or is dropped
//!   half-way (failure `interrupted`),
//! * says why it failed with an OONI failure string, from the real error of the operating system.

mod budget;
mod clock;
mod connection;
mod dial;
pub mod dns;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guard;
pub mod helper;
pub mod http;
mod icmp;
mod location;
mod net;
mod owners;
mod policy;
pub mod quic;
mod sampling;
mod socket;
mod sys;
mod tcp;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tcp_info;
pub mod tls;
mod trace;
mod udp;

pub use budget::{Budget, Meter, Usage};
pub use clock::Clock;
pub use connection::Connection;
pub use error::{Exceeded, NetError};
pub use net::{Net, NetConfig};
pub use owners::{Owner, Owners, OwnersError};
pub use policy::{Class, Destinations, Named, Networks, Pace, Refusal, Rules, Scope, Transport};
pub use tcp::ConnectOptions;
pub use tls::RootsError;
pub use trace::{Trace, Transaction};
pub use udp::{Datagram, Received, UdpOptions, UdpSocket};
