//! A hello is named whatever wrote it, also one that a peer made up: it must not panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|hello: &[u8]| {
    if let Some(name) = netsonde_net::tls::ja4('t', hello) {
        assert_eq!(name.len(), 36, "{name}");
    }
});
