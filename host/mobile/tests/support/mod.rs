//! What the tests share: the lab, settings of tasks in it, and what their events have to be.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use netsonde_lab::{Lab, Scenario};
use serde_json::{Value, json};

/// The program that serves.
const HELPER: &str = "netsonde-registry";

/// The scenarios of each nettest: clean, and censored.
pub(crate) const TELEGRAM: [&str; 2] = ["clean", "telegram-dc-reset"];
pub(crate) const WEBSITES: [&str; 2] = [
    "web_connectivity/41-successWithHTTPS",
    "web_connectivity/46-tlsBlockingConnectionResetWithConsistentDNS",
];

/// The website of the latter.
pub(crate) const WEBSITE: &str = "https://www.example.com/";

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The lab of one of `examples/scenarios`.
pub(crate) fn lab(name: &str) -> Lab {
    Lab::start(&scenario(name)).unwrap()
}

/// The clean lab of the websites, and the clean hosts of Telegram in it.
pub(crate) fn clean_lab() -> Lab {
    let mut both = scenario(WEBSITES[0]);
    let hosts = scenario(TELEGRAM[0]).hosts.into_iter();
    both.hosts
        .extend(hosts.filter(|host| host.name.contains("telegram")));
    Lab::start(&both).unwrap()
}

/// One of `examples/scenarios`. Test helpers in it are found wherever they were built.
fn scenario(name: &str) -> Scenario {
    let path = root().join("examples/scenarios").join(format!("{name}.toml"));
    let mut scenario = Scenario::load(&path).unwrap();
    for run in scenario.hosts.iter_mut().filter_map(|host| host.run.as_mut()) {
        for word in &mut run.command {
            if word.contains(HELPER) {
                *word = word.replace(HELPER, helper().to_str().unwrap());
            }
        }
    }
    scenario
}

/// The program with the test helper and the registry. It is built where it is not there: `cargo test --workspace` does that, but a test of this crate alone does not.
pub(crate) fn helper() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let program = folder.join(HELPER);
    if !program.is_file() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--package", HELPER, "--target-dir"]);
        build.arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.status().unwrap();
        assert!(status.success(), "{build:?}: {status}");
    }
    program
}

/// A state directory for all tests that do not look at what is in it, so that each module is compiled once.
pub(crate) fn shared_state() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("state")
}

/// Settings of a task in a lab.
fn settings(lab: &Lab, nettest: &str, inputs: &[&str]) -> Value {
    let with_category = inputs
        .iter()
        .map(|_| json!({"category_code": "NEWS", "country_code": "IT"}));
    let helper = json!({"address": "https://0.th.ooni.org", "type": "https"});
    json!({
        "name": nettest,
        "version": 1,
        "inputs": inputs,
        "inputs_extra": with_category.collect::<Vec<_>>(),
        "state_dir": shared_state(),
        "temp_dir": shared_state().join("tmp"),
        "log_level": "WARNING",
        "options": {"no_collector": true, "software_name": "an-app", "software_version": "4.5.6"},
        "annotations": {"origin": "a test"},
        "location": {"ipv4": {
            "probe_ip": "130.192.91.211", "probe_asn": 137, "probe_cc": "IT", "probe_network_name": "GARR",
            "resolver_ip": "130.192.3.21", "resolver_asn": 137, "resolver_cc": "IT", "resolver_network_name": "GARR",
        }},
        "test_helpers": {"web-connectivity": [helper]},
        "extra_roots_pem": lab.ca_pem(),
    })
}

/// The settings of `telegram`.
pub(crate) fn telegram(lab: &Lab) -> Value {
    settings(lab, "telegram", &[])
}

/// The settings of `web_connectivity`.
pub(crate) fn web_connectivity(lab: &Lab) -> Value {
    settings(lab, "web_connectivity", &[WEBSITE])
}

/// Every event up to `task_terminated`, which is the last one.
pub(crate) fn events(mut next: impl FnMut() -> String) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    while events
        .last()
        .is_none_or(|event| event["key"] != "task_terminated")
    {
        events.push(serde_json::from_str(&next()).unwrap());
    }
    events
}

/// Whether a program that tests need is here. If not, that is said, loudly.
pub(crate) fn is_here(program: &str) -> bool {
    if Command::new(program).arg("--version").output().is_ok() {
        return true;
    }
    assert!(
        std::env::var_os("NETSONDE_REQUIRE_LAB").is_none(),
        "there is no {program}"
    );
    // Written, not printed: of a test that passes libtest shows nothing that is printed.
    let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {program}");
    false
}

/// What a program wrote, if it ended well.
pub(crate) fn succeeded(output: &Output, what: &str) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{what}: {}\n{said}{complained}",
        output.status
    );
    said
}

/// Run an app as the lab's client. Its events are the lines that it writes.
pub(crate) fn events_of(lab: &Lab, settings: &Value, command: &[&OsStr]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    let mut app = lab.command(command[0]);
    app.args(&command[1..]).arg(&file).current_dir(folder.path());
    let said = succeeded(&app.output().unwrap(), "the app");
    let mut lines = said.lines().map(str::to_owned);
    let events = events(|| lines.next().unwrap());
    assert_eq!(lines.next(), None);
    events
}

/// The keys of events.
pub(crate) fn keys(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["key"].as_str().unwrap())
        .collect()
}

/// The first value with a key.
pub(crate) fn value<'a>(events: &'a [Value], key: &str) -> &'a Value {
    let event = events.iter().find(|event| event["key"] == key);
    &event.unwrap_or_else(|| panic!("there is no {key}: {events:#?}"))["value"]
}

/// The one measurement of a task that went well: every event is there, in order, and says what it has to.
pub(crate) fn measurement(events: &[Value], input: &str) -> Value {
    let mut begin = vec!["status.queued", "status.started"];
    begin.extend(["status.progress"; 3]);
    begin.extend([
        "status.geoip_lookup",
        "status.resolver_lookup",
        "status.measurement_start",
    ]);
    let end = [
        "measurement",
        "status.measurement_done",
        "status.end",
        "task_terminated",
    ];
    let all = keys(events);
    assert_eq!(all[..begin.len()], begin, "{events:#?}");
    assert_eq!(all[all.len() - end.len()..], end, "{events:#?}");
    let between = &all[begin.len()..all.len() - end.len()];
    assert!(between.iter().all(|key| *key == "status.progress"), "{events:#?}");
    assert_progress(events, input);
    assert_eq!(
        *value(events, "status.geoip_lookup"),
        json!({"geoip_db": "", "probe_asn": "AS137", "probe_cc": "IT", "probe_ip": "130.192.91.211",
            "probe_network_name": "GARR"})
    );
    assert_eq!(
        *value(events, "status.resolver_lookup"),
        json!({"geoip_db": "", "resolver_asn": "AS137", "resolver_ip": "130.192.3.21",
            "resolver_network_name": "GARR"})
    );
    let mut start = json!({"idx": 0, "input": input});
    assert_eq!(*value(events, "status.measurement_done"), start);
    if !input.is_empty() {
        start["category_code"] = "NEWS".into();
        start["country_code"] = "IT".into();
    }
    assert_eq!(*value(events, "status.measurement_start"), start);
    let end = value(events, "status.end");
    assert_eq!(end["failure"], "");
    for way in ["downloaded_kb", "uploaded_kb"] {
        assert!(end[way].as_f64().unwrap() > 0.0, "{end}");
    }

    let told = value(events, "measurement");
    assert_eq!((&told["idx"], &told["input"]), (&json!(0), &json!(input)));
    let measurement: Value = serde_json::from_str(told["json_str"].as_str().unwrap()).unwrap();
    assert_eq!(netsonde_data::check::check(&measurement), [], "{measurement}");
    assert_eq!(measurement["software_name"], "an-app");
    assert_eq!(measurement["software_version"], "4.5.6");
    assert_eq!(measurement["annotations"]["origin"], "a test");
    assert!(
        !measurement.to_string().contains("130.192.91.211"),
        "the probe's address"
    );
    measurement
}

/// The progress bar goes one way, and says what is measured.
fn assert_progress(events: &[Value], input: &str) {
    let progress = events.iter().filter(|event| event["key"] == "status.progress");
    let progress: Vec<&Value> = progress.map(|event| &event["value"]).collect();
    let percentages: Vec<f64> = progress
        .iter()
        .map(|value| value["percentage"].as_f64().unwrap())
        .collect();
    assert!(percentages.is_sorted(), "{percentages:?}");
    assert!(
        percentages[..3]
            .iter()
            .zip([0.1, 0.2, 0.3])
            .all(|(is, was)| (is - was).abs() < 1e-9),
        "{percentages:?}"
    );
    assert!(
        percentages[3..].iter().all(|value| (0.4..=1.0).contains(value)),
        "{percentages:?}"
    );
    if !input.is_empty() {
        assert_eq!(progress[3]["message"], format!("processing {input}"));
    }
}

/// What telegram's measurement says in the clean lab, or where its data centres are reset.
pub(crate) fn assert_telegram(measurement: &Value, censored: bool) {
    let keys = &measurement["test_keys"];
    assert_eq!(keys["telegram_http_blocking"], censored, "{measurement}");
    assert_eq!(keys["telegram_tcp_blocking"], false);
    assert_eq!(keys["telegram_web_status"], "ok");
}

/// What the measurement of the website says in the clean lab, or where handshakes with its name are reset.
pub(crate) fn assert_website(measurement: &Value, censored: bool) {
    let keys = &measurement["test_keys"];
    let (accessible, blocking) = if censored {
        (false, json!("http-failure"))
    } else {
        (true, json!(false))
    };
    assert_eq!(keys["accessible"], accessible, "{measurement}");
    assert_eq!(keys["blocking"], blocking, "{measurement}");
    assert_eq!(keys["control_failure"], Value::Null);
}
