//! A checkpoint comes from whoever serves the log: reading it must not panic, what is read is written the same, and nothing
//! is believed but what the log and its witness signed.
//!
//! Any bytes, or a checkpoint that is to be believed with something else in its place: other bytes somewhere, or lines.
#![no_main]

use arbitrary::Arbitrary;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use netsonde_log::checkpoint::Checkpoint;
use netsonde_log::keys::{LogSecret, WitnessSecret};
use netsonde_log::note::Note;
use netsonde_log::policy::Policy;
use netsonde_log::tree::{Hash, Tree};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Replaced { at: u16, length: u8, with: &'a [u8] },
    Lines(Vec<(u8, u32, &'a [u8])>),
}

fuzz_target!(|input: Input| {
    let log = LogSecret::new("fuzz.example/log", &[1; 32]).expect("a name");
    let witness = WitnessSecret::new("fuzz.example/witness", &[2; 32]).expect("a name");
    let tree = Tree::new(3, Hash::of_entry(b"fuzz")).expect("a tree");
    let mut note = log.checkpoint(tree, 100);
    note.push(witness.cosign(&note, 200));
    let honest = note.to_string().into_bytes();
    let bytes = match input {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::Replaced { at, length, with } => {
            let at = usize::from(at).min(honest.len());
            let end = (at + usize::from(length)).min(honest.len());
            [&honest[..at], with, &honest[end..]].concat()
        }
        Input::Lines(lines) => {
            let names = ["fuzz.example/log", "fuzz.example/witness", "other"];
            let ids = [log.public().id(), witness.public().id()];
            let mut bytes = honest;
            for (name, id, signature) in lines {
                let name = names[usize::from(name) % 3];
                let id = ids.get(id as usize % 3).copied().unwrap_or(id);
                let line = [&id.to_be_bytes()[..], signature].concat();
                bytes.extend(format!("— {name} {}\n", STANDARD.encode(&line)).bytes());
            }
            bytes
        }
    };
    if let Ok(note) = Note::parse(&bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
            assert!(note.text().starts_with(&checkpoint.to_text()));
        }
    }
    let policy = Policy::new("fuzz.example/log", log.public(), vec![witness.public()], 1).expect("a policy");
    if let Ok(opened) = policy.open(&bytes, 1_000) {
        assert_eq!((opened.tree, opened.time), (tree, 200));
    }
});
