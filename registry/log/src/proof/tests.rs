use super::*;
use crate::keys::{LogSecret, WitnessSecret};
use crate::policy::{OpenError, Policy};
use crate::tree::over;
use proptest::prelude::*;
use proptest::sample::Index;

/// A log of so many entries, and the root over any range of them.
struct Log(Vec<Hash>);

impl Log {
    fn new(size: usize) -> Self {
        Self(
            (0..size)
                .map(|number| Hash::of_entry(&number.to_le_bytes()))
                .collect(),
        )
    }

    fn tree(&self, size: usize) -> Tree {
        Tree::new(size as u64, over(&self.0[..size])).unwrap()
    }

    fn hashes(&self, path: &[Range<u64>]) -> Vec<Hash> {
        let at = |index: u64| usize::try_from(index).unwrap();
        path.iter()
            .map(|range| over(&self.0[at(range.start)..at(range.end)]))
            .collect()
    }

    fn inclusion(&self, index: usize, size: usize) -> Vec<Hash> {
        self.hashes(&inclusion_path(index as u64, size as u64))
    }

    fn consistency(&self, old: usize, new: usize) -> Vec<Hash> {
        self.hashes(&consistency_path(old as u64, self.tree(new)).unwrap())
    }
}

/// `tlog_tiles` over the same hashes.
impl tlog_tiles::HashReader for Log {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, n) = tlog_tiles::split_stored_hash_index(*index);
            let start = usize::try_from(n << level).unwrap();
            theirs(over(&self.0[start..start + (1 << level)]))
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

/// Change one hash, leave one out, add one, or exchange two.
fn alter(proof: &mut Vec<Hash>, how: u8, at: Index) -> bool {
    let before = proof.clone();
    match how {
        0 => proof.push(Hash::EMPTY),
        _ if proof.is_empty() => {}
        1 => {
            proof.remove(at.index(before.len()));
        }
        2 => proof.rotate_left(at.index(before.len())),
        _ => {
            let hash = &mut proof[at.index(before.len())];
            let mut bytes = *hash.as_bytes();
            bytes[usize::from(how) % 32] ^= how;
            *hash = Hash::from(bytes);
        }
    }
    *proof != before
}

#[test]
fn an_entry_that_is_not_there_has_no_proof() {
    let log = Log::new(3);
    let error = verify_inclusion(log.tree(3), 3, log.0[2], &[]).unwrap_err();
    assert_eq!(error.to_string(), "the log has 3 entries and none at 3");
    let error = verify_inclusion(Tree::EMPTY, 0, Hash::EMPTY, &[]).unwrap_err();
    assert_eq!(error.to_string(), "the log has 0 entries and none at 0");
}

#[test]
fn a_log_that_was_rolled_back_has_no_proof() {
    let log = Log::new(3);
    let error = verify_consistency(log.tree(3), log.tree(2), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the log has 2 entries where it had 3: it was rolled back"
    );
}

#[test]
fn two_logs_of_one_size_are_a_fork_unless_they_are_the_same() {
    let other = Tree::new(3, Hash::of_entry(b"other")).unwrap();
    let log = Log::new(3).tree(3);
    assert_eq!(verify_consistency(log, log, &[]), Ok(()));
    assert!(matches!(
        verify_consistency(log, other, &[]),
        Err(ProofError::Forked { .. })
    ));
}

#[test]
fn everything_begins_with_nothing() {
    let log = Log::new(3);
    assert_eq!(verify_consistency(Tree::EMPTY, log.tree(3), &[]), Ok(()));
    assert!(verify_consistency(Tree::EMPTY, log.tree(3), &[Hash::EMPTY]).is_err());
}

#[test]
fn the_largest_log_has_proofs() {
    let tree = Tree::new(crate::tree::MAX_SIZE, Hash::EMPTY).unwrap();
    assert_eq!(inclusion_path(0, tree.size()).len(), 48);
    assert_eq!(consistency_path(tree.size() - 1, tree).unwrap().len(), 48);
}

proptest! {
    #[test]
    fn entries_are_proven_as_tlog_tiles_proves_them(size in 1..600_usize, at: Index) {
        let log = Log::new(size);
        let index = at.index(size);
        let proof = log.inclusion(index, size);
        prop_assert_eq!(verify_inclusion(log.tree(size), index as u64, log.0[index], &proof), Ok(()));
        let other = tlog_tiles::prove_record(size as u64, index as u64, &log).unwrap();
        prop_assert_eq!(other, proof.into_iter().map(theirs).collect::<Vec<_>>());
    }

    #[test]
    fn growth_is_proven_as_tlog_tiles_proves_it(size in 1..600_usize, at: Index) {
        let log = Log::new(size);
        let old = at.index(size) + 1;
        let proof = log.consistency(old, size);
        prop_assert_eq!(verify_consistency(log.tree(old), log.tree(size), &proof), Ok(()));
        let other = tlog_tiles::prove_tree(size as u64, old as u64, &log).unwrap();
        prop_assert_eq!(other, proof.into_iter().map(theirs).collect::<Vec<_>>());
    }

    #[test]
    fn no_altered_proof_of_an_entry_holds(size in 1..600_usize, at: Index, how in 0..8_u8, other: Index) {
        let log = Log::new(size);
        let index = at.index(size);
        let tree = log.tree(size);
        let mut proof = log.inclusion(index, size);
        let elsewhere = other.index(size);
        if elsewhere != index {
            prop_assert!(verify_inclusion(tree, elsewhere as u64, log.0[index], &proof).is_err());
            prop_assert!(verify_inclusion(tree, index as u64, log.0[elsewhere], &proof).is_err());
        }
        prop_assert!(verify_inclusion(tree, index as u64, tree.root(), &proof).is_err() || size == 1);
        if alter(&mut proof, how, other) {
            prop_assert!(verify_inclusion(tree, index as u64, log.0[index], &proof).is_err());
        }
    }

    #[test]
    fn no_altered_proof_of_growth_holds(size in 2..600_usize, at: Index, how in 0..8_u8, other: Index) {
        let log = Log::new(size);
        let old = at.index(size - 1) + 1;
        let mut proof = log.consistency(old, size);
        // The old log had another entry somewhere.
        let mut forked = Log(log.0[..old].to_vec());
        forked.0[other.index(old)] = Hash::EMPTY;
        prop_assert!(verify_consistency(forked.tree(old), log.tree(size), &proof).is_err());
        // The new one has.
        let mut forked = Log(log.0.clone());
        forked.0[other.index(size)] = Hash::EMPTY;
        prop_assert!(verify_consistency(log.tree(old), forked.tree(size), &proof).is_err());
        if alter(&mut proof, how, other) {
            prop_assert!(verify_consistency(log.tree(old), log.tree(size), &proof).is_err());
        }
    }
}

const ORIGIN: &str = "registry.example/log";

/// A proof in a file, of the fourth of seven entries, and who is to be believed about it.
fn in_a_file() -> (Proof, Policy) {
    let secret = LogSecret::new(ORIGIN, &[1; 32]).unwrap();
    let witness = WitnessSecret::new("witness.example", &[2; 32]).unwrap();
    let log = Log::new(7);
    let mut note = secret.checkpoint(log.tree(7), 500);
    note.push(witness.cosign(&note, 600));
    let proof = Proof {
        index: 3,
        hashes: log.inclusion(3, 7),
        checkpoint: note.to_string().into_bytes(),
        extra: Some(b"netsonde".to_vec()),
    };
    let policy = Policy::new(ORIGIN, secret.public(), vec![witness.public()], 1).unwrap();
    (proof, policy)
}

const ENTRY: [u8; 8] = 3_usize.to_le_bytes();

#[test]
fn a_file_proves_an_entry_to_whoever_has_the_policy() {
    let (proof, policy) = in_a_file();
    let text = String::from_utf8(proof.to_bytes()).unwrap();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra bmV0c29uZGU=\nindex 3\n"));
    let read = Proof::parse(text.as_bytes()).unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.verify(&policy, &ENTRY, 1_000).unwrap().time, 600);
    assert_eq!(
        read.verify(&policy, b"another", 1_000).unwrap_err().to_string(),
        "entry 3 of the log's first 7 is another"
    );
}

#[test]
fn a_file_without_the_witnesss_line_proves_nothing() {
    let (mut proof, policy) = in_a_file();
    let lines = String::from_utf8(proof.checkpoint).unwrap();
    let lines: Vec<&str> = lines
        .lines()
        .filter(|line| !line.contains("witness.example"))
        .collect();
    proof.checkpoint = (lines.join("\n") + "\n").into_bytes();
    assert_eq!(
        proof.verify(&policy, &ENTRY, 1_000),
        Err(ProofFileError::Open(OpenError::Quorum { wanted: 1, found: 0 }))
    );
}

#[test]
fn what_is_no_proof_says_where() {
    let (proof, _) = in_a_file();
    let text = String::from_utf8(proof.to_bytes()).unwrap();
    for (what, with, error) in [
        ("@v1", "@v2", ProofFileError::Head),
        ("extra bmV0c29uZGU=", "extra b", ProofFileError::Line(2)),
        ("extra bmV0c29uZGU=", "extra", ProofFileError::Line(2)),
        ("index 3", "index 03", ProofFileError::Line(3)),
        ("index 3", "", ProofFileError::Line(3)),
        ("index 3\n", "index 3\nx", ProofFileError::Line(4)),
    ] {
        assert_eq!(
            Proof::parse(text.replacen(what, with, 1).as_bytes()),
            Err(error),
            "{with}"
        );
    }
    let (head, _) = text.split_once("\n\n").unwrap();
    assert_eq!(Proof::parse(head.as_bytes()), Err(ProofFileError::Cut));
    assert_eq!(
        Proof::parse(&vec![b'c'; MAX_LEN + 1]),
        Err(ProofFileError::TooLong(MAX_LEN + 1))
    );
}

proptest! {
    #[test]
    fn no_altered_file_proves_anything_else(at: Index, to: u8) {
        let (proof, policy) = in_a_file();
        let mut bytes = proof.to_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let Ok(altered) = Proof::parse(&bytes) else { return Ok(()) };
        prop_assert_eq!(&altered.to_bytes(), &bytes);
        if let Ok(opened) = altered.verify(&policy, &ENTRY, 1_000) {
            // What nobody vouches for: the extra, and the log's own time where a witness's counts.
            prop_assert_eq!((altered.index, altered.hashes), (proof.index, proof.hashes));
            prop_assert_eq!(opened.time, 600);
        }
        prop_assert!(Proof::parse(&bytes).unwrap().verify(&policy, b"another", 1_000).is_err());
    }
}
