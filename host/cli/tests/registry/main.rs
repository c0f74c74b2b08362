//! The probe and its registries, through the binary and over real sockets: honest ones, and every way in which one can lie.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../support/mod.rs"]
mod support;

mod follow;
mod forgotten;
mod guest;
mod lab;
mod log_attacks;
mod module_attacks;
mod modules;
mod probe;
mod scripts;
mod server;
mod world;
