//! The plain twin: `wit/plain/` is `wit/` without `async`.
//!
//! Toolchains that know no `async func` make nettests of it. It is generated from the contract and never edited:
//! `NETSONDE_WRITE_WIT=1 cargo test -p netsonde-guest-build --test twin` writes it anew.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wit_parser::{FunctionKind, Resolve};

/// Stands after the package's name: in front of it, it would be documentation of the package, of which there is one.
const NOTE: &str = "// Generated from the file of this name in the folder above, without `async`: what waits blocks the guest.\n\
    // Not to be edited: `NETSONDE_WRITE_WIT=1 cargo test -p netsonde-guest-build --test twin` writes it.\n";

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// The files of a package by their names.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "wit"));
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The twin of a file.
fn plain(text: &str) -> String {
    let (before, after) = text.split_once("package netsonde:probe@0.1.0;\n").unwrap();
    let after = after.replace(": async func(", ": func(");
    format!("{before}package netsonde:plain@0.1.0;\n\n{NOTE}{after}")
}

#[test]
fn the_twin_is_what_the_contract_makes() {
    let twin: BTreeMap<_, _> = files(&wit())
        .into_iter()
        .map(|(name, text)| (name, plain(&text)))
        .collect();
    let folder = wit().join("plain");
    if std::env::var_os("NETSONDE_WRITE_WIT").is_some() {
        for name in files(&folder).keys() {
            fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, text) in &twin {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let there = files(&folder);
    for name in twin.keys().chain(there.keys()) {
        assert!(
            twin.get(name) == there.get(name),
            "wit/plain/{name} is not the twin of wit/{name}; NETSONDE_WRITE_WIT=1 cargo test -p netsonde-guest-build --test twin writes it"
        );
    }
}

/// Each function of a package, and whether it waits.
fn functions(folder: &Path) -> BTreeMap<String, bool> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap();
    let package = resolve.packages.get(package).unwrap();
    let interfaces = package.interfaces.iter().map(|(name, id)| {
        let interface = resolve.interfaces.get(*id).unwrap();
        (name, interface.functions.values().collect::<Vec<_>>())
    });
    let worlds = package.worlds.iter().map(|(name, id)| {
        let exports = &resolve.worlds.get(*id).unwrap().exports;
        let functions = exports.values().map(|item| match item {
            wit_parser::WorldItem::Function(function) => function,
            other => panic!("an export of {name} that is no function: {other:?}"),
        });
        (name, functions.collect())
    });
    let all = interfaces.chain(worlds);
    all.flat_map(|(place, functions)| {
        functions.into_iter().map(move |function| {
            let waits = matches!(
                function.kind,
                FunctionKind::AsyncFreestanding | FunctionKind::AsyncMethod(_) | FunctionKind::AsyncStatic(_)
            );
            (format!("{place}.{}", function.name), waits)
        })
    })
    .collect()
}

#[test]
fn the_twin_has_every_function_and_none_waits() {
    let (contract, twin) = (functions(&wit()), functions(&wit().join("plain")));
    assert!(contract.keys().eq(twin.keys()), "{contract:?}\n{twin:?}");
    assert!(contract.values().any(|waits| *waits));
    assert!(twin.values().all(|waits| !waits), "{twin:?}");
}
