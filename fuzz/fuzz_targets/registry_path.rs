//! The paths that a registry is asked for are from anybody: whatever is read from one, the file that it means is the one that
//! it says, and none outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netsonde_registry::public::Route;

fuzz_target!(|path: &str| {
    let Some(route) = Route::parse(path) else {
        return;
    };
    assert!(!route.template().contains("sha256"));
    if let Some(file) = route.file() {
        assert_eq!(format!("/{file}"), path);
        assert!(file.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
    }
});
