//! Builds the hostile guests, and from one of them everything that a loader has to refuse.

use std::process::ExitCode;

use netsonde_guest_build::component::{append_manifest, surface};
use netsonde_guest_build::{BuildError, BuiltGuest, Request, build, embed, report};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, InstanceType, Module,
};

/// The guests' folders, seen from the root of the workspace.
const FOLDERS: &[&str] = &[
    "tests/guests/modules/hostile",
    "tests/guests/modules/hostile-mini",
    "tests/guests/modules/steps",
    "tests/guests/modules/escape",
    "tests/guests/modules/plain",
];

fn main() -> ExitCode {
    report(run())
}

fn run() -> Result<(), BuildError> {
    let request = Request::of_build_script(FOLDERS)?;
    request.print_dependencies();
    let guests = build(&request)?;
    embed("guests.in", &guests)?;
    let Some(mini) = guests.iter().find(|guest| guest.name == "hostile-mini") else {
        return Err(BuildError::NoManifest("hostile-mini".to_owned()));
    };
    embed("refused.in", &refused(&mini.wasm)?)
}

/// What a loader has to refuse, made from a mini nettest that is in order.
fn refused(mini: &[u8]) -> Result<Vec<BuiltGuest>, BuildError> {
    let manifest = surface("hostile-mini", mini)?.manifest.unwrap_or_default();
    // The manifest is the last section, so what is before it is the component without one.
    let bare = mini.len() - append_manifest(&[], &manifest).len();
    let (bare, _) = mini.split_at(bare);
    let (half, _) = mini.split_at(mini.len() / 2);
    let with = |manifest: &str| append_manifest(bare, manifest);
    let ungranted = manifest
        .replace("tcp = ", "dns = ")
        .replace("name = \"hostile-mini\"", "name = \"ungranted\"");
    let liar = manifest.replace("kind = \"mini-nettest\"", "kind = \"nettest\"\ninput = \"none\"");
    let other_name = manifest.replace("name = \"hostile-mini\"", "name = \"somebody-else\"");
    Ok(vec![
        BuiltGuest::new("ungranted", with(&ungranted)),
        BuiltGuest::new("liar", with(&liar)),
        BuiltGuest::new("other-name", with(&other_name)),
        BuiltGuest::new("no-manifest", bare.to_vec()),
        BuiltGuest::new("bad-manifest", with("name = \"bad-manifest\"\nversion = ")),
        BuiltGuest::new("no-text", append_manifest(bare, [0xff, 0xfe, 0x00])),
        BuiltGuest::new("foreign", append_manifest(&foreign(), &manifest)),
        BuiltGuest::new("core-module", append_manifest(&Module::new().finish(), &manifest)),
        BuiltGuest::new("truncated", half.to_vec()),
        BuiltGuest::new("empty", Vec::new()),
        BuiltGuest::new("garbage", b"<!DOCTYPE html><title>404 Not Found</title>".to_vec()),
    ])
}

/// A component that wants to read the environment.
fn foreign() -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    let mut imports = ComponentImportSection::new();
    imports.import("wasi:cli/environment@0.2.0", ComponentTypeRef::Instance(0));
    let mut component = Component::new();
    component.section(&types).section(&imports);
    component.finish()
}
