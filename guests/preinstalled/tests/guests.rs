//! What is embedded keeps the contract.

use std::collections::BTreeSet;

use netsonde_guest_build::component::{check, surface};
use netsonde_preinstalled::GUESTS;

include!("../guests.rs");

/// A guest is downloaded, hashed and compiled by every probe: it should stay small.
const MAX_SIZE: usize = 150_000;

/// Those that do too much for that: lookups in three ways and a verdict of many rules, and every option of urlgetter.
const LARGER: [(&str, usize); 2] = [("web_connectivity", 300_000), ("urlgetter", 200_000)];

#[test]
fn every_guest_imports_our_interfaces_and_only_those_it_asks_for() {
    for guest in GUESTS {
        let manifest = check(guest.name, guest.wasm).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(manifest.name, guest.name);
    }
}

#[test]
fn no_guest_asks_for_more_than_it_uses() {
    for guest in GUESTS {
        let manifest = check(guest.name, guest.wasm).unwrap();
        let used = surface(guest.name, guest.wasm).unwrap().imports;
        for asked in manifest.capabilities.keys() {
            let import = format!("netsonde:probe/{asked}@0.1.0");
            assert!(
                used.contains(&import),
                "{} asks for {asked} and does not use it",
                guest.name
            );
        }
    }
}

#[test]
fn every_listed_guest_is_embedded_once() {
    let names: BTreeSet<_> = GUESTS.iter().map(|guest| guest.name).collect();
    assert_eq!(names.len(), FOLDERS.len());
    assert_eq!(names.len(), GUESTS.len());
}

#[test]
fn guests_are_small() {
    for guest in GUESTS {
        println!("{:>8} bytes  {}", guest.wasm.len(), guest.name);
        let larger = LARGER.iter().find(|(name, _)| *name == guest.name);
        let most = larger.map_or(MAX_SIZE, |(_, most)| *most);
        assert!(
            guest.wasm.len() < most,
            "{} has {} bytes",
            guest.name,
            guest.wasm.len()
        );
    }
}
