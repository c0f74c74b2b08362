//! The table against `wit/`.

use std::collections::BTreeSet;
use std::path::Path;

use wit_parser::{FunctionKind, Resolve, TypeDefKind};

use super::*;
use crate::engine::{Engine, EngineConfig};

type Lines = BTreeSet<(String, String)>;

/// What WIT declares for an interface, in the words of the table.
fn declared(resolve: &Resolve, interface: &str) -> Lines {
    let (_, interface) = resolve
        .interfaces
        .iter()
        .find(|(_, known)| known.name.as_deref() == Some(interface))
        .unwrap_or_else(|| panic!("no interface {interface} in wit/"));
    let functions = interface.functions.values().map(|function| {
        let word = match function.kind {
            FunctionKind::AsyncFreestanding | FunctionKind::AsyncMethod(_) | FunctionKind::AsyncStatic(_) => {
                "async"
            }
            _ => "sync",
        };
        (word.to_owned(), function.name.clone())
    });
    let resources = interface
        .types
        .iter()
        .filter(|(_, id)| matches!(resolve.types[**id].kind, TypeDefKind::Resource))
        .map(|(name, _)| ("drop".to_owned(), name.clone()));
    functions.chain(resources).collect()
}

fn linked(name: &'static str, lines: super::Lines) -> Lines {
    let engine = Engine::new(EngineConfig::default()).unwrap();
    let mut linker = Linker::new(engine.wasmtime());
    let mut instance = linker.instance(name).unwrap();
    let mut table = Table::new(name, Flavour::Probe, Linked::Live(&mut instance));
    lines(&mut table).unwrap();
    let lines = table.lines.iter();
    lines
        .map(|(word, name)| ((*word).to_owned(), (*name).to_owned()))
        .collect()
}

#[test]
fn the_table_holds_what_wit_declares() {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))
        .unwrap();
    let interfaces = Capability::ALL.map(|capability| (capability.as_str(), interface(capability)));
    for (name, lines) in interfaces.into_iter().chain([("types", types as _)]) {
        let (declared, linked) = (declared(&resolve, name), linked(name, lines));
        let missing: Vec<_> = declared.difference(&linked).collect();
        let superfluous: Vec<_> = linked.difference(&declared).collect();
        assert!(
            missing.is_empty() && superfluous.is_empty(),
            "{name}: not in the table of linking.rs: {missing:?}; in the table and not so in wit/: {superfluous:?}"
        );
    }
}
