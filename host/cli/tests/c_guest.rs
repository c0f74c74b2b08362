//! The guest in C, from its source to a measurement: `examples/guests/c`, compiled by zig, over the plain twin of the
//! contract, in the lab, censored and not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use netsonde_guest_tool::{World, c_bindings, pack};
use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest, root, scenario};

/// The guest, built once. None, loudly, where there is no zig.
static GUEST: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let zig = zig()?;
    let folder = tempfile::tempdir().unwrap();
    Some(build(zig, folder.path()))
});

/// The compiler: on the path, or as the package `ziglang` of Python.
fn zig() -> Option<Command> {
    for words in [&["zig"][..], &["python3", "-m", "ziglang"]] {
        let command = || {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            command
        };
        if command()
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            return Some(command());
        }
    }
    assert!(
        std::env::var_os("NETSONDE_REQUIRE_ZIG").is_none(),
        "there is no zig: pip install ziglang"
    );
    // Written, not printed: of a test that passes libtest shows nothing that is printed.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: the guest in C needs zig: pip install ziglang"
    );
    None
}

/// What docs/guests.md tells authors to type.
fn build(mut zig: Command, folder: &Path) -> Vec<u8> {
    let source = root().join("examples/guests/c");
    let bindings = c_bindings(World::Nettest, &folder.join("gen")).unwrap();
    let compiled = bindings
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e != "h"));
    let core = folder.join("https_in_c.core.wasm");
    let output = zig
        .args([
            "cc",
            "--target=wasm32-wasi",
            "-mexec-model=reactor",
            "-Oz",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I",
        ])
        .arg(folder.join("gen"))
        .args(["https.c", "text.c"].map(|file| source.join(file)))
        .args(compiled)
        .arg("-o")
        .arg(&core)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    pack(&core, &source.join("nettest.toml")).unwrap()
}

/// A probe, and a script that has the guest measure a domain.
fn probe(domain: &str) -> Option<(Probe, PathBuf)> {
    let guest = GUEST.as_ref()?;
    let probe = Probe::new();
    std::fs::write(probe.path("https_in_c.wasm"), guest).unwrap();
    let targets = json!([{ "input": domain, "options": {} }]);
    let instruction = nettest(
        "https_in_c",
        &json!({"suite_name": "experimental", "targets": targets}),
    );
    let script = probe.script(&json!([instruction]));
    Some((probe, script))
}

/// The test keys of a domain's measurement in a scenario.
fn measure(name: &str, domain: &str) -> Option<(Probe, Value)> {
    let (probe, script) = probe(domain)?;
    let more = ["--module", "https_in_c.wasm", "--record", "transcripts"];
    let output = probe.runx_in_lab(&scenario(name), &script, &more)?;
    assert_exit(&output, 0);
    let [measurement] = probe.report().try_into().unwrap();
    Some((probe, measurement["test_keys"].clone()))
}

#[test]
fn what_a_guest_in_c_does_is_observed_and_replays() {
    let Some((probe, keys)) = measure("clean", "web.telegram.org") else {
        return;
    };
    assert_eq!(keys["failure"], Value::Null, "{keys:#}");
    assert_eq!(keys["status_code"], 200);
    assert_eq!(keys["accessible"], true, "its reduce");
    assert_eq!(keys["queries"][0]["hostname"], "web.telegram.org");
    assert_eq!(keys["tcp_connect"][0]["status"]["success"], true);
    assert_eq!(keys["tls_handshakes"][0]["server_name"], "web.telegram.org");
    assert_eq!(keys["requests"][0]["response"]["code"], 200);

    let output = probe
        .netsonde()
        .args(["replay", "transcripts", "--module", "https_in_c.wasm"])
        .output()
        .unwrap();
    assert_exit(&output, 0);
}

#[test]
fn a_guest_in_c_sees_a_reset_handshake() {
    let Some((probe, keys)) = measure("sni-rst", "web.telegram.org") else {
        return;
    };
    assert!(probe.hits() > 0);
    assert_eq!(keys["failure"], "connection_reset", "{keys:#}");
    assert_eq!(keys["failed_operation"], "tls_handshake");
    assert_eq!(keys["status_code"], Value::Null);
    assert_eq!(keys["accessible"], false);
    assert_eq!(keys["tls_handshakes"][0]["failure"], "connection_reset");
    assert_eq!(keys["requests"], json!([]));
}

#[test]
fn a_guest_in_c_sees_a_name_that_there_is_not() {
    let Some((probe, keys)) = measure("nxdomain", "example.com") else {
        return;
    };
    assert!(probe.hits() > 0);
    assert_eq!(keys["failure"], "dns_nxdomain_error", "{keys:#}");
    assert_eq!(keys["failed_operation"], "resolve");
    assert_eq!(keys["tcp_connect"], json!([]));
}
