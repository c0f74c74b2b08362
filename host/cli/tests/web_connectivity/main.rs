//! `web_connectivity`, end to end, in the fifty scenarios that upstream tests it with: the binary, in the lab, with the test
//! helper as a program of its own, and each time fourteen keys of the measurement, to the letter.
//!
//! Much of it is waiting for what never comes, so several scenarios run at once. To run some only, name their numbers:
//! `NETSONDE_SCENARIOS=12,36 cargo test --package netsonde --test web_connectivity`.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../../../net/tests/loopback/mmdb.rs"]
mod mmdb;
#[path = "../support/mod.rs"]
mod support;

mod android;
mod expected;
mod helper;
mod rows;
mod run;

use rows::{ROWS, Row};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many scenarios run at once.
const AT_ONCE: usize = 6;
/// Numbers of scenarios, for who wants some only.
const CHOICE: &str = "NETSONDE_SCENARIOS";

#[test]
fn measurements_say_what_upstreams_say() {
    if let Err(why) = netsonde_lab::available() {
        assert!(
            std::env::var_os("NETSONDE_REQUIRE_LAB").is_none(),
            "there is no lab: {why}"
        );
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED web_connectivity: {why}");
        return;
    }
    let programs = run::Programs::find();
    let chosen = chosen();
    let wrong = Mutex::new(Vec::new());
    let check = |row: &Row| {
        if let Err(why) = run::check(row, &programs) {
            let complaint = format!("{:02} {} of {}\n{why}", row.number, row.name, row.input);
            wrong.lock().unwrap().push((row.number, complaint));
        }
    };
    // A quick one alone fills the cache of compiled modules for all others.
    if let Some((quick, rest)) = chosen.split_last() {
        check(quick);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(row) = rest.get(next.fetch_add(1, Ordering::Relaxed)) {
                        check(row);
                    }
                });
            }
        });
    }
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    let complaints: Vec<_> = wrong.iter().map(|(_, complaint)| complaint.as_str()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} are not as they should be:\n\n{}",
        wrong.len(),
        chosen.len(),
        complaints.join("\n\n")
    );
}

/// The rows to run: slow ones early, so that nobody waits for one alone at the end.
fn chosen() -> Vec<&'static Row> {
    let numbers = std::env::var(CHOICE).ok();
    let numbers: Option<BTreeSet<u32>> = numbers.map(|numbers| {
        numbers
            .split(',')
            .map(|number| number.trim().parse().unwrap())
            .collect()
    });
    let is_chosen = |row: &&Row| {
        numbers
            .as_ref()
            .is_none_or(|numbers| numbers.contains(&row.number))
    };
    let mut chosen: Vec<_> = ROWS.iter().filter(is_chosen).collect();
    chosen.sort_by_key(|row| !row.is_slow());
    chosen
}

#[test]
fn each_row_has_its_scenario_and_each_scenario_its_row() {
    let folder = support::root().join("examples/scenarios/web_connectivity");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: BTreeSet<String> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for row in &ROWS {
        let file = row.scenario();
        let path = support::scenario(&format!("web_connectivity/{file}"));
        assert!(files.remove(&format!("{file}.toml")), "{file}");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(&format!("web_connectivity of {}\n", row.input)),
            "{file}"
        );
    }
    assert_eq!(files, BTreeSet::from(["internet.toml".to_owned()]));
}

#[test]
fn the_example_script_is_read_without_a_warning() {
    let script = support::root().join("examples/scripts/web_connectivity.jsonc");
    let probe = support::Probe::new();
    let output = probe.netsonde().arg("check-script").arg(script).output().unwrap();
    support::assert_exit(&output, 0);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
