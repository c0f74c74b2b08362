use super::*;
use crate::keys::{LogSecret, WitnessSecret};
use crate::note::Signature;
use crate::tree::Hash;
use proptest::prelude::*;

const ORIGIN: &str = "registry.example/log";
const LATE: u64 = 1_000;

fn log() -> LogSecret {
    LogSecret::new(ORIGIN, &[1; 32]).unwrap()
}

fn witness(number: u8) -> WitnessSecret {
    WitnessSecret::new(&format!("witness.example/{number}"), &[10 + number; 32]).unwrap()
}

/// Three witnesses.
fn policy(quorum: usize) -> Policy {
    let witnesses = (0..3).map(|number| witness(number).public()).collect();
    Policy::new(ORIGIN, log().public(), witnesses, quorum).unwrap()
}

fn tree() -> Tree {
    Tree::new(1, Hash::of_entry(b"first")).unwrap()
}

/// A checkpoint of time 1 that these witnesses have seen at these times.
fn seen(by: &[(u8, u64)]) -> Note {
    let mut note = log().checkpoint(tree(), 1);
    for (number, time) in by {
        note.push(witness(*number).cosign(&note, *time));
    }
    note
}

fn open(policy: &Policy, note: &Note) -> Result<Opened, OpenError> {
    policy.open(note.to_string().as_bytes(), LATE)
}

#[test]
fn the_time_is_one_since_which_a_quorum_has_seen_nothing_newer() {
    let note = seen(&[(0, 500), (1, 700), (2, 600)]);
    for (quorum, time) in [(1, 700), (2, 600), (3, 500)] {
        let opened = Opened { tree: tree(), time };
        assert_eq!(open(&policy(quorum), &note), Ok(opened));
    }
}

#[test]
fn a_witness_less_than_the_quorum_is_not_enough() {
    assert_eq!(
        open(&policy(3), &seen(&[(0, 500), (1, 700)])),
        Err(OpenError::Quorum { wanted: 3, found: 2 })
    );
    // A thief of the log's key has nothing else.
    assert_eq!(
        open(&policy(1), &seen(&[])),
        Err(OpenError::Quorum { wanted: 1, found: 0 })
    );
}

#[test]
fn one_witness_that_signs_twice_counts_once_with_its_newest_time() {
    let note = seen(&[(0, 500), (0, 700), (0, 600)]);
    assert_eq!(
        open(&policy(2), &note),
        Err(OpenError::Quorum { wanted: 2, found: 1 })
    );
    assert_eq!(open(&policy(1), &note).unwrap().time, 700);
}

#[test]
fn the_log_does_not_count_as_its_witness() {
    let note = log().checkpoint(tree(), 900);
    assert!(matches!(open(&policy(1), &note), Err(OpenError::Quorum { .. })));
}

#[test]
fn without_witnesses_the_log_says_when() {
    let alone = Policy::new(ORIGIN, log().public(), Vec::new(), 0).unwrap();
    let note = seen(&[(0, 500)]);
    assert_eq!(open(&alone, &note).unwrap().time, 1);
    let mut untimed = Note::new(note.text().to_owned());
    untimed.push(note.signatures()[0].clone());
    assert!(matches!(open(&alone, &untimed), Err(OpenError::Untimed(_))));
}

#[test]
fn a_witness_ahead_of_time_does_not_count_and_spoils_nothing() {
    let note = seen(&[(0, 5_000), (1, 700), (2, 600)]);
    assert_eq!(open(&policy(2), &note).unwrap().time, 600);
    let error = open(&policy(3), &note).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint was signed by witness.example/0 at 5000 (seconds of Unix), later than 1000: check the clock of this \
         device"
    );
}

#[test]
fn a_forged_line_of_a_known_witness_refuses_the_checkpoint() {
    let mut note = seen(&[(0, 500), (1, 700)]);
    let mut bytes = witness(2).cosign(&note, 600).bytes().to_vec();
    bytes[40] ^= 1;
    let key = witness(2).public();
    note.push(Signature::new(key.name(), key.id(), bytes));
    assert!(matches!(open(&policy(2), &note), Err(OpenError::Signature(bad)) if bad.name == key.name()));
}

#[test]
fn a_forged_line_of_the_log_refuses_the_checkpoint_whoever_else_signed() {
    let honest = log().checkpoint(tree(), 1);
    let key = log().public();
    let mut bytes = honest.signatures()[0].bytes().to_vec();
    bytes[3] ^= 1;
    let forged = Signature::new(key.name(), key.id(), bytes);
    let mut alone = Note::new(honest.text().to_owned());
    alone.push(forged.clone());
    let mut beside = honest;
    beside.push(forged);
    for mut note in [alone, beside] {
        note.push(witness(0).cosign(&note, 500));
        assert!(matches!(
            open(&policy(1), &note),
            Err(OpenError::Checkpoint(CheckpointError::Signature(bad))) if bad.name == ORIGIN
        ));
    }
}

#[test]
fn lines_of_unknown_keys_are_ignored() {
    let mut note = seen(&[(0, 500)]);
    note.push(Signature::new(ORIGIN, 7, vec![0; 2_428]));
    note.push(witness(9).cosign(&note, 800));
    // A known name with another key, and a known id under another name.
    let other = WitnessSecret::new("witness.example/1", &[99; 32]).unwrap();
    note.push(other.cosign(&note, 800));
    note.push(Signature::new("x", witness(1).public().id(), vec![1]));
    assert_eq!(open(&policy(1), &note).unwrap().time, 500);
    assert!(open(&policy(2), &note).is_err());
}

#[test]
fn another_log_with_the_same_name_is_not_this_one() {
    let thief = LogSecret::new(ORIGIN, &[66; 32]).unwrap();
    let mut note = thief.checkpoint(tree(), 900);
    for number in 0..3 {
        note.push(witness(number).cosign(&note, 900));
    }
    let error = open(&policy(2), &note).unwrap_err();
    assert_eq!(
        error,
        OpenError::Checkpoint(CheckpointError::Unsigned(log().public().to_string()))
    );
}

#[test]
fn a_policy_that_counts_one_key_twice_is_refused() {
    let one = witness(0);
    let again = WitnessSecret::new("other.example", &[10; 32]).unwrap();
    assert_eq!(
        Policy::new(ORIGIN, log().public(), vec![one.public(), again.public()], 2),
        Err(PolicyError::Twice(
            "witness.example/0".to_owned(),
            "other.example".to_owned()
        ))
    );
    let itself = WitnessSecret::new("w", &[1; 32]).unwrap().public();
    assert_eq!(
        Policy::new(ORIGIN, log().public(), vec![itself], 1),
        Err(PolicyError::Itself("w".to_owned()))
    );
}

#[test]
fn a_policy_names_its_log_and_a_quorum_that_can_be_met() {
    let witnesses = vec![witness(0).public(), witness(1).public()];
    for quorum in [0, 3] {
        let error = Policy::new(ORIGIN, log().public(), witnesses.clone(), quorum).unwrap_err();
        assert_eq!(error, PolicyError::Quorum { quorum, witnesses: 2 });
    }
    assert!(Policy::new(ORIGIN, log().public(), Vec::new(), 1).is_err());
    assert!(matches!(
        Policy::new("registry.example/other", log().public(), witnesses, 1),
        Err(PolicyError::Origin { .. })
    ));
}

proptest! {
    /// Whatever bytes are altered: either nothing is believed, or the very same (an unneeded line was altered into one that
    /// nobody knows).
    #[test]
    fn nothing_altered_is_believed(at in any::<prop::sample::Index>(), to: u8, quorum in 1..4_usize) {
        let note = seen(&[(0, 500), (1, 700), (2, 600)]);
        let mut bytes = note.to_string().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let honest = open(&policy(quorum), &note).unwrap();
        if let Ok(opened) = policy(quorum).open(&bytes, LATE) {
            prop_assert!(at >= note.text().len());
            prop_assert_eq!(opened.tree, honest.tree);
            prop_assert!(opened.time <= honest.time);
        }
    }
}
