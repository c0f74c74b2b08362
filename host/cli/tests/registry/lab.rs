//! With a censored network and no registry to be reached, or only a stale copy of one, the probe still measures.

use serde_json::{Value, json};

use crate::guest::{module, script};
use crate::probe::{add, netsonde};
use crate::support::{Probe, assert_exit, in_lab, nettest, scenario};
use crate::world::{World, now};

const RUN: [&str; 4] = ["run", "--location-file", "location.jsonc", "--json"];

/// `run` in the lab: what it said to people, and the measurements. None, loudly, where there is no lab.
fn run_in_lab(probe: &Probe, more: &[&str]) -> Option<(String, Vec<Value>)> {
    let mut command = probe.lab(&scenario("sni-rst"));
    command.arg(env!("CARGO_BIN_EXE_netsonde")).args(RUN).args(more);
    let output = in_lab(command)?;
    assert_exit(&output, 0);
    let said = String::from_utf8(output.stderr).unwrap();
    Some((said, probe.report()))
}

/// A script that looks at a website whose name the censor of the lab resets, and at one whose it does not.
fn websites() -> String {
    let targets = json!([{"input": "https://web.telegram.org/"}, {"input": "https://example.org/"}]);
    let with = json!({"suite_name": "websites", "targets": targets});
    json!({"v": 2, "instructions": [nettest("urlgetter", &with)]}).to_string()
}

fn failures(measurements: &[Value]) -> Vec<&Value> {
    let keys = measurements.iter().map(|measurement| &measurement["test_keys"]);
    keys.map(|keys| &keys["failure"]).collect()
}

#[test]
fn with_the_registry_gone_the_probe_measures_what_it_was_told_last() {
    let (probe, mut world) = (Probe::new(), World::new());
    world.script("online", &websites());
    add(&probe, &world, &[&world.file_url()]).done();
    let Some((said, measurements)) = run_in_lab(&probe, &[]) else {
        return;
    };
    assert!(said.contains("runs the online script: `online`"), "{said}");
    assert_eq!(
        failures(&measurements),
        [&json!("connection_reset"), &Value::Null]
    );
    assert_eq!(measurements[0]["annotations"]["netsonde_script_source"], "online");
    // A copy that nobody renews.
    world.sign(now() - 3600);
    let Some((said, measurements)) = run_in_lab(&probe, &[]) else {
        return;
    };
    assert!(said.contains("it is frozen"), "{said}");
    assert!(
        said.contains("runs the online script of the last check-in"),
        "{said}"
    );
    assert_eq!(
        failures(&measurements[2..]),
        [&json!("connection_reset"), &Value::Null]
    );
    assert_eq!(measurements[2]["annotations"]["netsonde_script_source"], "cached");
    // No copy at all.
    std::fs::remove_dir_all(world.public()).unwrap();
    let Some((said, measurements)) = run_in_lab(&probe, &[]) else {
        return;
    };
    assert!(
        said.contains("runs the online script of the last check-in"),
        "{said}"
    );
    assert_eq!(measurements.len(), 6);
    netsonde(&probe, &["why", "report.jsonl"])
        .done()
        .says("script.publish online");
}

#[test]
fn a_probe_that_was_never_told_anything_measures_by_the_script_in_it() {
    let (probe, world) = (Probe::new(), World::new());
    let url = world.file_url();
    add(&probe, &world, &[&url]).done();
    std::fs::remove_dir_all(world.public()).unwrap();
    let Some((said, measurements)) = run_in_lab(&probe, &["--only-nettest", "telegram"]) else {
        return;
    };
    assert!(said.contains(&format!("{url}: get log/checkpoint")), "{said}");
    assert!(said.contains("runs the script in this program"), "{said}");
    let [telegram] = &measurements[..] else {
        panic!("{measurements:?}")
    };
    assert_eq!(telegram["test_keys"]["telegram_web_failure"], "connection_reset");
    assert_eq!(telegram["annotations"]["netsonde_script_source"], "built-in");
    netsonde(&probe, &["why", "report.jsonl"])
        .done()
        .says("it is in the program that measured");
}

#[test]
fn a_module_from_a_copy_of_the_registry_runs_in_the_lab_by_check_in() {
    let (probe, mut world) = (Probe::new(), World::new());
    world.release(&module("deep", "1.0.0"));
    world.script("online", &script("deep"));
    add(&probe, &world, &[&world.file_url()]).done();
    let settings = probe.write("settings.toml", "[registry]\nring0 = true\n");
    let Some((said, measurements)) = run_in_lab(&probe, &["--settings-file", settings.to_str().unwrap()])
    else {
        return;
    };
    assert!(
        said.contains("fetched deep 1.0.0 from registry-example"),
        "{said}"
    );
    assert_eq!(measurements[0]["annotations"]["netsonde_module_index"], "1");
    netsonde(&probe, &["why", "report.jsonl"])
        .done()
        .says("module.release deep 1.0.0");
}
