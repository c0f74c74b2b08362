use super::*;
use proptest::prelude::*;

/// The example of `signed_note`, which others use too.
const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// A public key with these bytes.
fn vkey(kind: u8, bytes: [u8; 32]) -> String {
    let hash = Sha256::new().chain_update("a\n").chain_update([kind]);
    let hash = <[u8; 32]>::from(hash.chain_update(bytes).finalize());
    let key = STANDARD.encode([&[kind][..], &bytes].concat());
    format!("a+{}+{key}", hex::encode(&hash[..4]))
}

#[test]
fn a_key_that_others_print_is_read_and_printed_the_same() {
    let secret: LogSecret = SECRET.parse().unwrap();
    assert_eq!(secret.to_text(), SECRET);
    assert_eq!(secret.public().to_string(), PUBLIC);
    assert_eq!(PUBLIC.parse(), Ok(secret.public()));
}

#[test]
fn one_key_has_other_ids_as_a_logs_and_as_a_witnesss() {
    let log: LogKey = PUBLIC.parse().unwrap();
    let witness = log.as_witness();
    assert_eq!(log.public(), witness.public());
    assert_ne!(log.id(), witness.id());
    assert_eq!(witness.to_string().parse(), Ok(witness));
}

#[test]
fn a_key_of_another_type_is_refused_with_both() {
    let error = PUBLIC.parse::<WitnessKey>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key of PeterNeumann is of type 0x01, wanted 0x04: a log's is 0x01, a witness's 0x04"
    );
}

#[test]
fn a_secret_is_not_taken_for_a_public_key_and_is_repeated_nowhere() {
    let error = SECRET.parse::<LogKey>().unwrap_err();
    assert_eq!(error, KeyError::Secret);
    let broken = SECRET.replace("PRIVATE+KEY+PeterNeumann+", "PRIVATE+KEY+PeterNeumann");
    for text in [
        error.to_string(),
        broken.parse::<LogSecret>().unwrap_err().to_string(),
        format!("{:?}", SECRET.parse::<LogSecret>().unwrap()),
    ] {
        assert!(!text.contains("AYEKFALV"), "{text}");
    }
}

#[test]
fn an_id_of_another_key_is_refused() {
    let error = PUBLIC
        .replace("c74f20a3", "c74f20a4")
        .parse::<LogKey>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key of PeterNeumann has the id c74f20a3, not c74f20a4 as written: copy the key again"
    );
    let upper = PUBLIC.replace("c74f20a3", "C74F20A3");
    assert_eq!(upper.parse::<LogKey>(), Err(KeyError::Format));
}

#[test]
fn a_point_that_signs_for_everything_is_no_key() {
    // The neutral element, and a point of order 4; the neutral element in an encoding of its own; no point at all.
    let mut one = [0; 32];
    one[0] = 1;
    let mut other = [0xff; 32];
    (other[0], other[31]) = (0xee, 0x7f);
    for bytes in [one, [0; 32], other, [2; 32]] {
        assert_eq!(
            vkey(LOG, bytes).parse::<LogKey>(),
            Err(KeyError::Point("a".to_owned()))
        );
    }
}

#[test]
fn a_point_has_one_encoding() {
    // Numbers from p (2^255 - 19) on, which are points again: those of 0 to 18.
    let again = (0xed..=0xff).map(|low| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, 0x7f);
        bytes
    });
    let is_point = |bytes: &[u8; 32]| VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak());
    let points: Vec<[u8; 32]> = again.filter(is_point).collect();
    assert!(!points.is_empty());
    for bytes in points {
        assert!(vkey(LOG, bytes).parse::<LogKey>().is_err(), "{bytes:?}");
    }
}

#[test]
fn a_name_has_no_spaces_no_plus_and_an_end() {
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", &"a".repeat(256)] {
        assert!(
            matches!(LogSecret::new(name, &[7; 32]), Err(KeyError::Name(_))),
            "{name:?}"
        );
    }
    assert!(LogSecret::new(&"é".repeat(127), &[7; 32]).is_ok());
}

proptest! {
    #[test]
    fn keys_survive_their_texts(seed: [u8; 32], name in "[a-z0-9./é-]{1,60}") {
        let log = LogSecret::new(&name, &seed).unwrap();
        let text = log.to_text();
        prop_assert_eq!(text.parse::<LogSecret>().unwrap().to_text(), text);
        prop_assert_eq!(log.public().to_string().parse(), Ok(log.public()));
        let witness = WitnessSecret::new(&name, &seed).unwrap();
        prop_assert_eq!(witness.to_text().parse::<WitnessSecret>().unwrap().to_text(), witness.to_text());
        prop_assert_eq!(witness.public(), log.public().as_witness());
    }

    #[test]
    fn signed_note_agrees_on_keys_and_signatures(seed: [u8; 32], name in "[a-z0-9./é-]{1,60}", message: Vec<u8>) {
        use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _};
        let secret = LogSecret::new(&name, &seed).unwrap();
        let theirs = StandardVerifier::new(&secret.public().to_string()).unwrap();
        prop_assert_eq!(theirs.key_id(), secret.public().id());
        prop_assert!(theirs.verify(&message, &secret.sign(&message)));
        let signature = StandardSigner::new(&secret.to_text()).unwrap().sign(&message).unwrap();
        prop_assert!(secret.public().verifies(&message, &signature));
    }

    #[test]
    fn no_altered_text_of_a_key_is_another_key(at in 0..PUBLIC.len(), to in b' '..127) {
        let mut text = PUBLIC.as_bytes().to_vec();
        prop_assume!(text[at] != to);
        text[at] = to;
        let text = String::from_utf8(text).unwrap();
        prop_assert!(text.parse::<LogKey>().is_err(), "{}", text);
    }
}
