//! Part 2: crates that the library for iOS must not be made of.

use anyhow::{Context as _, bail, ensure};

use super::build::{IOS, cargo};
use super::report::Report;
use super::{PACKAGE, PROFILE};

/// What makes machine code or bytecode, or helps it along, and the modules as Wasm. (`cranelift-entity`, `-bitset` and `-bforest` are data structures that the runtime uses, and
/// `wasmtime-internal-jit-icache-coherence` does nothing there but is part of it.)
const BANNED: [&str; 12] = [
    "cranelift-codegen",
    "cranelift-frontend",
    "cranelift-native",
    "regalloc2",
    "winch-codegen",
    "wasmtime-internal-cranelift",
    "wasmtime-internal-winch",
    "wasmtime-internal-cache",
    "wasmtime-internal-jit-debug",
    "wat",
    "wasm-encoder",
    "netsonde-preinstalled",
];
/// What the library for other systems is made of and this one is not: if it is not there either, nothing was looked at.
const TWIN: &str = "cranelift-codegen";
/// What it has to be made of, or this is not the library.
const NEEDED: [&str; 3] = ["netsonde-probe", "pulley-interpreter", "wasmtime"];

pub(super) fn check(report: &mut Report) {
    let of = |features: &[&str]| crates(features);
    report.check(
        "no crate that compiles, and no module as Wasm",
        of(&PROFILE).and_then(|crates| {
            for banned in BANNED {
                if crates.iter().any(|name| name == banned) {
                    bail!("{banned} is part of it");
                }
            }
            for needed in NEEDED {
                ensure!(
                    crates.iter().any(|name| name == needed),
                    "{needed} is not part of it: what was looked at?"
                );
            }
            Ok(format!(
                "{} crates, none of the {} banned",
                crates.len(),
                BANNED.len()
            ))
        }),
    );
    report.check(
        "its twin with every feature has them",
        of(&[]).and_then(|crates| {
            ensure!(
                crates.iter().any(|name| name == TWIN),
                "{TWIN} is not part of it: what was looked at?"
            );
            Ok(String::new())
        }),
    );
}

/// The names of all crates that are linked into the library for iOS.
fn crates(features: &[&str]) -> anyhow::Result<Vec<String>> {
    let output = cargo()
        .args(["tree", "--locked", "--package", PACKAGE, "--target", IOS])
        .args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(features)
        .output()
        .context("run cargo tree")?;
    ensure!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}
