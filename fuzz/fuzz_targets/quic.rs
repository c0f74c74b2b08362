//! Any datagram: reading the versions that it offers does not panic, and they fit into it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    let offered = netsonde_net::quic::offered_versions(datagram);
    assert!(offered.is_none_or(|versions| versions.len() * 4 + 7 <= datagram.len()));
});
