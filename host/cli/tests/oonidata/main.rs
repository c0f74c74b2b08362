//! Measurements of ours, turned into observations by OONI's own code: `oonidata`, which shares none with us.
//!
//! Skipped, loudly, where it is absent: `pip install oonidata==0.2.3` for the Python that `NETSONDE_PYTHON` names (`python3`
//! when it names none). With a later release the measurements are read into its types only, which is said.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Probe, assert_exit, nettest, root, scenario};

/// What the release of `oonidata` that is installed can do.
#[derive(Clone, Copy, PartialEq)]
enum Installed {
    /// It makes observations.
    Observations,
    /// It has only the types of measurements.
    Types,
}

fn python() -> Command {
    Command::new(std::env::var_os("NETSONDE_PYTHON").unwrap_or_else(|| OsString::from("python3")))
}

/// What is installed; if nothing is, says that the test is skipped.
fn installed(test: &str) -> Option<Installed> {
    let has = |module: &str| {
        let output = python().args(["-c", &format!("import {module}")]).output();
        output.is_ok_and(|output| output.status.success())
    };
    if has("oonidata.observations") {
        return Some(Installed::Observations);
    }
    let there = has("oonidata.models.nettests").then_some(Installed::Types);
    let why = if there.is_some() {
        "only its half: this oonidata makes no observations"
    } else {
        "there is no oonidata"
    };
    // Written, not printed: of a test that passes libtest shows nothing that is printed.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: {why}; pip install oonidata==0.2.3, and name the Python in NETSONDE_PYTHON"
    );
    there
}

/// What is made of each measurement.
fn observed(measurements: &[Value], what: &[&str]) -> Vec<Value> {
    let mut child = python()
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oonidata/observe.py"))
        .args(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = measurements.iter().map(ToString::to_string).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.join("\n").as_bytes()));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    writer.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Hold what is made of measurements against what they say.
fn check(test: &str, installed: Installed, measurements: &[Value]) {
    let what: &[&str] = match installed {
        Installed::Observations => &[],
        Installed::Types => &["types"],
    };
    let all = observed(measurements, what);
    assert_eq!(all.len(), measurements.len());
    for (measurement, seen) in measurements.iter().zip(&all) {
        let which = format!("{test}: {} {}", measurement["test_name"], measurement["input"]);
        assert_eq!(seen["complaints"], json!([]), "{which}");
        let keys = &measurement["test_keys"];
        match installed {
            Installed::Observations => assert_same(&which, keys, seen),
            Installed::Types => assert_read(&which, keys, seen),
        }
    }
}

/// Whether each list was read whole.
fn assert_read(which: &str, keys: &Value, seen: &Value) {
    for (kind, count) in seen.as_object().unwrap() {
        if kind != "complaints" {
            assert_eq!(*count, list(keys, kind).len(), "{which}: {kind}");
        }
    }
    assert!(
        seen.get("queries").is_some() && seen.get("tcp_connect").is_some(),
        "{which}: {seen}"
    );
}

/// Whether the observations are those of the measurement: as many, of the same endpoints and names, with the same ends.
fn assert_same(which: &str, keys: &Value, seen: &Value) {
    let answers = list(keys, "queries").iter().flat_map(|query| {
        let answers = query["answers"].as_array().map_or(1, Vec::len);
        std::iter::repeat_n((&query["hostname"], &query["failure"]), answers)
    });
    let names = list(seen, "dns")
        .iter()
        .map(|dns| (&dns["domain_name"], &dns["failure"]));
    assert!(answers.eq(names), "{which}: dns: {seen}");

    let connects = list(keys, "tcp_connect");
    let connects = connects
        .iter()
        .map(|tcp| (&tcp["ip"], &tcp["port"], &tcp["status"]["failure"]));
    let same = list(seen, "tcp")
        .iter()
        .map(|tcp| (&tcp["ip"], &tcp["port"], &tcp["failure"]));
    assert!(connects.eq(same), "{which}: tcp: {seen}");

    let handshakes = list(keys, "tls_handshakes");
    assert_eq!(handshakes.len(), list(seen, "tls").len(), "{which}: tls");
    for (ours, theirs) in handshakes.iter().zip(list(seen, "tls")) {
        assert_eq!(ours["failure"], theirs["failure"], "{which}: {theirs}");
        assert_eq!(ours["server_name"], theirs["server_name"], "{which}: {theirs}");
        // This release does not know transactions: of steps that ran at the same time it may take another's endpoint.
        let endpoint = (&theirs["ip"], &theirs["port"]);
        let mut connects = list(keys, "tcp_connect").iter();
        assert!(
            connects.any(|tcp| (&tcp["ip"], &tcp["port"]) == endpoint),
            "{which}: {theirs}"
        );
        assert!(
            theirs["tls_handshake_time"].is_number(),
            "{which}: no events were found for {theirs}"
        );
        let is_valid = &theirs["is_certificate_valid"];
        let failure = ours["failure"].as_str();
        match failure {
            None => assert_eq!(is_valid, true, "{which}: {theirs}"),
            Some(failure) if failure.starts_with("ssl_") => assert_eq!(is_valid, false, "{which}: {theirs}"),
            Some(_) => {}
        }
        if failure.is_none() {
            assert!(
                theirs["end_entity_certificate_fingerprint"].is_string(),
                "{which}: {theirs}"
            );
        }
    }

    let requests = list(keys, "requests");
    assert_eq!(requests.len(), list(seen, "http").len(), "{which}: http");
    for (ours, theirs) in requests.iter().zip(list(seen, "http")) {
        assert_eq!(ours["request"]["url"], theirs["request_url"], "{which}: {theirs}");
        assert_eq!(ours["failure"], theirs["failure"], "{which}: {theirs}");
        assert_eq!(
            ours["response"]["code"], theirs["response_status_code"],
            "{which}: {theirs}"
        );
        assert!(theirs["runtime"].is_number(), "{which}: {theirs}");
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// What a script measures in a scenario; None where there is no lab.
fn measured(scenario_name: &str, script: impl FnOnce(&Probe) -> std::path::PathBuf) -> Option<Vec<Value>> {
    let probe = Probe::new();
    let script = script(&probe);
    let output = probe.runx_in_lab(&scenario(scenario_name), &script, &[])?;
    assert_exit(&output, 0);
    Some(probe.report())
}

#[test]
fn urlgetter_under_each_kind_of_interference() {
    let test = "urlgetter_under_each_kind_of_interference";
    let Some(installed) = installed(test) else { return };
    let targets = [
        ("https://example.com/", json!({})),
        ("http://example.com/", json!({})),
        (
            "https://example.org/",
            json!({"ResolverURL": "udp://192.0.2.53:53"}),
        ),
        ("dnslookup://example.org", json!({})),
        ("tcpconnect://example.com:443", json!({})),
    ];
    let mut measurements = Vec::new();
    for scenario_name in [
        "clean",
        "nxdomain",
        "tcp-refused",
        "sni-rst",
        "cert-expired",
        "cert-unknown-authority",
        "cert-wrong-host",
        "http-blockpage",
        "http-cut",
    ] {
        let Some(more) = measured(scenario_name, |probe| probe.urlgetter(&targets)) else {
            return;
        };
        assert_eq!(more.len(), targets.len());
        measurements.extend(more);
    }
    let any = |kind: &str| {
        measurements
            .iter()
            .any(|measurement| !list(&measurement["test_keys"], kind).is_empty())
    };
    for kind in ["queries", "tcp_connect", "tls_handshakes", "requests"] {
        assert!(any(kind), "{kind}");
    }
    check(test, installed, &measurements);
}

#[test]
fn the_example_script_with_telegram() {
    let test = "the_example_script_with_telegram";
    let Some(installed) = installed(test) else { return };
    for scenario_name in ["clean", "sni-rst"] {
        let script = root().join("examples/scripts/telegram-urlgetter.jsonc");
        let Some(measurements) = measured(scenario_name, |_| script) else {
            return;
        };
        assert!(list(&measurements[0]["test_keys"], "requests").len() >= 12);
        check(test, installed, &measurements);
    }
}

#[test]
fn the_messaging_nettests_with_their_own_lists() {
    let test = "the_messaging_nettests_with_their_own_lists";
    let Some(installed) = installed(test) else { return };
    for (name, scenario_name, connects) in [
        ("telegram", "telegram-dc-reset", 12),
        ("whatsapp", "whatsapp-clean", 12),
        ("whatsapp", "whatsapp-web-sni-reset", 12),
        ("facebook_messenger", "facebook-messenger-clean", 6),
        ("facebook_messenger", "facebook-messenger-dns-poison", 6),
    ] {
        let script = json!([nettest(name, &json!({"suite_name": "im"}))]);
        let Some(measurements) = measured(scenario_name, |probe| probe.script(&script)) else {
            return;
        };
        assert!(list(&measurements[0]["test_keys"], "tcp_connect").len() >= connects);
        check(test, installed, &measurements);
    }
}

#[test]
fn web_connectivity_without_a_test_helper() {
    let test = "web_connectivity_without_a_test_helper";
    let Some(installed) = installed(test) else { return };
    let script = json!([nettest(
        "web_connectivity",
        &json!({
            "suite_name": "websites",
            "targets": [{"input": "https://example.com/"}, {"input": "http://example.org/"}],
        })
    )]);
    for scenario_name in ["clean-everything", "sni-rst"] {
        let Some(measurements) = measured(scenario_name, |probe| probe.script(&script)) else {
            return;
        };
        assert_eq!(measurements.len(), 2);
        for measurement in &measurements {
            let keys = &measurement["test_keys"];
            assert!(!list(keys, "queries").is_empty() && !list(keys, "tcp_connect").is_empty());
        }
        check(test, installed, &measurements);
    }
}
