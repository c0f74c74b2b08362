//! Modules of any name and version: the test guest `steps` under another manifest.

use std::sync::LazyLock;

use netsonde_guest_build::component::append_manifest;

use crate::support::root;

static MANIFEST: LazyLock<String> = LazyLock::new(|| {
    std::fs::read_to_string(root().join("tests/guests/modules/steps/nettest.toml")).unwrap()
});

/// The guest without its manifest.
static BARE: LazyLock<Vec<u8>> = LazyLock::new(|| without_manifest(netsonde_test_guests::wasm("steps")));

/// The nettest `steps`, called so and of this version.
pub(crate) fn module(name: &str, version: &str) -> Vec<u8> {
    altered(name, version, |manifest| manifest)
}

/// The same with a manifest that says something else besides.
pub(crate) fn altered(name: &str, version: &str, alter: impl FnOnce(String) -> String) -> Vec<u8> {
    let manifest = MANIFEST
        .replace("name = \"steps\"", &format!("name = \"{name}\""))
        .replace("version = \"0.1.0\"", &format!("version = \"{version}\""));
    append_manifest(&BARE, alter(manifest))
}

/// Sections are an id, a length in LEB128, and as many bytes.
fn without_manifest(wasm: &[u8]) -> Vec<u8> {
    let (head, mut rest) = wasm.split_at(8);
    let mut bare = head.to_vec();
    while !rest.is_empty() {
        let (mut length, mut at, mut shift) = (0, 1, 0);
        loop {
            let byte = rest[at];
            length |= usize::from(byte & 0x7f) << shift;
            (at, shift) = (at + 1, shift + 7);
            if byte < 0x80 {
                break;
            }
        }
        let (section, others) = rest.split_at(at + length);
        let is_manifest = section[0] == 0 && section[at + 1..].starts_with(b"netsonde:manifest");
        if !is_manifest {
            bare.extend(section);
        }
        rest = others;
    }
    bare
}

/// A script that measures once with a nettest, without any network.
pub(crate) fn script(nettest: &str) -> String {
    let target = serde_json::json!({"input": "nothing", "options": {"steps": []}});
    let with = serde_json::json!({"suite_name": "experimental", "targets": [target]});
    let instruction = crate::support::nettest(&format!("{nettest}@v1"), &with);
    serde_json::json!({"v": 2, "instructions": [instruction]}).to_string()
}
