//! The test helper through its binary, on loopback: each rule of its protocol.

mod answers;
#[path = "../world/mod.rs"]
mod world;
