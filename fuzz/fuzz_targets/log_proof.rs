//! A proof comes with whatever it proves: reading it must not panic, what is read is written the same, and it proves the
//! entry that is in the log and no other.
//!
//! Any bytes, or the parts of a proof, most of them those of a true one.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netsonde_log::fetch::{Fetched, Progress, inclusion_proof};
use netsonde_log::keys::LogSecret;
use netsonde_log::policy::Policy;
use netsonde_log::proof::Proof;
use netsonde_log::tree::Hash;
use netsonde_log::writer::Writer;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    Parts {
        index: Option<u64>,
        hashes: Vec<(u8, [u8; 32])>,
        extra: Option<&'a [u8]>,
        checkpoint: Option<&'a [u8]>,
    },
    Replaced {
        at: u16,
        length: u8,
        with: &'a [u8],
    },
}

fuzz_target!(|input: Input| {
    let log = LogSecret::new("fuzz.example/log", &[1; 32]).expect("a name");
    let growth = Writer::new()
        .append(&["a", "b", "c", "d", "e"])
        .expect("short entries");
    let stored: Fetched = growth.files.into_iter().collect();
    let Ok(Progress::Done(hashes)) = inclusion_proof(growth.tree, 3, &stored) else {
        unreachable!("all files are there")
    };
    let mut proof = Proof {
        index: 3,
        hashes,
        checkpoint: log.checkpoint(growth.tree, 100).to_string().into_bytes(),
        extra: None,
    };
    let bytes = match input {
        Input::Bytes(bytes) => bytes.to_vec(),
        Input::Replaced { at, length, with } => {
            let honest = proof.to_bytes();
            let at = usize::from(at).min(honest.len());
            let end = (at + usize::from(length)).min(honest.len());
            [&honest[..at], with, &honest[end..]].concat()
        }
        Input::Parts {
            index,
            hashes,
            extra,
            checkpoint,
        } => {
            proof.index = index.unwrap_or(proof.index);
            for (at, hash) in hashes {
                proof
                    .hashes
                    .insert(usize::from(at) % (proof.hashes.len() + 1), Hash::from(hash));
            }
            proof.extra = extra.map(<[u8]>::to_vec);
            proof.checkpoint = checkpoint.map_or(proof.checkpoint, <[u8]>::to_vec);
            proof.to_bytes()
        }
    };
    if let Ok(proof) = Proof::parse(&bytes) {
        assert_eq!(proof.to_bytes(), bytes);
        let policy = Policy::new("fuzz.example/log", log.public(), Vec::new(), 0).expect("a policy");
        assert!(proof.verify(&policy, b"forged", 1_000).is_err());
        if let Ok(opened) = proof.verify(&policy, b"d", 1_000) {
            assert_eq!((opened.tree, proof.index), (growth.tree, 3));
        }
    }
});
