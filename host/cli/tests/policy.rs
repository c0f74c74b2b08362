//! The destination policy, through the binary: a hostile guest gets nowhere, and the same guest gets through where the
//! user lets it, so that the listeners and rules below are known to notice.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest};

const DENIED: &str = "unknown_failure: denied by destination policy";
const INPUT: &str = "http://example.com/";

/// Where a way out would lead, in the lab: the censor counts the flows that go there, and swallows them.
const INSIDE: [&str; 22] = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "224.0.0.251",
    "198.18.0.1",
    "192.0.2.1",
    "240.0.0.1",
    "23.215.0.132",
    "23.192.228.81",
    "8.8.8.8",
    "64:ff9b::c0a8:101",
    "64:ff9b:1:c0a8:1:100::",
    "64:ff9b::7f00:1",
    "2002:c0a8:101::1",
    "2001:0:808:808::3f57:fefe",
    "2606:4700::5efe:c0a8:101",
    "fd00::1",
    "fd00:ec2::254",
    "2001:db8::1",
];

/// A target that is redirected inside, a name whose answers lead inside, and a censor that counts.
fn scenario() -> String {
    let mut text = String::from(
        r#"
[resolver]
lies = { "rebind.example" = { dns = ["127.0.0.1", "169.254.169.254", "130.192.91.211"] } }

[[host]]
name = "example.com"
addresses = ["23.192.228.80"]
http = [80]
status = 302
headers = { Location = "http://192.168.1.1/" }

[[host]]
name = "v6.example"
addresses = ["2001:4860:4860::8888"]
"#,
    );
    let rule = |inside| format!("[[rule]]\nwhen = {{ endpoint = \"{inside}\" }}\ndo = \"drop\"\n");
    text.extend(INSIDE.map(rule));
    text
}

fn script(probe: &Probe, options: &Value) -> std::path::PathBuf {
    std::fs::write(probe.path("escape.wasm"), netsonde_test_guests::wasm("escape")).unwrap();
    let targets = json!([{"input": INPUT, "options": options}]);
    probe.script(&json!([nettest(
        "escape",
        &json!({"suite_name": "experimental", "targets": targets})
    )]))
}

/// What became of each way, as (way, failure).
fn ways(probe: &Probe) -> Vec<(String, Option<String>)> {
    let report = probe.report();
    let ways = report[0]["test_keys"]["ways"].as_array().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    ways.iter()
        .map(|way| (text(&way["way"]).unwrap(), text(&way["failure"])))
        .collect()
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_hostile_guest_finds_no_way_out() {
    let probe = Probe::new();
    let scenario = probe.write("scenario.toml", &scenario());
    let script = script(&probe, &json!({"also": ["rebind.example"]}));
    let more = ["--json", "--module", "escape.wasm"];
    let Some(output) = probe.runx_in_lab(&scenario, &script, &more) else {
        return;
    };
    assert_exit(&output, 0);
    let ways = ways(&probe);
    let (honest, others) = ways.split_first().unwrap();
    assert_eq!(
        *honest,
        ("the input itself".to_owned(), None),
        "what it may do, it can"
    );
    for (way, failure) in others {
        assert_eq!(failure.as_deref(), Some(DENIED), "{way}");
    }
    let kinds: BTreeSet<_> = others.iter().map(|(way, _)| way.as_str()).collect();
    assert!(kinds.len() >= 50, "{} kinds of ways: {kinds:#?}", kinds.len());
    for way in [
        "a redirect",
        "a mini nettest",
        "an answer that leads inside",
        "multicast DNS",
    ] {
        assert!(kinds.contains(way), "{way} was not tried");
    }
    assert_eq!(probe.hits(), 0, "no packet went to any of them");

    // Each refusal is an observation, the user hears of it, and the measurement tells no reason.
    let report = probe.report();
    let keys = &report[0]["test_keys"];
    let denied = |kind: &str, pointer: &str| {
        let list = keys[kind].as_array().unwrap();
        list.iter()
            .filter(|entry| entry.pointer(pointer).is_some_and(|code| code == DENIED))
            .count()
    };
    let lookups = kinds
        .iter()
        .filter(|way| way.contains("name") || way.contains("number"))
        .count();
    assert!(denied("tcp_connect", "/status/failure") > 50);
    assert!(denied("queries", "/failure") >= lookups.min(8));
    assert!(!report[0].to_string().contains("(private)"));
    let events = events(&output);
    let summary = events.last().unwrap();
    assert!(summary["refused"].as_u64().unwrap() >= 50, "{summary}");
    let measured = events
        .iter()
        .find(|event| event["event"] == "measurement")
        .unwrap();
    let refused = measured["refused"].as_array().unwrap();
    let printer = refused
        .iter()
        .find(|refused| refused["destination"] == "192.168.1.1:80")
        .unwrap();
    assert_eq!(printer["why"], "a private network (private)");
}

#[test]
fn the_same_guest_goes_where_the_script_names_it_and_the_user_allows_it() {
    let probe = Probe::new();
    let scenario = probe.write("scenario.toml", &scenario());
    let script = script(&probe, &json!({"also": INSIDE}));
    let mut more = vec!["--json", "--module", "escape.wasm"];
    for kind in ["private", "link-local", "metadata", "multicast", "reserved"] {
        more.extend(["--allow-destination", kind]);
    }
    let Some(output) = probe.runx_in_lab(&scenario, &script, &more) else {
        return;
    };
    assert_exit(&output, 0);
    assert!(probe.hits() >= 12, "{} flows", probe.hits());
    let through: Vec<_> = ways(&probe)
        .into_iter()
        .filter(|(_, failure)| failure.as_deref() != Some(DENIED))
        .collect();
    assert!(through.len() >= 12, "{through:#?}");
    for closed in ["loopback", "no address", "the device itself", "broadcast"] {
        assert!(through.iter().all(|(way, _)| way != closed), "{closed}");
    }
}

#[test]
fn no_spelling_of_this_machine_reaches_a_listener_unless_the_user_allows_it() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = || {
        listener.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| listener.accept().ok()).count()
    };
    let probe = Probe::new();
    let script = script(
        &probe,
        &json!({"port": port, "also": ["127.0.0.1", "::1", "0.0.0.0"]}),
    );
    let run = |allowed: &[&str]| {
        let mut command = probe.netsonde();
        command
            .args(["runx", "--location-file", "location.jsonc", "-o", "report.jsonl"])
            .args(["--module", "escape.wasm", "--script-file"])
            .arg(&script);
        for kind in allowed {
            command.args(["--allow-destination", kind]);
        }
        std::fs::write(probe.path("report.jsonl"), "").unwrap();
        assert_exit(&command.output().unwrap(), 0);
        ways(&probe)
    };
    let ways = run(&[]);
    assert!(ways.len() >= 13 && ways.iter().all(|(_, failure)| failure.as_deref() == Some(DENIED)));
    assert_eq!(accepted(), 0);
    // What the user allows is reached where it is named, in both spellings of one address, and nothing else is.
    run(&["loopback"]);
    assert_eq!(accepted(), 2);
    run(&["loopback", "unspecified"]);
    assert!(accepted() > 2);
}

#[test]
fn a_scan_of_ports_ends_the_guest() {
    let probe = Probe::new();
    let scenario = probe.write("scenario.toml", &scenario());
    let script = script(&probe, &json!({"scan": true}));
    let more = ["--json", "--module", "escape.wasm"];
    let Some(output) = probe.runx_in_lab(&scenario, &script, &more) else {
        return;
    };
    assert_exit(&output, 4);
    let report = probe.report();
    let error = report[0]["test_keys"]["x_netsonde_error"].to_string();
    assert!(error.contains("ports of one address"), "{error}");
    assert_eq!(
        report[0]["test_keys"]["tcp_connect"].as_array().unwrap().len(),
        16
    );
    let usage: Value =
        serde_json::from_str(report[0]["annotations"]["netsonde_usage"].as_str().unwrap()).unwrap();
    assert_eq!(usage["ports"], json!([16, 16]));
}
