//! Part 3: what is in the library once it is built for this machine with the features of iOS.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use memchr::memmem;
use object::{Object as _, ObjectSymbol as _};

use super::build::{self, host};
use super::report::Report;
use super::{PACKAGE, PROFILE};

/// Parts of the names of functions that must not be there: compilers, what gives memory that can be executed on Apple's systems, what
/// takes modules from bytes or files, and what fetches them.
const SYMBOLS: [&str; 13] = [
    "cranelift_codegen",
    "cranelift_frontend",
    "regalloc2",
    "winch",
    "wasmtime_internal_cranelift",
    "pthread_jit_write_protect_np",
    "sys_icache_invalidate",
    "precompile_component",
    "deserialize_file",
    "deserialize_open_file",
    "from_binary",
    "netsonde_probe::install",
    "netsonde_sandbox::inspect",
];
/// What has to be there, or this is not the library, or it has no names.
const NEEDED: [&str; 3] = [
    "netsonde_sandbox::bytecode",
    "netsonde_mobile",
    "pulley_interpreter",
];

/// Bytes that must not be there.
const STRINGS: [(&str, &[u8]); 2] = [
    ("a Wasm component", b"\0asm\x0d\0\x01\0"),
    ("a Wasm module", b"\0asm\x01\0\0\0"),
];
/// Bytes that have to be there: from the manifest of a preinstalled module.
const NEEDED_STRING: &[u8] = b"name = \"web_connectivity\"";

pub(super) fn check(report: &mut Report, profile: &str) {
    let library = match library(profile, &PROFILE) {
        Ok(library) => library,
        Err(error) => return report.check("the library builds", Err(error)),
    };
    report.check("its functions", symbols(&library, &SYMBOLS));
    report.check("its bytes", strings(&library));
}

/// The library, built for this machine.
fn library(profile: &str, features: &[&str]) -> anyhow::Result<Vec<u8>> {
    let target = host()?;
    let mut arguments = vec!["rustc", "--package", PACKAGE, "--lib", "--crate-type", "cdylib"];
    arguments.extend(["--profile", profile, "--target", &target]);
    arguments.extend(features);
    let built = build::run(&arguments, &[])?.whole()?;
    let path = built.file(".so").or_else(|_| built.file(".dylib"))?;
    read(&path)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

fn symbols(library: &[u8], banned: &[&str]) -> anyhow::Result<String> {
    let file = object::File::parse(library).context("read the library's symbols")?;
    let names: Vec<String> = file
        .symbols()
        .chain(file.dynamic_symbols())
        .filter_map(|symbol| symbol.name().ok())
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .collect();
    for needed in NEEDED {
        ensure!(
            names.iter().any(|name| name.contains(needed)),
            "none of {} is named {needed}: is it stripped?",
            names.len()
        );
    }
    for banned in banned {
        if let Some(name) = names.iter().find(|name| name.contains(banned)) {
            bail!("{name} is there");
        }
    }
    Ok(format!(
        "{} names, none with any of {} parts",
        names.len(),
        banned.len()
    ))
}

fn strings(library: &[u8]) -> anyhow::Result<String> {
    ensure!(
        memmem::find(library, NEEDED_STRING).is_some(),
        "the manifests of the preinstalled modules are not there: what was looked at?"
    );
    for (what, bytes) in STRINGS {
        if let Some(place) = memmem::find(library, bytes) {
            bail!("{what} is there, at byte {place}");
        }
    }
    Ok(format!("{} bytes", library.len()))
}
