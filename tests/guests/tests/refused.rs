//! The checks that guests pass when they are built notice what is wrong with each of the refused ones.

use netsonde_guest_build::component::check;
use netsonde_test_guests::{GUESTS, REFUSED, wasm};

fn complaint(name: &str) -> String {
    check(name, wasm(name)).map_or_else(
        |error| error.to_string(),
        |manifest| format!("{} is fine", manifest.name),
    )
}

#[test]
fn the_guests_that_only_misbehave_are_sound() {
    for guest in GUESTS {
        assert_eq!(complaint(guest.name), format!("{} is fine", guest.name));
    }
}

#[test]
fn what_is_to_be_refused_is_wrong_in_the_way_it_says() {
    let expected = [
        ("ungranted", "imports the interface tcp"),
        (
            "liar",
            "liar is a nettest, which must export reduce, run; it exports run",
        ),
        ("other-name", "somebody-else is fine"),
        ("no-manifest", "has no custom section netsonde:manifest"),
        ("bad-manifest", "read the manifest in bad-manifest"),
        ("no-text", "invalid utf-8"),
        ("foreign", "wasi:cli/environment@0.2.0"),
        ("core-module", "a core module, not a component"),
        ("truncated", "truncated"),
        ("empty", "unexpected end-of-file"),
        ("garbage", "magic header not detected"),
    ];
    assert_eq!(REFUSED.len(), expected.len());
    for (name, text) in expected {
        let complaint = complaint(name);
        assert!(complaint.contains(text), "{name}: {complaint}");
    }
}
