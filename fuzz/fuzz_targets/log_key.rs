//! Keys of logs and witnesses stand in policies, which come from elsewhere: reading one must not panic, and one key has one
//! text. Any text, or a key of any 32 bytes, whose id fits.
#![no_main]

use arbitrary::Arbitrary;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use netsonde_log::keys::{LogKey, LogSecret, WitnessKey, WitnessSecret};
use sha2::{Digest as _, Sha256};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Public { name: &'a str, kind: u8, key: [u8; 32] },
    Secret { name: &'a str, seed: [u8; 32] },
}

fuzz_target!(|input: Input| {
    match input {
        Input::Text(text) => read(text),
        Input::Public { name, kind, key } => {
            let typed = [&[kind % 6][..], &key].concat();
            let id = Sha256::new()
                .chain_update(name)
                .chain_update("\n")
                .chain_update(&typed)
                .finalize();
            let id = u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
            read(&format!("{name}+{id:08x}+{}", STANDARD.encode(typed)));
        }
        Input::Secret { name, seed } => {
            if let Ok(secret) = LogSecret::new(name, &seed) {
                let text = secret.to_text();
                assert_eq!(text.parse::<LogSecret>().map(|key| key.to_text()), Ok(text));
                assert_eq!(secret.public().to_string().parse(), Ok(secret.public()));
            }
        }
    }
});

fn read(text: &str) {
    same(text.parse::<LogKey>().map(|key| key.to_string()), text);
    same(text.parse::<WitnessKey>().map(|key| key.to_string()), text);
    same(text.parse::<LogSecret>().map(|key| key.to_text()), text);
    same(text.parse::<WitnessSecret>().map(|key| key.to_text()), text);
}

/// What is read is written the same.
fn same<E>(written: Result<String, E>, text: &str) {
    assert!(written.is_err() || written.is_ok_and(|written| written == text));
}
