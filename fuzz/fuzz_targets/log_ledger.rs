//! The document of a ledger comes from a mirror too: reading it must not panic, what is read is written the same, and nothing is
//! made up in it.
//!
//! Any bytes, or a document with other bytes somewhere.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::ledger::Ledger;
use std::sync::LazyLock;

#[path = "registry/mod.rs"]
mod registry;

static LEDGER: LazyLock<Ledger> = LazyLock::new(registry::ledger);

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Edited(Vec<registry::Edit<'a>>),
}

fuzz_target!(|input: Input| {
    let bytes = match input {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::Edited(edits) => registry::edited(&LEDGER.to_document(), &edits),
    };
    if let Ok(ledger) = Ledger::from_document(registry::root(1).digest(), &bytes) {
        assert_eq!(ledger.to_document(), bytes);
        for release in ledger.releases() {
            let known = LEDGER
                .released(&release.module.digest)
                .expect("nothing else was signed");
            assert_eq!(known.module, release.module);
        }
    }
});
