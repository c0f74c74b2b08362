//! Killed at any moment: what was acknowledged is there, and no checkpoint contradicts another.

use super::{assert_grown, entries, numbered, opened, secret};
use netsonde_registry::folder::Sequencer;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// In the environment of the process that is to be killed: the folder to write to.
const VICTIM: &str = "NETSONDE_TEST_VICTIM";
/// How often, and with how many entries at least in the end.
const KILLS: u32 = 40;
const ENTRIES: u64 = 60;
/// How many there are before: some more, and the first files are full.
const BEFORE: u64 = 240;

/// What the test kills: it adds entries until then, and says of each that it is there.
#[test]
fn victim() {
    let Some(folder) = std::env::var_os(VICTIM) else {
        return;
    };
    let mut log = Sequencer::open(Path::new(&folder), now()).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\nready").unwrap();
    for count in 0.. {
        let pid = std::process::id();
        let batch: Vec<_> = (0..=count % 3)
            .map(|part| format!("{pid} {count} {part}"))
            .collect();
        let appended = log.append(&batch, now()).unwrap();
        for (number, entry) in appended.numbers.zip(&batch) {
            writeln!(out, "ack {number} {entry}").unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_missing_and_the_log_never_forks() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("registry");
    let mut log = Sequencer::create(&registry, &secret(), now()).unwrap();
    let key = log.key();
    let mut before = log.append(&numbered(0..BEFORE), now()).unwrap().tree;
    drop(log);
    let mut acknowledged = Vec::new();
    let mut kills = 0;
    let is_enough =
        |size: u64, acknowledged: &[_]| size >= BEFORE + ENTRIES && acknowledged.len() as u64 >= ENTRIES / 2;
    while kills < KILLS || (!is_enough(before.size(), &acknowledged) && kills < 10 * KILLS) {
        acknowledged.extend(kill_after(&registry, moment(kills)));
        kills += 1;
        // As it was left, which is what clients see until somebody writes again.
        let left = opened(&registry, &key).tree;
        assert_grown(&registry, before, left);
        entries(&registry, left);
        before = left;
    }
    let tree = Sequencer::open(&registry, now()).unwrap().renew(now()).unwrap();
    assert_grown(&registry, before, tree);
    let all = entries(&registry, tree);
    assert!(all.len() as u64 >= BEFORE + ENTRIES, "only {} entries", all.len());
    for (number, entry) in &acknowledged {
        let found = all.get(*number).map(|entry| String::from_utf8_lossy(entry));
        assert_eq!(found.as_deref(), Some(entry.as_str()), "entry {number}");
    }
    assert!(
        acknowledged.len() as u64 >= ENTRIES / 2,
        "only {} acknowledged",
        acknowledged.len()
    );
}

/// Moments spread over what one entry takes, which is a few milliseconds, and over some of them; later ones over more, for
/// machines that take longer.
fn moment(kill: u32) -> Duration {
    let micros = Duration::from_micros(u64::from(kill.wrapping_mul(2_654_435_761) % 40_000));
    micros * (1 + kill / KILLS)
}

/// Let it write for a while, kill it, and say what it acknowledged.
fn kill_after(registry: &Path, moment: Duration) -> Vec<(usize, String)> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim", "--nocapture", "--test-threads=1"])
        .env(VICTIM, PathBuf::from(registry))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(victim.stdout.take().unwrap());
    let is_ready = Arc::new(Mutex::new(None));
    let told = Arc::clone(&is_ready);
    let reader = thread::spawn(move || {
        let mut acknowledged = Vec::new();
        for line in said.lines() {
            let line = line.unwrap();
            if line == "ready" {
                *told.lock().unwrap() = Some(Instant::now());
            } else if let Some(ack) = line.strip_prefix("ack ") {
                let (number, entry) = ack.split_once(' ').unwrap();
                acknowledged.push((number.parse().unwrap(), entry.to_owned()));
            }
        }
        acknowledged
    });
    let deadline = Instant::now() + Duration::from_secs(30);
    while is_ready.lock().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the victim does not start");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(moment);
    victim.kill().unwrap();
    victim.wait().unwrap();
    let mut acknowledged = reader.join().unwrap();
    // The last line may be torn.
    acknowledged.retain(|(_, entry): &(usize, String)| entry.split(' ').count() == 3);
    acknowledged
}

fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
