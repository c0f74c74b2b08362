//! What people sign is canonical JSON of anybody: reading it must not panic, and there is one way to write what was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netsonde_log::canonical::{Limits, Value};

const LIMITS: Limits = Limits {
    bytes: 4096,
    depth: 24,
};

fuzz_target!(|bytes: &[u8]| {
    let canonical = Value::parse_canonical(bytes, LIMITS);
    let Ok(value) = Value::parse(bytes, LIMITS) else {
        assert!(canonical.is_err());
        return;
    };
    // No other reader reads it as something else.
    let theirs: serde_json::Value = serde_json::from_slice(bytes).expect("it is JSON");
    let written = value.to_bytes();
    assert_eq!(canonical.is_ok(), written == bytes);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&written).expect("it is JSON"),
        theirs
    );
    let unbounded = Limits {
        bytes: usize::MAX,
        ..LIMITS
    };
    assert_eq!(Value::parse_canonical(&written, unbounded), Ok(value));
});
