//! The lab seen from a client: real sockets, real errors, and every censored case beside its uncensored twin.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]

mod censored;
mod clean;
mod client;
mod documents;
mod ech;
mod interference;
#[cfg(feature = "independent-peers")]
mod peers;
mod processes;
mod resolve;
mod servers;
mod world;
