//! Anybody may ask a witness: reading a question must not panic, what is read is written the same, and nothing but what the log
//! has grown to is signed for.
//!
//! Any bytes, or a true question with some of them replaced.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::fetch::{Fetched, Progress, consistency_proof};
use netsonde_log::keys::LogSecret;
use netsonde_log::witness::{AddCheckpoint, signatures};
use netsonde_log::writer::Writer;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Replaced { at: u16, length: u8, with: &'a [u8] },
}

fuzz_target!(|input: Input| {
    let log = LogSecret::new("fuzz.example/log", &[1; 32]).expect("a name");
    let mut writer = Writer::new();
    let first = writer.append(&["a", "b", "c"]).expect("short entries");
    let second = writer.append(&["d", "e", "f", "g"]).expect("short entries");
    let stored: Fetched = first.files.into_iter().chain(second.files).collect();
    let Ok(Progress::Done(proof)) = consistency_proof(first.tree.size(), second.tree, &stored) else {
        unreachable!("all files are there")
    };
    let honest = AddCheckpoint {
        old: first.tree.size(),
        proof,
        checkpoint: log.checkpoint(second.tree, 100),
    };
    let bytes = match input {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::Replaced { at, length, with } => {
            let honest = honest.to_string().into_bytes();
            let at = usize::from(at).min(honest.len());
            let end = (at + usize::from(length)).min(honest.len());
            [&honest[..at], with, &honest[end..]].concat()
        }
    };
    let _ = signatures(&bytes);
    if let Ok(asked) = AddCheckpoint::parse(&bytes) {
        assert_eq!(asked.to_string().as_bytes(), bytes);
        if let Ok(tree) = asked.check(&log.public(), first.tree) {
            assert_eq!(tree, second.tree);
        }
    }
});
