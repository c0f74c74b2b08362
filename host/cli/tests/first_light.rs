//! The whole idea at work: the demo, the seed's own script, interruption, and hostile guests beside good ones.

#![expect(clippy::indexing_slicing, reason = "test code")]

use std::io::Write as _;
mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Probe, assert_exit, in_lab, measurements, nettest, root, scenario};

const KINDS: [&str; 5] = [
    "tcp_connect",
    "queries",
    "tls_handshakes",
    "requests",
    "network_events",
];

#[test]
fn the_demo_shows_the_reset_and_nothing_else() {
    let probe = Probe::new();
    let mut command = probe.netsonde();
    command.arg("demo");
    let Some(output) = in_lab(command) else { return };
    assert_exit(&output, 0);
    let telegram = |name: &str| -> Value {
        let report = probe.path("netsonde-demo").join(format!("{name}.jsonl"));
        let mut measurements = measurements(&report).into_iter();
        measurements
            .find(|measurement| measurement["test_name"] == "telegram")
            .unwrap()["test_keys"]
            .clone()
    };
    let (clean, censored) = (telegram("clean"), telegram("censored"));
    for keys in [&clean, &censored] {
        for kind in KINDS {
            assert!(!keys[kind].as_array().unwrap().is_empty(), "{kind}");
        }
        assert_eq!(keys["telegram_http_blocking"], false);
        assert_eq!(keys["telegram_tcp_blocking"], false);
        assert_eq!(keys["failure"], Value::Null);
    }
    assert_eq!(clean["telegram_web_failure"], Value::Null);
    assert_eq!(clean["telegram_web_status"], "ok");
    assert_eq!(censored["telegram_web_failure"], "connection_reset");
    assert_eq!(censored["telegram_web_status"], "blocked");
    let failures: Vec<&str> = clean
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|entry| {
            entry["failure"]
                .as_str()
                .or_else(|| entry["status"]["failure"].as_str())
        })
        // The end of a stream is an event, and no failure of the measurement.
        .filter(|failure| *failure != "eof_error")
        .collect();
    assert_eq!(failures, Vec::<&str>::new(), "no failure at all without a censor");
    let verdict = String::from_utf8(output.stdout).unwrap();
    assert!(
        verdict.contains("connection_reset") && verdict.contains("CENSORED"),
        "{verdict}"
    );
    assert!(
        !String::from_utf8(output.stderr).unwrap().contains('\u{1b}'),
        "nothing animated without a terminal"
    );
}

#[test]
fn the_seeds_own_script_runs_to_its_end() {
    let scripts = root().join("../shared/fixtures/scripts");
    let script = scripts.join("seed_full.jsonc");
    if !script.exists() {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED the seed's script: {} is not there",
            script.display()
        );
        return;
    }
    let probe = Probe::new();
    std::fs::copy(scripts.join("seed_location.jsonc"), probe.path("location.jsonc")).unwrap();
    let Some(output) = probe.runx_in_lab(&scenario("clean"), &script, &["--json"]) else {
        return;
    };
    assert_exit(&output, 0);
    let events: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.last().unwrap()["event"], "script_ended");
    let skipped: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "skipped")
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    for name in ["dash", "ndt", "tor", "vanilla_tor"] {
        assert!(skipped.contains(&name), "{name} is not among {skipped:?}");
    }
    let report = probe.report();
    let of = |name: &str| -> Vec<&Value> {
        let named = |measurement: &&Value| measurement["test_name"] == name;
        report.iter().filter(named).collect()
    };
    for messaging in ["telegram", "whatsapp", "signal", "facebook_messenger"] {
        assert_eq!(of(messaging).len(), 1, "{messaging}");
    }
    assert_eq!(
        of("telegram")[0]["report_id"],
        "20230406T142431Z_telegram_IT_30722_n1_lMVwxE4oAaZ00mIM"
    );
    assert_eq!(
        of("whatsapp")[0]["test_keys"]["whatsapp_endpoints_status"],
        "blocked"
    );
    assert!(!of("web_connectivity").is_empty());
    let urlgetter = of("urlgetter");
    assert_eq!(urlgetter.len(), 2, "the last target wants HTTP/3");
    assert_eq!(urlgetter[0]["annotations"]["check_type"], "tls");
    assert_eq!(urlgetter[1]["annotations"]["check_type"], "quic");
    let text = std::fs::read_to_string(probe.path("report.jsonl")).unwrap();
    for address in ["88.99.81.188", "2a01:4f8:c012:8aa4::1"] {
        assert!(!text.contains(address), "{address} is scrubbed");
    }
}

#[test]
fn ctrl_c_ends_the_run_in_order_and_leaves_a_valid_report() {
    let probe = Probe::new();
    // Addresses for documentation: nobody answers, and outside a network nothing is even routed.
    let targets: Vec<Value> = std::iter::once(json!({"input": "tcpconnect://127.0.0.1:1"}))
        .chain((0..200).map(|port| json!({"input": format!("tcpconnect://127.0.0.1:{}", port + 1)})))
        .collect();
    let script = probe.script(&json!([nettest(
        "urlgetter",
        &json!({"suite_name": "im", "targets": targets})
    )]));
    let mut child = probe
        .runx(&script)
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    let measured = |event: &Value| event["event"] == "measurement";
    while !measured(&serde_json::from_str(&events.next().unwrap().unwrap()).unwrap()) {}
    let signalled = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let rest: Vec<Value> = events
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status}");
    let report = probe.report();
    assert_eq!(
        report.len(),
        1 + rest.iter().filter(|event| measured(event)).count()
    );
    assert!(report.len() < 201, "it stopped before the end");
    assert!(rest.iter().any(|event| event["event"] == "stopped"));
}

#[test]
fn a_second_run_appends_and_a_torn_line_is_set_aside() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    assert_exit(&probe.runx(&script).output().unwrap(), 0);
    let mut bytes = std::fs::read(probe.path("report.jsonl")).unwrap();
    bytes.extend(b"{\"half\": ");
    std::fs::write(probe.path("report.jsonl"), bytes).unwrap();
    let output = probe.runx(&script).output().unwrap();
    assert_exit(&output, 0);
    assert_eq!(probe.report().len(), 2);
    assert!(probe.path("report.jsonl.torn").exists());
    assert!(String::from_utf8(output.stderr).unwrap().contains("torn"));
}

#[test]
fn max_runtime_starts_no_further_target() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[
        ("tcpconnect://127.0.0.1:1", json!({})),
        ("tcpconnect://127.0.0.1:2", json!({})),
    ]);
    let output = probe
        .runx(&script)
        .args(["--max-runtime", "1us"])
        .output()
        .unwrap();
    assert_exit(&output, 0);
    assert_eq!(probe.report().len(), 0);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("maximum runtime")
    );
}
