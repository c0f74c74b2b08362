//! The nettests about messaging apps, end to end: the binary, in the lab, with and without a censor, and all the keys that
//! come of it.
//!
//! A case is a scenario and what the nettest says there; one file a nettest. `harness` runs the cases of a nettest side by
//! side, because most of them wait.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../../../net/tests/loopback/mmdb.rs"]
mod mmdb;

mod harness;

mod facebook_messenger;
mod signal;
mod telegram;
mod whatsapp;
