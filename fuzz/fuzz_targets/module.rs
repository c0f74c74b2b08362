//! A module is a file from anywhere: reading its manifest and its imports must not panic. Nothing is compiled here.
#![no_main]

use netsonde_sandbox::Engine;

libfuzzer_sys::fuzz_target!(|wasm: &[u8]| {
    drop(Engine::inspect("fuzz", wasm));
});
