//! Behaviour of the sandbox, seen through its public API, with guests that misbehave and servers on the loopback.
//!
//! One program for all, because each would have to link and compile the same guests again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod budgets;
mod cache;
#[cfg(feature = "pulley")]
mod interpreted;
mod kept;
mod loading;
mod minis;
mod outcomes;
mod plain;
mod reduce;
mod replay;
mod rules;
mod servers;
mod support;
#[cfg(target_os = "linux")]
mod tls;
