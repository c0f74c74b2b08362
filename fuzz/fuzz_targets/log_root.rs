//! Root documents come from mirrors: reading them must not panic, and only what the owners signed is followed.
//!
//! Any bytes, or a document with other bytes somewhere.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::root::Root;
use std::sync::LazyLock;

#[path = "registry/mod.rs"]
mod registry;

static FIRST: LazyLock<Root> = LazyLock::new(|| registry::root(1));
static SECOND: LazyLock<Root> = LazyLock::new(|| registry::root(2));

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Edited(Vec<registry::Edit<'a>>),
}

fuzz_target!(|input: Input| {
    let bytes = match input {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::Edited(edits) => registry::edited(&SECOND.document().to_bytes(), &edits),
    };
    if let Ok(root) = Root::parse(&bytes) {
        assert_eq!(Root::parse(&root.document().to_bytes()).as_ref(), Ok(&root));
        if FIRST.check_next(&root).is_ok() {
            assert!(root.says_the_same_as(&SECOND));
        }
    }
});
