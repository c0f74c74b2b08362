//! The header of the C library is the one in the repository.

use std::path::Path;

/// Set to write the header instead of comparing it.
const WRITE: &str = "NETSONDE_WRITE_HEADER";

const HEAD: &str = "\
/* The probe for apps. docs/apps.md has the settings, the events and an example.
 *
 * Made of host/mobile/src/c.rs: NETSONDE_WRITE_HEADER=1 cargo test --package netsonde-mobile --test header
 */";

#[test]
fn the_header_is_that_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        header: Some(HEAD.to_owned()),
        include_guard: Some("NETSONDE_H".to_owned()),
        documentation_style: cbindgen::DocumentationStyle::C99,
        line_length: 100,
        ..cbindgen::Config::default()
    };
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/c.rs"))
        .generate()
        .unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    let header = String::from_utf8(header).unwrap();
    let path = root.join("include/netsonde.h");
    if std::env::var_os(WRITE).is_some_and(|value| value == "1") {
        std::fs::write(path, header).unwrap();
        return;
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == header,
        "include/netsonde.h is stale: write it anew with {WRITE}=1"
    );
}
