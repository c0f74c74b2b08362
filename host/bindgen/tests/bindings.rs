//! The code for Swift, Kotlin and Python: it is made, it has every call, and apps in Python run with it in the lab.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../../mobile/tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use netsonde_lab::test::in_lab;
use support::{TELEGRAM, assert_telegram, events_of, is_here, measurement, succeeded};
use tempfile::TempDir;

// So that cargo makes its shared library before this test.
use netsonde_mobile as _;

const LIBRARY: &str = "libnetsonde_mobile.so";

/// What can be called, as Rust and Python name it.
const CALLS: [&str; 13] = [
    "start_task",
    "geolocate",
    "check_in",
    "follow_registry",
    "registries",
    "unfollow_registry",
    "network_changed",
    "charging_changed",
    "wait_for_next_event",
    "is_done",
    "interrupt",
    "discard",
    "netsonde_version",
];

/// The same name, as Swift and Kotlin write it.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_').map(str::to_owned);
    let first = words.next().unwrap();
    let rest = words.map(|word| word[..1].to_uppercase() + &word[1..]);
    first + &rest.collect::<String>()
}

/// The library, and the code for it, in a folder.
fn bindings() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Cargo makes it beside this test, whenever it makes the Rust library.
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join(LIBRARY);
    let mut bindgen = Command::new(env!("CARGO_BIN_EXE_netsonde-bindgen"));
    bindgen.arg(&library).arg("--out").arg(folder.path());
    succeeded(&bindgen.output().unwrap(), "netsonde-bindgen");
    std::os::unix::fs::symlink(library, folder.path().join(LIBRARY)).unwrap();
    folder
}

fn app(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/apps")
        .join(name)
}

#[test]
fn every_language_has_every_call() {
    let folder = bindings();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (swift, kotlin, python) = (
        read("netsonde.swift"),
        read("uniffi/netsonde/netsonde.kt"),
        read("netsonde.py"),
    );
    for call in CALLS {
        let camel = camel_case(call);
        assert!(swift.contains(&format!("func {camel}(")), "Swift: {call}");
        assert!(kotlin.contains(&format!("fun `{camel}`(")), "Kotlin: {call}");
        assert!(python.contains(&format!("def {call}(")), "Python: {call}");
    }
    // No call of the library is missing in the list above, but for `new`.
    let source = include_str!("../../mobile/src/uniffi.rs");
    assert_eq!(
        source.matches("\n    pub fn ").count() + source.matches("\npub fn ").count(),
        CALLS.len() + 1
    );
    for class in ["NetsondeApp", "NetsondeTask"] {
        assert!(swift.contains(&format!("open class {class}:")), "Swift: {class}");
        assert!(
            kotlin.contains(&format!("open class {class}:")),
            "Kotlin: {class}"
        );
        assert!(python.contains(&format!("class {class}(")), "Python: {class}");
    }
    for kind in ["Settings", "Failed", "Defect"] {
        assert!(
            swift.contains(&format!("case {kind}(message: String)")),
            "Swift: {kind}"
        );
        assert!(
            kotlin.contains(&format!("class {kind}(message: String)")),
            "Kotlin: {kind}"
        );
        assert!(python.contains(&format!("class {kind}(")), "Python: {kind}");
    }
    assert!(read("netsondeFFI.h").contains("uniffi_netsonde_mobile_fn_constructor_netsondeapp_new"));
    assert!(read("netsondeFFI.modulemap").contains("netsondeFFI.h"));
}

#[test]
fn a_library_that_is_none_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut bindgen = Command::new(env!("CARGO_BIN_EXE_netsonde-bindgen"));
    bindgen.arg("libnothing.so").arg("--out").arg(folder.path());
    let output = bindgen.output().unwrap();
    assert!(!output.status.success());
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(complained.contains("make code of libnothing.so"), "{complained}");
}

#[test]
fn an_app_in_python_gets_every_event_in_order() {
    if !is_here("python3") {
        return;
    }
    in_lab("an_app_in_python_gets_every_event_in_order", || {
        let (folder, app) = (bindings(), app("app.py"));
        for (scenario, censored) in TELEGRAM.into_iter().zip([false, true]) {
            let lab = support::lab(scenario);
            let command = [
                "python3".as_ref(),
                "-B".as_ref(),
                app.as_os_str(),
                folder.path().as_os_str(),
            ];
            let events = events_of(&lab, &support::telegram(&lab), &command);
            assert_telegram(&measurement(&events, ""), censored);
        }
    });
}

#[test]
fn what_callers_do_wrong_has_an_answer() {
    if !is_here("python3") {
        return;
    }
    let folder = bindings();
    let mut python = Command::new("python3");
    python.arg("-B").arg(app("misuse.py")).arg(folder.path());
    python.arg(folder.path().join("state"));
    assert_eq!(
        succeeded(&python.output().unwrap(), "misuse"),
        "all is answered\n"
    );
}
