//! The probe and its registries, through the binary and over real sockets: honest ones, and every way in which one can lie.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
#![expect(dead_code, reason = "what tests of modules and scripts use besides")]

#[path = "../support/mod.rs"]
mod support;

mod follow;
mod probe;
mod server;
mod world;
