use super::*;
use crate::tiles::{files, tile};
use crate::writer::Writer;
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::RefCell;

fn entry(number: u64) -> Vec<u8> {
    // Of other lengths, some of them empty.
    number.to_string().repeat((number % 3) as usize).into_bytes()
}

/// A log as a mirror has it: the files of each of these sizes, and the trees.
fn served(sizes: &[u64]) -> (Vec<Tree>, Fetched) {
    let (mut writer, mut all, mut trees, mut size) = (Writer::new(), Fetched::new(), Vec::new(), 0);
    for next in sizes {
        let entries: Vec<Vec<u8>> = (size..*next).map(entry).collect();
        let growth = writer.append(&entries).unwrap();
        all.extend(growth.files);
        trees.push(growth.tree);
        size = *next;
    }
    (trees, all)
}

/// Fetch from a mirror whatever is needed; says what that was.
fn with<T>(
    mirror: &Fetched,
    mut read: impl FnMut(&Fetched) -> Result<Progress<T>, FetchError>,
) -> (Result<T, FetchError>, Vec<Path>) {
    let (mut fetched, mut asked) = (Fetched::new(), Vec::new());
    loop {
        match read(&fetched) {
            Err(error) => return (Err(error), asked),
            Ok(Progress::Done(done)) => return (Ok(done), asked),
            Ok(Progress::Need(paths)) => {
                assert!(!paths.is_empty());
                for path in paths {
                    assert!(!fetched.contains_key(&path), "asked for {path} twice");
                    let bytes = mirror.get(&path).unwrap_or_else(|| panic!("no {path}"));
                    assert!(bytes.len() <= path.max_len());
                    fetched.insert(path, bytes.clone());
                    asked.push(path);
                }
            }
        }
    }
}

/// All entries of a range.
fn read_all(mirror: &Fetched, tree: Tree, range: Range<u64>) -> Result<Vec<Vec<u8>>, FetchError> {
    let reader = RefCell::new(Entries::new(tree, range)?);
    let mut all = Vec::new();
    loop {
        let (batch, _) = with(mirror, |fetched| {
            let progress = reader.borrow_mut().next(fetched)?;
            Ok(match progress {
                Progress::Need(paths) => Progress::Need(paths),
                Progress::Done(batch) => Progress::Done(batch.map(|batch| {
                    let entries: Vec<Vec<u8>> = batch.entries.iter().map(|entry| entry.to_vec()).collect();
                    (batch.first, entries)
                })),
            })
        });
        let Some((_, entries)) = batch? else {
            return Ok(all);
        };
        assert!((1..=256).contains(&entries.len()));
        all.extend(entries);
    }
}

#[test]
fn a_log_that_only_grew_is_consistent() {
    let (trees, mirror) = served(&[1, 5, 255, 256, 257, 1_000, 70_000]);
    for old in &trees {
        for new in &trees {
            let (verdict, asked) = with(&mirror, |fetched| consistency(*old, *new, fetched));
            assert_eq!(verdict.is_ok(), old.size() <= new.size());
            assert!(asked.len() <= 5, "{asked:?}");
        }
    }
}

#[test]
fn a_log_of_equal_size_needs_nothing_and_a_rolled_back_one_is_refused() {
    let (trees, _) = served(&[5, 7]);
    let nothing = Fetched::new();
    assert_eq!(consistency(trees[1], trees[1], &nothing), Ok(Progress::Done(())));
    assert_eq!(
        consistency(trees[1], trees[0], &nothing),
        Err(FetchError::Proof(ProofError::Smaller { old: 7, new: 5 }))
    );
}

#[test]
fn a_fork_is_seen_and_both_roots_are_named() {
    let (trees, mirror) = served(&[300, 600]);
    let seen = Tree::new(300, Hash::of_entry(b"what others were shown")).unwrap();
    let (verdict, _) = with(&mirror, |fetched| consistency(seen, trees[1], fetched));
    let found = trees[0].root();
    assert_eq!(
        verdict,
        Err(FetchError::Proof(ProofError::Forked { old: seen, found }))
    );
    // Of the same size too.
    assert!(consistency(seen, trees[0], &Fetched::new()).is_err());
    // Every log begins with the empty one.
    assert_eq!(
        consistency(Tree::EMPTY, trees[0], &Fetched::new()),
        Ok(Progress::Done(()))
    );
}

#[test]
fn an_entry_is_where_it_is_and_no_other() {
    let (trees, mirror) = served(&[70_000]);
    for index in [0, 3, 255, 256, 65_535, 65_536, 69_999] {
        let hash = Hash::of_entry(&entry(index));
        let (verdict, asked) = with(&mirror, |fetched| inclusion(trees[0], index, hash, fetched));
        assert_eq!(verdict, Ok(()), "{index}");
        assert!(asked.len() <= 5, "{asked:?}");
        let (verdict, _) = with(&mirror, |fetched| {
            inclusion(trees[0], index, Hash::EMPTY, fetched)
        });
        assert!(verdict.is_err(), "{index}");
    }
    assert!(inclusion(trees[0], 70_000, Hash::EMPTY, &mirror).is_err());
    assert!(inclusion(trees[0], u64::MAX, Hash::EMPTY, &mirror).is_err());
}

/// With these tiles a reader that checks fewer than all of them believes the altered one: the edge of 70,000 entries is six
/// complete subtrees in three tiles, and a full tile below was the fifth to be fetched.
#[test]
fn an_altered_tile_far_below_the_edge_is_refused() {
    let (trees, mut mirror) = served(&[70_000]);
    let path: Path = "tile/0/000".parse().unwrap();
    let forged = Hash::of_entry(b"forged");
    let mut hashes = crate::tiles::hashes(&mirror[&path], 256).unwrap();
    hashes[7] = forged;
    mirror.insert(path, tile(&hashes));
    let (verdict, _) = with(&mirror, |fetched| inclusion(trees[0], 7, forged, fetched));
    assert_eq!(verdict, Err(FetchError::Altered(path)));
}

#[test]
fn a_full_file_is_taken_where_the_partial_one_is_gone() {
    let (trees, mut mirror) = served(&[300, 600]);
    let tree = trees[0];
    for path in files(0, 300).filter(|path| path.whole() != *path) {
        if let Some(whole) = mirror.get(&path.whole()).cloned() {
            mirror.insert(path, whole);
        }
    }
    let mut reader = Entries::new(tree, 290..300).unwrap();
    let Progress::Done(Some(batch)) = reader.next(&mirror).unwrap() else {
        panic!("all files are there")
    };
    assert_eq!((batch.first, batch.entries.len()), (290, 10));
    let Progress::Done(mut writer) = Writer::open(tree, &mirror).unwrap() else {
        panic!("all files are there")
    };
    let growth = writer.append(&(300..600).map(entry).collect::<Vec<_>>()).unwrap();
    assert_eq!(growth.tree, trees[1]);
    assert!(growth.files.iter().all(|(path, bytes)| mirror[path] == *bytes));
}

#[test]
fn a_bundle_with_fewer_entries_or_cut_is_named() {
    let (trees, mut mirror) = served(&[3]);
    let path: Path = "tile/entries/000.p/3".parse().unwrap();
    let whole = mirror[&path].clone();
    mirror.insert(path, whole[..whole.len() - 1].to_vec());
    let error = read_all(&mirror, trees[0], 0..3).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("tile/entries/000.p/3 can not be read: the bundle ends within its entry"),
        "{error}"
    );
    mirror.insert(path, vec![0; 4]);
    assert_eq!(
        read_all(&mirror, trees[0], 0..3),
        Err(FetchError::Short { path, found: 2 })
    );
}

#[test]
fn entries_beyond_the_log_are_not_asked_for() {
    let (trees, mirror) = served(&[3]);
    assert!(Entries::new(trees[0], 0..4).is_err());
    assert_eq!(read_all(&mirror, trees[0], 3..3), Ok(vec![]));
}

#[test]
fn a_witness_is_given_the_proof_it_checks() {
    let (trees, mirror) = served(&[100, 1_000, 70_000]);
    for (old, new) in [(0, 1), (0, 2), (1, 2), (2, 2)] {
        let (old, new) = (trees[old], trees[new]);
        let (proof, _) = with(&mirror, |fetched| consistency_proof(old.size(), new, fetched));
        assert_eq!(proof::verify_consistency(old, new, &proof.unwrap()), Ok(()));
    }
    let (proof, _) = with(&mirror, |fetched| inclusion_proof(trees[2], 66_000, fetched));
    let hash = Hash::of_entry(&entry(66_000));
    assert_eq!(
        proof::verify_inclusion(trees[2], 66_000, hash, &proof.unwrap()),
        Ok(())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read(size in 1..1_500_u64, from in 0..1_500_u64, to in 0..1_500_u64) {
        let (trees, mirror) = served(&[size]);
        let range = from.min(to).min(size)..from.max(to).min(size);
        let wanted: Vec<Vec<u8>> = range.clone().map(entry).collect();
        prop_assert_eq!(read_all(&mirror, trees[0], range).unwrap(), wanted);
    }

    /// One byte of one file is altered: whoever reads it is told so, and nobody reads anything that is not in the log.
    #[test]
    fn nothing_altered_is_read(size in 1..1_500_u64, which: Index, at: Index, xor in 1..=255_u8) {
        let (trees, mut mirror) = served(&[size]);
        let path = *which.get(&mirror.keys().copied().collect::<Vec<_>>());
        let bytes = mirror.get_mut(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        let wanted: Vec<Vec<u8>> = (0..size).map(entry).collect();
        let read = read_all(&mirror, trees[0], 0..size);
        if path.is_entries() {
            prop_assert!(read.is_err());
        } else {
            // Of full tiles at level 0 the bundles say as much, and they are not read.
            prop_assert!(read.is_err() || read == Ok(wanted));
        }
        for index in [0, size / 2, size - 1] {
            let hash = Hash::of_entry(&entry(index));
            let (verdict, asked) = with(&mirror, |fetched| inclusion(trees[0], index, hash, fetched));
            prop_assert_eq!(verdict.is_err(), asked.contains(&path));
        }
    }

    #[test]
    fn no_other_log_is_consistent(sizes in prop::collection::btree_set(1..1_500_u64, 2..4), other: [u8; 32]) {
        let sizes: Vec<u64> = sizes.into_iter().collect();
        let (trees, mirror) = served(&sizes);
        let new = trees[trees.len() - 1];
        for old in &trees {
            prop_assert!(with(&mirror, |fetched| consistency(*old, new, fetched)).0.is_ok());
            let forked = Tree::new(old.size(), Hash::from(other)).unwrap();
            prop_assert!(with(&mirror, |fetched| consistency(forked, new, fetched)).0.is_err());
            let elsewhere = Tree::new(new.size(), Hash::from(other)).unwrap();
            prop_assert!(with(&mirror, |fetched| consistency(*old, elsewhere, fetched)).0.is_err());
        }
    }
}
