//! The entries of a log are from whoever writes it: reading them must not panic, what is read is written the same, and no leaf that
//! was altered has an effect.
//!
//! Any bytes, or leaves of each type with other bytes somewhere.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::leaf::Leaf;
use netsonde_log::ledger::{Effect, Ledger};
use std::sync::LazyLock;

#[path = "registry/mod.rs"]
mod registry;

static LEAVES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(registry::leaves);
static LEDGER: LazyLock<Ledger> = LazyLock::new(registry::ledger);

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    any: &'a [u8],
    leaves: Vec<(u8, Vec<registry::Edit<'a>>)>,
}

fuzz_target!(|input: Input| {
    let mut ledger = LEDGER.clone();
    read(&mut ledger, input.any);
    for (which, edits) in input.leaves.into_iter().take(8) {
        read(
            &mut ledger,
            &registry::edited(&LEAVES[usize::from(which) % LEAVES.len()], &edits),
        );
    }
});

fn read(ledger: &mut Ledger, bytes: &[u8]) {
    if let Ok(leaf) = Leaf::parse(bytes) {
        assert_eq!(leaf.to_bytes(), bytes);
    }
    let size = ledger.size();
    if ledger.apply(bytes) == Ok(Effect::InForce) {
        let leaf = Leaf::parse(bytes).expect("it is in force");
        let said = |other: &Vec<u8>| Leaf::parse(other).is_ok_and(|other| other.payload() == leaf.payload());
        assert!(LEAVES.iter().any(said), "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(ledger.size(), size + 1);
}
