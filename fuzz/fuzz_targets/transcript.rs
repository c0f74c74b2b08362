//! A transcript is a file from anywhere: reading it must not panic.
#![no_main]

use netsonde_sandbox::Transcript;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    drop(Transcript::parse(text));
});
