use super::*;
use crate::fetch::{Fetched, Progress, consistency_proof};
use crate::keys::{LogSecret, WitnessSecret};
use crate::testing::{NOW, log_secret, witness};
use crate::writer::Writer;
use proptest::prelude::*;

/// A log that grew in these steps: its trees, and its files.
fn grown(steps: &[usize], salt: &str) -> (Vec<Tree>, Fetched) {
    let mut writer = Writer::new();
    let (mut trees, mut files) = (vec![Tree::EMPTY], Fetched::new());
    for step in steps {
        let from = writer.tree().size();
        let entries: Vec<_> = (from..)
            .take(*step)
            .map(|number| format!("{salt}{number}"))
            .collect();
        let growth = writer.append(&entries).unwrap();
        trees.push(growth.tree);
        files.extend(growth.files);
    }
    (trees, files)
}

/// What an honest log asks.
fn question(log: &LogSecret, old: Tree, new: Tree, files: &Fetched) -> AddCheckpoint {
    let Progress::Done(proof) = consistency_proof(old.size(), new, files).unwrap() else {
        panic!("files are missing");
    };
    AddCheckpoint {
        old: old.size(),
        proof,
        checkpoint: log.checkpoint(new, NOW),
    }
}

#[test]
fn a_question_is_read_as_it_is_written() {
    let (trees, files) = grown(&[3, 300], "");
    let asked = question(&log_secret(), trees[1], trees[2], &files);
    let text = asked.to_string();
    assert!(text.starts_with("old 3\n"), "{text}");
    assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(asked));
    let first = question(&log_secret(), Tree::EMPTY, trees[1], &files).to_string();
    assert!(first.starts_with("old 0\n\nregistry.example/log\n3\n"), "{first}");
}

#[test]
fn what_is_no_question_is_refused_with_the_reason() {
    let (trees, files) = grown(&[3, 300], "");
    let good = question(&log_secret(), trees[1], trees[2], &files).to_string();
    let read = |text: String| AddCheckpoint::parse(text.as_bytes()).unwrap_err();
    assert_eq!(read(good.replace("old 3", "old 03")), QuestionError::Old);
    assert_eq!(read(good.replace("old 3", "new 3")), QuestionError::Old);
    assert_eq!(
        read(good.replacen("old 3\n", "old 3\nnonsense\n", 1)),
        QuestionError::Hash(2)
    );
    let hashes = format!("{}\n", Hash::EMPTY).repeat(64);
    assert_eq!(
        read(good.replacen("old 3\n", &format!("old 3\n{hashes}"), 1)),
        QuestionError::TooMany
    );
    assert_eq!(read("old 3\n".to_owned()), QuestionError::Cut);
    assert_eq!(
        read("old 3\n\n".to_owned()),
        QuestionError::Note(NoteError::Unsigned)
    );
    assert_eq!(read("x".repeat(MAX_LEN + 1)), QuestionError::TooLong(MAX_LEN + 1));
}

#[test]
fn a_log_that_only_grows_is_signed_for_again_and_again() {
    let (trees, files) = grown(&[1, 2, 253, 1, 700], "");
    let (log, signer) = (log_secret(), witness(1));
    let mut seen = Tree::EMPTY;
    for tree in trees.into_iter().skip(1) {
        let asked = question(&log, seen, tree, &files);
        seen = asked.check(&log.public(), seen).unwrap();
        let answer = format!("{}\n", signer.cosign(&asked.checkpoint, NOW));
        let lines = signatures(answer.as_bytes()).unwrap();
        assert_eq!(signer.public().check(&asked.checkpoint, &lines[0]), Ok(NOW));
        // With nothing new, for a fresh time.
        let again = question(&log, seen, tree, &files);
        assert_eq!(again.check(&log.public(), seen), Ok(tree));
    }
}

#[test]
fn a_log_that_contradicts_itself_is_not_signed_for() {
    let log = log_secret();
    let (trees, files) = grown(&[300, 50], "");
    let (forked, forked_files) = grown(&[200, 100, 50], "other");
    let seen = trees[1];
    let ask = |old, new, files: &Fetched| question(&log, old, new, files).check(&log.public(), seen);
    assert_eq!(ask(seen, trees[2], &files), Ok(trees[2]));
    // Of the same size, and larger with a proof from its own past.
    assert_eq!(
        ask(forked[2], forked[2], &forked_files),
        Err(NotSigned::Forked(seen))
    );
    let larger = ask(forked[2], forked[3], &forked_files).unwrap_err();
    assert!(matches!(larger, NotSigned::Proof(_)), "{larger}");
    // Smaller than what was signed for.
    assert_eq!(
        ask(forked[1], forked[1], &forked_files),
        Err(NotSigned::Conflict(seen))
    );
    assert_eq!(ask(Tree::EMPTY, trees[2], &files), Err(NotSigned::Conflict(seen)));
    let backwards = AddCheckpoint {
        old: 400,
        ..question(&log, seen, trees[2], &files)
    };
    let refused = backwards.check(&log.public(), seen).unwrap_err();
    assert_eq!(
        (
            refused.status(),
            ask(Tree::EMPTY, trees[2], &files).unwrap_err().status()
        ),
        (400, 409)
    );
}

#[test]
fn another_log_is_not_signed_for() {
    let (trees, files) = grown(&[3], "");
    let stranger = LogSecret::new(log_secret().public().name(), &[9; 32]).unwrap();
    let asked = question(&stranger, Tree::EMPTY, trees[1], &files);
    let refused = asked.check(&log_secret().public(), Tree::EMPTY).unwrap_err();
    assert_eq!(refused.status(), 403);
}

#[test]
fn an_answer_is_lines_of_signatures() {
    let (trees, _) = grown(&[3], "");
    let checkpoint = log_secret().checkpoint(trees[1], NOW);
    let line = |witness: WitnessSecret| format!("{}\n", witness.cosign(&checkpoint, NOW));
    let two = format!("{}{}", line(witness(1)), line(witness(2)));
    assert_eq!(signatures(two.as_bytes()).map(|lines| lines.len()), Some(2));
    for wrong in ["", "\n", "nonsense\n", two.trim_end(), "— a b\n"] {
        assert_eq!(signatures(wrong.as_bytes()), None, "{wrong:?}");
    }
    assert_eq!(signatures("x".repeat(1 << 20).as_bytes()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_altered_proof_is_signed_for(
        steps in prop::collection::vec(1..400_usize, 2..4),
        at in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        let (trees, files) = grown(&steps, "");
        let (old, new) = (trees[1], trees[trees.len() - 1]);
        let log = log_secret();
        let mut asked = question(&log, old, new, &files);
        prop_assert_eq!(asked.check(&log.public(), old), Ok(new));
        if !asked.proof.is_empty() {
            let hash = at.get(&asked.proof);
            let place = asked.proof.iter().position(|other| other == hash).unwrap();
            let mut bytes = *hash.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            asked.proof[place] = bytes.into();
            prop_assert!(matches!(asked.check(&log.public(), old), Err(NotSigned::Proof(_))));
        }
        asked.proof.push(Hash::EMPTY);
        prop_assert!(asked.check(&log.public(), old).is_err());
    }

    #[test]
    fn any_bytes_are_a_question_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(asked) = AddCheckpoint::parse(&bytes) {
            prop_assert_eq!(AddCheckpoint::parse(asked.to_string().as_bytes()), Ok(asked));
        }
        let _ = signatures(&bytes);
    }
}
