//! The registry's folder: what is in it after everything that can happen to a disk and to a process.

#![expect(clippy::unwrap_used, reason = "test code")]

mod killed;

use netsonde_log::{
    fetch::{Entries, Fetched, Progress, consistency},
    keys::{LogKey, LogSecret},
    policy::{Opened, Policy},
    tree::Tree,
};
use netsonde_registry::folder::{Sequencer, SequencerError};
use std::{fs, path::Path};
use tempfile::TempDir;

const ORIGIN: &str = "registry.example/log";

fn secret() -> LogSecret {
    LogSecret::new(ORIGIN, &[7; 32]).unwrap()
}

fn create() -> (TempDir, Sequencer) {
    let folder = tempfile::tempdir().unwrap();
    let log = Sequencer::create(&folder.path().join("registry"), &secret(), 1_000).unwrap();
    (folder, log)
}

/// What somebody who reads the files believes.
fn opened(registry: &Path, key: &LogKey) -> Opened {
    let policy = Policy::new(ORIGIN, key.clone(), Vec::new(), 0).unwrap();
    let bytes = fs::read(registry.join("public/log/checkpoint")).unwrap();
    policy.open(&bytes, u64::MAX).unwrap()
}

/// Everything that the files say, proven.
fn entries(registry: &Path, tree: Tree) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut fetched = Fetched::new();
    let mut reading = Entries::new(tree, 0..tree.size()).unwrap();
    loop {
        match reading.next(&fetched).unwrap() {
            Progress::Need(paths) => fetch(registry, paths, &mut fetched),
            Progress::Done(Some(batch)) => all.extend(batch.entries.iter().map(|entry| entry.to_vec())),
            Progress::Done(None) => return all,
        }
    }
}

fn assert_grown(registry: &Path, old: Tree, new: Tree) {
    let mut fetched = Fetched::new();
    while let Progress::Need(paths) = consistency(old, new, &fetched).unwrap() {
        fetch(registry, paths, &mut fetched);
    }
}

fn fetch(registry: &Path, paths: Vec<netsonde_log::tiles::Path>, fetched: &mut Fetched) {
    for path in paths {
        let log = registry.join("public/log");
        let file = fs::read(log.join(path.to_string()));
        let whole = || fs::read(log.join(path.whole().to_string()));
        fetched.insert(path, file.or_else(|_| whole()).unwrap());
    }
}

fn numbered(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range
        .map(|number| format!("entry {number}").into_bytes())
        .collect()
}

#[test]
fn what_was_appended_is_served_and_proven() {
    let (folder, mut log) = create();
    let registry = folder.path().join("registry");
    assert_eq!(opened(&registry, &log.key()).tree, Tree::EMPTY);
    let mut trees = vec![Tree::EMPTY];
    for (from, to) in [(0, 1), (1, 3), (3, 255), (255, 257), (257, 600)] {
        let appended = log.append(&numbered(from..to), 1_000 + to).unwrap();
        assert_eq!(appended.numbers, from..to);
        assert_eq!(
            opened(&registry, &log.key()),
            Opened {
                tree: appended.tree,
                time: 1_000 + to
            }
        );
        trees.push(appended.tree);
    }
    let last = *trees.last().unwrap();
    assert_eq!(entries(&registry, last), numbered(0..600));
    for tree in trees {
        assert_grown(&registry, tree, last);
    }
    assert!(
        !registry.join("public/log/tile/entries/000.p").exists(),
        "the full bundle has all of it"
    );
}

#[test]
fn a_log_goes_on_where_it_ended_and_two_writers_take_turns() {
    let (folder, mut first) = create();
    let registry = folder.path().join("registry");
    first.append(&numbered(0..300), 1_001).unwrap();
    let mut second = Sequencer::open(&registry, 1_002).unwrap();
    second.append(&numbered(300..301), 1_003).unwrap();
    first.append(&numbered(301..302), 1_004).unwrap();
    let tree = second.renew(1_005).unwrap();
    assert_eq!(entries(&registry, tree), numbered(0..302));
    let error = Sequencer::create(&registry, &secret(), 1_000).err().unwrap();
    assert!(matches!(error, SequencerError::Exists(_)), "{error}");
    let error = Sequencer::open(folder.path(), 1_000).err().unwrap();
    assert!(error.to_string().contains("holds no registry"), "{error}");
}

#[test]
fn a_process_that_is_killed_when_files_got_full_is_gone_on_from() {
    let (folder, mut log) = create();
    let registry = folder.path().join("registry");
    let checkpoint = registry.join("public/log/checkpoint");
    log.append(&numbered(0..255), 1_001).unwrap();
    let before = fs::read(&checkpoint).unwrap();
    log.append(&numbered(255..257), 1_002).unwrap();
    drop(log);
    // All was written but the checkpoint.
    fs::write(&checkpoint, before).unwrap();
    let tree = Sequencer::open(&registry, 1_003).unwrap().renew(1_004).unwrap();
    assert_eq!(entries(&registry, tree), numbered(0..257));
}

#[test]
fn a_clock_that_was_set_back_does_not_make_checkpoints_older() {
    let (folder, mut log) = create();
    log.append(&numbered(0..1), 2_000).unwrap();
    log.append(&numbered(1..2), 1_800).unwrap();
    log.renew(1_900).unwrap();
    assert_eq!(opened(&folder.path().join("registry"), &log.key()).time, 2_000);
}

#[test]
fn a_clock_that_was_far_ahead_is_not_for_ever() {
    let (folder, mut log) = create();
    log.append(&numbered(0..1), 1_000_000).unwrap();
    // No probe has believed that, and none would until then.
    log.renew(2_000).unwrap();
    assert_eq!(opened(&folder.path().join("registry"), &log.key()).time, 2_000);
}

#[test]
fn an_entry_that_no_bundle_holds_stops_nothing() {
    let (folder, mut log) = create();
    let error = log.append(&[vec![1], vec![0; 65_536]], 1_001).unwrap_err();
    assert!(error.to_string().contains("65536 bytes"), "{error}");
    let appended = log.append(&numbered(0..1), 1_002).unwrap();
    assert_eq!(
        entries(&folder.path().join("registry"), appended.tree),
        numbered(0..1)
    );
}

#[test]
fn a_database_of_yesterday_is_not_gone_on_with() {
    let (folder, mut log) = create();
    let registry = folder.path().join("registry");
    log.append(&numbered(0..5), 1_001).unwrap();
    drop(log);
    let database = registry.join("registry.sqlite");
    let yesterday = fs::read(&database).unwrap();
    Sequencer::open(&registry, 1_002)
        .unwrap()
        .append(&numbered(5..9), 1_003)
        .unwrap();
    let _ = fs::remove_file(registry.join("registry.sqlite-wal"));
    let _ = fs::remove_file(registry.join("registry.sqlite-shm"));
    fs::write(&database, &yesterday).unwrap();
    let checkpoint = fs::read(registry.join("public/log/checkpoint")).unwrap();
    let error = Sequencer::open(&registry, 1_004).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("published 9 entries, and the database has 5"),
        "{error}"
    );
    assert_eq!(
        fs::read(registry.join("public/log/checkpoint")).unwrap(),
        checkpoint
    );
}

#[test]
fn the_database_of_another_log_is_not_gone_on_with() {
    let (folder, mut log) = create();
    log.append(&numbered(0..5), 1_001).unwrap();
    drop(log);
    let (other_folder, mut other) = create();
    other.append(&numbered(10..20), 1_001).unwrap();
    drop(other);
    let database = "registry/registry.sqlite";
    fs::copy(other_folder.path().join(database), folder.path().join(database)).unwrap();
    let error = Sequencer::open(&folder.path().join("registry"), 1_002)
        .err()
        .unwrap();
    assert!(error.to_string().contains("entry 0 is not the one"), "{error}");
}

#[test]
fn a_damaged_file_is_named_and_nothing_is_built_on_it() {
    let (folder, mut log) = create();
    let registry = folder.path().join("registry");
    log.append(&numbered(0..300), 1_001).unwrap();
    drop(log);
    for (file, said) in [
        ("public/log/checkpoint", "checkpoint"),
        ("public/log/tile/0/001.p/44", "restore it from a mirror"),
        ("public/log/tile/entries/001.p/44", "restore it from a mirror"),
        ("log.key", "log.key"),
    ] {
        let file = registry.join(file);
        let bytes = fs::read(&file).unwrap();
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&file, damaged).unwrap();
        let error = Sequencer::open(&registry, 1_002).err().unwrap();
        assert!(error.to_string().contains(said), "{error}");
        fs::remove_file(&file).unwrap();
        assert!(Sequencer::open(&registry, 1_002).is_err(), "{}", file.display());
        fs::write(&file, bytes).unwrap();
    }
    Sequencer::open(&registry, 1_003).unwrap();
}
