//! Measurements from anywhere are held against the formats: whatever they are, there is an answer, and it can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netsonde_data::check::check_text;

fuzz_target!(|text: &str| {
    for finding in check_text(text) {
        assert!(!finding.to_string().is_empty());
    }
});
