//! What is refused before it is compiled.

use netsonde_sandbox::{Capability, Engine, Kind, ModuleError};
use netsonde_test_guests::{hostile, hostile_mini, wasm};

use crate::support::ENGINE;

fn refusal(name: &str) -> ModuleError {
    let error = ENGINE.load(name, wasm(name)).unwrap_err();
    assert_eq!(
        Engine::inspect(name, wasm(name)).unwrap_err(),
        error,
        "inspecting is enough to know"
    );
    assert!(
        error.to_string().starts_with(&format!("load {name}: ")),
        "{error}"
    );
    error
}

#[test]
fn a_sound_module_says_what_it_is() {
    let (manifest, digest) = Engine::inspect("hostile", hostile()).unwrap();
    assert_eq!(
        (manifest.name.as_str(), manifest.kind),
        ("hostile", Kind::Nettest)
    );
    assert_eq!(manifest.budget.wall_clock_s, Some(60));
    let guest = netsonde_test_guests::GUESTS
        .iter()
        .find(|guest| guest.name == "hostile")
        .unwrap();
    assert_eq!(digest.as_str(), guest.sha256);
    let (manifest, _) = Engine::inspect("hostile-mini", hostile_mini()).unwrap();
    assert_eq!(manifest.kind, Kind::MiniNettest);
    assert!(manifest.target.is_some() && manifest.options.is_none());
}

#[test]
fn what_is_no_component_is_refused() {
    for (name, what) in [
        ("core-module", "core module"),
        ("empty", "does not begin like WebAssembly"),
        ("garbage", "does not begin like WebAssembly"),
        ("truncated", ""),
    ] {
        let error = refusal(name);
        let ModuleError::NotAComponent { what: said, .. } = &error else {
            panic!("{error}")
        };
        assert!(said.contains(what), "{error}");
    }
}

#[test]
fn what_says_nothing_about_itself_or_nonsense_is_refused() {
    assert!(matches!(refusal("no-manifest"), ModuleError::NoManifest { .. }));
    let error = refusal("bad-manifest");
    assert!(matches!(error, ModuleError::Manifest { line: 2, .. }), "{error}");
    assert!(matches!(refusal("no-text"), ModuleError::Manifest { .. }));
}

#[test]
fn what_lies_about_its_kind_is_refused() {
    let error = refusal("liar");
    assert!(
        matches!(
            error,
            ModuleError::WrongWorld {
                kind: Kind::Nettest,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("does not export `reduce`"), "{error}");
}

#[test]
fn what_imports_more_than_it_may_is_refused_by_name() {
    let error = refusal("foreign");
    let ModuleError::ForeignImport { import, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(import, "wasi:cli/environment@0.2.0");
    let error = refusal("ungranted");
    assert!(
        matches!(
            error,
            ModuleError::NotAsked {
                interface: Capability::Tcp,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn what_is_damaged_behind_its_manifest_does_not_compile() {
    // Past the headers of the outermost sections, so that only the compiler can notice.
    let mut broken = 0;
    for at in [hostile_mini().len() / 3, hostile_mini().len() / 2] {
        let mut bytes = hostile_mini().to_vec();
        bytes[at..at + 64].fill(0xff);
        match ENGINE.load("damaged", &bytes) {
            Err(ModuleError::Compile { module, .. } | ModuleError::NotAComponent { module, .. }) => {
                assert_eq!(module, "damaged");
                broken += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(broken, 2);
}

#[test]
fn no_damage_makes_the_reader_panic() {
    let sound = hostile_mini();
    for at in (0..sound.len()).step_by(211) {
        let mut bytes = sound.to_vec();
        bytes[at] ^= 0x55;
        // Most are refused, and where a code byte was hit only the compiler could tell.
        let _ = Engine::inspect("damaged", &bytes);
        assert!(Engine::inspect("cut", &sound[..at]).is_err(), "cut at {at}");
    }
}
