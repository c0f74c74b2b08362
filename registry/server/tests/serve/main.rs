//! A registry as the public sees it, through the binary and over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: what is not as expected should fail the test"
)]

mod check_in;
mod files;
mod limits;
mod metrics;
mod oci;
mod processes;
mod proofs;
mod registry;
mod server;
