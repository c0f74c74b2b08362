//! The engine that interprets: it runs what is part of the program, by name, and nothing else.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use netsonde_preinstalled::GUESTS;
use netsonde_sandbox::{Engine, ModuleError};

use crate::support::ENGINE;

static INTERPRETER: LazyLock<Engine> = LazyLock::new(|| Engine::interpreter().unwrap());

#[test]
fn every_preinstalled_module_loads_by_name_and_says_what_its_wasm_says() {
    let names: BTreeSet<&str> = Engine::preinstalled_names().collect();
    assert_eq!(names, GUESTS.iter().map(|guest| guest.name).collect());
    for guest in GUESTS {
        let module = INTERPRETER.load_preinstalled(guest.name).unwrap();
        let (manifest, digest) = Engine::inspect(guest.name, guest.wasm).unwrap();
        assert_eq!(module.manifest(), &manifest);
        assert_eq!((module.digest(), guest.sha256), (digest.as_str(), guest.sha256));
    }
}

#[test]
fn what_is_not_part_of_the_program_is_refused_by_name() {
    let error = INTERPRETER.load_preinstalled("no-such-module").unwrap_err();
    assert!(matches!(error, ModuleError::NotPreinstalled { .. }), "{error}");
}

#[test]
fn an_engine_of_machine_code_refuses_bytecode() {
    assert!(INTERPRETER.interprets() && !ENGINE.interprets());
    let error = ENGINE.load_preinstalled("telegram").unwrap_err();
    assert!(matches!(error, ModuleError::Bytecode { .. }), "{error}");
}
