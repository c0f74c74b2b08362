//! The test helper through its binary, on loopback: each rule of its protocol.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code: what is not as expected should fail the test"
)]

mod answers;
#[path = "../../../../host/net/tests/loopback/mmdb.rs"]
mod mmdb;
mod pages;
mod protocol;
mod quic;
mod refused;
mod resolver;
mod under_load;
mod waiting;
#[path = "../world/mod.rs"]
mod world;
