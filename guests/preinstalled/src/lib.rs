//! The preinstalled guests, built from source and embedded with their digests.
//!
//! The build script does the work; `guests.rs` lists the crates. To add a guest, add its folder there.

/// A guest that is part of the probe.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// The name in its manifest: `telegram`, `dns-lookup`.
    pub name: &'static str,
    /// The component, with its manifest.
    pub wasm: &'static [u8],
    /// The SHA-256 of the component, in hexadecimal.
    pub sha256: &'static str,
}

/// All preinstalled guests: nettests, then mini nettests, in the order of `guests.rs`.
pub static GUESTS: &[Guest] = include!(concat!(env!("OUT_DIR"), "/guests.in"));
