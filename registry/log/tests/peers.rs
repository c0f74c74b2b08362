//! Logs of ours, read and checked by programs that share no code with them, and what these write, read by us. Skipped,
//! loudly, where they are absent. They need Python 3.12 or later, which `NETSONDE_PYTHON` names (`python3` when it names
//! none):
//!
//! ```text
//! pip install aics-tlog==0.2.1 tlog-scales==0.0.3
//! ```
//!
//! Both are young, and of one author each. What they were when these tests were written (SHA-256 of the wheels):
//!
//! ```text
//! aics_tlog-0.2.1    e8cd2be003001576353bbd1a139b68252baf85df8e5d356c5ff26f3c417efdfc
//! tlog_scales-0.0.3  89cee88f3a08de210b0d05f1c6e208a87e7f0640ff560d43bd9042d680574dbb
//! ```

#![expect(clippy::unwrap_used, reason = "test code")]

use netsonde_log::fetch::{self, Entries, Fetched, Progress};
use netsonde_log::keys::{LogSecret, WitnessSecret};
use netsonde_log::policy::Policy;
use netsonde_log::proof::Proof;
use netsonde_log::tiles::{MAX_ENTRY, files};
use netsonde_log::tree::{Hash, Tree};
use netsonde_log::writer::Writer;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const ORIGIN: &str = "registry.example/log";
const TIME: u64 = 1_795_000_000;
const SIZES: [u64; 7] = [1, 5, 255, 256, 257, 1_000, 70_000];

/// Programs of other authors, and how Python is asked for them.
const AICS: [&str; 2] = ["-m", "aics_tlog"];
const SCALES: [&str; 2] = ["-c", "from tlog_scales.cli import main; main()"];

/// A program with these arguments.
fn peer(program: [&str; 2], args: &[&str]) -> Command {
    let python = std::env::var_os("NETSONDE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let mut command = Command::new(python);
    command.args(program).args(args);
    command
}

/// Whether a program is there; if not, says that the test is skipped.
fn is_there(test: &str, program: [&str; 2]) -> bool {
    let output = peer(program, &["--help"]).output();
    let is_there = output.is_ok_and(|output| output.status.success());
    if !is_there {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: pip install aics-tlog==0.2.1 tlog-scales==0.0.3 for Python 3.12 or later, and name it in \
             NETSONDE_PYTHON"
        );
    }
    is_there
}

/// What a program printed, and whether it ended well.
fn run(program: [&str; 2], args: &[&str]) -> (bool, Vec<u8>, String) {
    let output = peer(program, args).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), output.stdout, complaints)
}

/// The entries that are tried at the ends of what can be: an empty one, and the longest.
fn entry(number: u64) -> Vec<u8> {
    match number {
        3 => Vec::new(),
        4 => vec![b'x'; MAX_ENTRY],
        _ => format!(r#"{{"payload":{number}}}"#).into_bytes(),
    }
}

fn secret() -> LogSecret {
    LogSecret::new(ORIGIN, &[1; 32]).unwrap()
}

fn witnesses() -> [WitnessSecret; 3] {
    [2, 3, 4].map(|seed| WitnessSecret::new(&format!("witness.example/{seed}"), &[seed; 32]).unwrap())
}

/// A log as a server keeps it, that grew from size to size, and each of its trees.
fn stored() -> (TempDir, Vec<Tree>) {
    let folder = TempDir::new().unwrap();
    let (mut writer, mut trees) = (Writer::new(), Vec::new());
    for size in SIZES {
        let entries: Vec<Vec<u8>> = (writer.tree().size()..size).map(entry).collect();
        let growth = writer.append(&entries).unwrap();
        for (path, bytes) in growth.files {
            let file = folder.path().join(path.to_string());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        let mut note = secret().checkpoint(growth.tree, TIME);
        for (witness, time) in witnesses().iter().zip(TIME..) {
            note.push(witness.cosign(&note, time));
        }
        for name in ["checkpoint", &format!("checkpoint.{size}")] {
            fs::write(folder.path().join(name), note.to_string()).unwrap();
        }
        trees.push(growth.tree);
    }
    (folder, trees)
}

/// What aics-tlog is told about the log, after these words.
fn asked(folder: &Path, words: &[&str]) -> Vec<String> {
    let log = secret().public().to_string();
    let mut all: Vec<String> = words.iter().map(ToString::to_string).collect();
    all.extend(["--tiles".to_owned(), folder.to_str().unwrap().to_owned()]);
    all.extend(["--log-key".to_owned(), log]);
    for witness in witnesses() {
        all.extend(["--witness-key".to_owned(), witness.public().to_string()]);
    }
    all.extend(["--quorum", "3", "--origin", ORIGIN].map(str::to_owned));
    all
}

fn aics(folder: &Path, words: &[&str]) -> (bool, String) {
    let asked = asked(folder, words);
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let (ok, said, complaints) = run(AICS, &asked);
    (ok, String::from_utf8_lossy(&said).into_owned() + &complaints)
}

#[test]
fn aics_tlog_finds_the_entries_where_they_are() {
    if !is_there("aics_tlog_finds_the_entries_where_they_are", AICS) {
        return;
    }
    let (log, _) = stored();
    let out = log.path().join("entry");
    for index in [0, 3, 4, 255, 256, 69_999] {
        let (ok, said) = aics(
            log.path(),
            &[
                "verify-inclusion",
                "--index",
                &index.to_string(),
                "--entry-out",
                out.to_str().unwrap(),
            ],
        );
        assert!(ok, "{index}: {said}");
        assert_eq!(fs::read(&out).unwrap(), entry(index));
    }
}

#[test]
fn aics_tlog_sees_that_the_log_only_grew() {
    if !is_there("aics_tlog_sees_that_the_log_only_grew", AICS) {
        return;
    }
    let (log, _) = stored();
    for size in SIZES {
        let old = log.path().join(format!("checkpoint.{size}"));
        let (ok, said) = aics(
            log.path(),
            &["verify-consistency", "--old-checkpoint", old.to_str().unwrap()],
        );
        assert!(ok, "{size}: {said}");
    }
}

#[test]
fn aics_tlog_refuses_an_altered_tile_and_a_missing_witness() {
    if !is_there("aics_tlog_refuses_an_altered_tile_and_a_missing_witness", AICS) {
        return;
    }
    let (log, _) = stored();
    let question = ["verify-inclusion", "--index", "7"];
    assert!(aics(log.path(), &question).0);
    let tile = log.path().join("tile/0/000");
    let honest = fs::read(&tile).unwrap();
    let mut altered = honest.clone();
    altered[7 * 32] ^= 1;
    fs::write(&tile, altered).unwrap();
    assert!(!aics(log.path(), &question).0);
    fs::write(&tile, honest).unwrap();
    let checkpoint = log.path().join("checkpoint");
    let text = fs::read_to_string(&checkpoint).unwrap();
    let less: Vec<&str> = text.lines().filter(|line| !line.contains("example/3")).collect();
    fs::write(&checkpoint, less.join("\n") + "\n").unwrap();
    assert!(!aics(log.path(), &question).0);
}

#[test]
fn aics_tlog_writes_the_same_files() {
    if !is_there("aics_tlog_writes_the_same_files", AICS) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let leaves = folder.path().join("leaves");
    let lines: Vec<String> = (0..1_000).map(|number| format!("entry {number}")).collect();
    fs::write(&leaves, lines.join("\n") + "\n").unwrap();
    let out = folder.path().join("log");
    let args = [
        "append-tiles",
        "--no-fsync",
        "--size",
        "0",
        "--out",
        out.to_str().unwrap(),
    ];
    let (ok, said, complaints) = run(
        AICS,
        &[&args[..], &["--leaves", leaves.to_str().unwrap()]].concat(),
    );
    assert!(ok, "{complaints}");
    let growth = Writer::new().append(&lines).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains(&growth.tree.root().to_string()), "{said}");
    let mut fetched = Fetched::new();
    for (path, bytes) in growth.files {
        let theirs = fs::read(out.join(path.to_string())).unwrap();
        assert_eq!(theirs, bytes, "{path}");
        fetched.insert(path, theirs);
    }
    // And what they wrote is read.
    let mut reader = Entries::new(growth.tree, 0..1_000).unwrap();
    let mut read = Vec::new();
    while let Progress::Done(Some(batch)) = reader.next(&fetched).unwrap() {
        read.extend(
            batch
                .entries
                .iter()
                .map(|entry| String::from_utf8(entry.to_vec()).unwrap()),
        );
    }
    assert_eq!(read, lines);
}

#[test]
fn tlog_scales_reads_entries_and_its_proofs_are_accepted() {
    if !is_there("tlog_scales_reads_entries_and_its_proofs_are_accepted", SCALES) {
        return;
    }
    let (log, trees) = stored();
    let place = log.path().to_str().unwrap();
    let keys = witnesses().map(|witness| witness.public()).to_vec();
    let policy = Policy::new(ORIGIN, secret().public(), keys, 3).unwrap();
    let fetched: Fetched = files(0, 70_000)
        .map(|path| (path, fs::read(log.path().join(path.to_string())).unwrap()))
        .collect();
    let tree = trees[SIZES.len() - 1];
    for index in [0, 3, 4, 255, 256, 69_999] {
        let number = index.to_string();
        let (ok, leaf, complaints) = run(SCALES, &["get-leaf", "-c", place, &number]);
        assert!(ok, "{index}: {complaints}");
        assert_eq!(leaf, entry(index), "{index}");

        let (ok, file, complaints) = run(SCALES, &["gen-proof", place, &number]);
        assert!(ok, "{index}: {complaints}");
        let proof = Proof::parse(&file).unwrap();
        let hashes = fetch::inclusion_proof(tree, index, &fetched).unwrap();
        assert_eq!(Progress::Done(proof.hashes.clone()), hashes, "{index}");
        // Their file has the checkpoint's text without its signatures: ours has them.
        let signed = fs::read(log.path().join("checkpoint")).unwrap();
        assert!(signed.starts_with(proof.checkpoint.trim_ascii_end()), "{index}");
        let proof = Proof {
            checkpoint: signed,
            ..proof
        };
        let opened = proof.verify(&policy, &entry(index), TIME + 60).unwrap();
        assert_eq!((opened.tree, opened.time), (tree, TIME));
        assert!(fetch::inclusion(tree, index, Hash::EMPTY, &fetched).is_err());
    }
}
