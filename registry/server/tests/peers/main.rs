//! Modules of ours, fetched by programs that nobody here wrote. Each test is skipped, loudly, where its program is absent:
//!
//! ```text
//! cargo install wkg --version 0.16.1 --locked       (`wkg` in PATH)
//! apt-get install skopeo                            (`skopeo` in PATH)
//! pip install oras==0.2.43                          (the Python that NETSONDE_PYTHON names, `python3` when it names none)
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: what is not as expected should fail the test"
)]

#[path = "../serve/registry.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod registry;
#[path = "../serve/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;

use netsonde_log::words::Digest;
use registry::{Registry, hex};
use server::Server;
use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

/// A component, and three more: each has a custom section without a name.
fn component(number: u8) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0" as &[u8], &[0, 2, 0, number]].concat()
}

/// A registry with a module of which one version can be chosen, one was yanked, one revoked, and one is a pre-release.
fn served() -> (Registry, Server) {
    let registry = Registry::new();
    registry.module("ooni/web_connectivity", "1.0.0", &component(0));
    let yanked = registry.module("ooni/web_connectivity", "1.1.0", &component(1));
    let revoked = registry.module("ooni/web_connectivity", "1.2.0", &component(2));
    registry.module("ooni/web_connectivity", "2.0.0-rc.1", &component(3));
    registry.yank(&yanked);
    registry.revoke(&revoked);
    let server = Server::start(&registry, &[]);
    (registry, server)
}

/// Whether a program answers; if not, says that the test is skipped.
fn is_there(test: &str, program: &mut Command, install: &str) -> bool {
    let is_there = program.output().is_ok_and(|output| output.status.success());
    if !is_there {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {install}");
    }
    is_there
}

/// What it said, if it went well.
fn done(command: &mut Command) -> String {
    let output: Output = command.env("RUST_BACKTRACE", "0").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said, if it did not.
fn refused(command: &mut Command) -> String {
    let output = command.env("RUST_BACKTRACE", "0").output().unwrap();
    assert!(!output.status.success(), "{command:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn digest(file: &Path) -> Digest {
    Digest::of(&fs::read(file).unwrap())
}

#[test]
fn wkg_gets_what_is_to_be_chosen_and_what_it_pins() {
    let install = "cargo install wkg --version 0.16.1 --locked";
    if !is_there("wkg", Command::new("wkg").arg("--version"), install) {
        return;
    }
    let (_registry, server) = served();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let address = server.address;
    let text = format!(
        "[namespace_registries]\nnetsonde = \"{address}\"\n\n[registry.\"{address}\".oci]\nprotocol = \"http\"\n"
    );
    fs::write(&config, text).unwrap();
    let get = |package: &str, out: &Path| {
        let mut command = Command::new("wkg");
        command.arg("get").arg("--config").arg(&config);
        command.arg("--cache").arg(folder.path().join("cache"));
        command
            .arg(format!("netsonde:ooni-web-connectivity{package}"))
            .arg("-o")
            .arg(out);
        command
    };
    // What may be chosen, by itself; what was yanked and a pre-release, by their versions.
    for (package, number) in [("", 0), ("@1.0.0", 0), ("@1.1.0", 1), ("@2.0.0-rc.1", 3)] {
        let out = folder.path().join(format!("out{package}.wasm"));
        done(&mut get(package, &out));
        assert_eq!(digest(&out), Digest::of(&component(number)), "{package}");
    }
    let out = folder.path().join("revoked.wasm");
    let said = refused(&mut get("@1.2.0", &out));
    assert!(said.contains("revoked by entry"), "{said}");
    assert!(!out.exists());
}

#[test]
fn skopeo_copies_a_module_and_lists_its_versions() {
    let install = "apt-get install skopeo";
    if !is_there("skopeo", Command::new("skopeo").arg("--version"), install) {
        return;
    }
    let (_registry, server) = served();
    let folder = tempfile::tempdir().unwrap();
    let repository = format!(
        "docker://{}/modules/netsonde/ooni-web-connectivity",
        server.address
    );
    let listed = done(Command::new("skopeo").args(["list-tags", "--tls-verify=false", &repository]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["Tags"], serde_json::json!(["1.0.0"]));
    let copy = |version: &str| {
        let from = format!("{repository}:{version}");
        let to = format!("oci:{}:{version}", folder.path().join("layout").display());
        let mut command = Command::new("skopeo");
        command.args(["copy", "--src-tls-verify=false", &from, &to]);
        command
    };
    for (version, number) in [("1.0.0", 0), ("1.1.0", 1)] {
        done(&mut copy(version));
        let wanted = Digest::of(&component(number));
        let blob = folder.path().join("layout/blobs/sha256").join(hex(&wanted));
        assert_eq!(digest(&blob), wanted);
    }
    let said = refused(&mut copy("1.2.0"));
    assert!(said.contains("revoked by entry"), "{said}");
}

#[test]
fn oras_pulls_a_module() {
    let python = std::env::var_os("NETSONDE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let install = "pip install oras==0.2.43, and name its Python in NETSONDE_PYTHON";
    if !is_there(
        "oras",
        Command::new(&python).args(["-c", "import oras.client"]),
        install,
    ) {
        return;
    }
    let (_registry, server) = served();
    let folder = tempfile::tempdir().unwrap();
    let pull = |version: &str| {
        let program = "import sys, oras.client; oras.client.OrasClient(insecure=True).pull(target=sys.argv[1], outdir=sys.argv[2])";
        let target = format!(
            "{}/modules/netsonde/ooni-web-connectivity:{version}",
            server.address
        );
        let mut command = Command::new(&python);
        command.args(["-c", program, &target]).arg(folder.path());
        command
    };
    done(&mut pull("1.0.0"));
    // It does not look at digests itself.
    let out = folder.path().join("ooni-web-connectivity.wasm");
    assert_eq!(digest(&out), Digest::of(&component(0)));
    refused(&mut pull("1.2.0"));
}
