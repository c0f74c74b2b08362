//! What measurements mean, in keys and in words: after a run, and of measurements from anywhere.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use support::{Probe, assert_exit, root, scenario};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn analyze(probe: &Probe, arguments: &[&str]) -> Output {
    let mut command = probe.netsonde();
    command.arg("analyze").args(arguments).output().unwrap()
}

/// The same of standard input.
fn analyze_text(probe: &Probe, input: &str) -> Output {
    let mut child = probe
        .netsonde()
        .args(["analyze", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The objects on standard output, one a line.
fn objects(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every key that was computed is the one in the measurement.
fn assert_same(keys: &Value, measurement: &Value, name: &str) {
    for (key, value) in keys.as_object().unwrap() {
        assert_eq!(measurement["test_keys"].get(key), Some(value), "{name}: {key}");
    }
}

#[test]
fn a_run_says_in_words_what_analyze_computes_again() {
    let probe = Probe::new();
    let script = root().join("examples/scripts/telegram-urlgetter.jsonc");
    let Some(output) = probe.runx_in_lab(&scenario("sni-rst"), &script, &[]) else {
        return;
    };
    assert_exit(&output, 0);
    let said = text(&output.stderr);
    for line in [
        "  telegram  anomaly: the web client can not be reached (connection_reset)  ",
        "  urlgetter https://example.com/  fine  ",
        "  urlgetter https://web.telegram.org/  could not be measured: tls_handshake failed (connection_reset); \
         urlgetter has nothing to compare that with  ",
        "could not be measured:\n  urlgetter https://web.telegram.org/: tls_handshake failed",
        "4 measured, 1 with an anomaly, 1 could not be measured, 0 skipped, 0 broken",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }

    let report = probe.report();
    let output = analyze(&probe, &["report.jsonl"]);
    assert_exit(&output, 0);
    let keys = objects(&output);
    assert_eq!(keys.len(), report.len());
    for (keys, measurement) in keys.iter().zip(&report) {
        assert_same(keys, measurement, "report.jsonl");
    }
    assert_eq!(keys[0]["telegram_web_failure"], "connection_reset");
    assert_eq!(keys[0]["telegram_tcp_blocking"], false);
    let said = text(&output.stderr);
    assert!(
        said.starts_with("telegram  anomaly: the web client can not be reached (connection_reset)\n"),
        "{said}"
    );

    let events = objects(&analyze(&probe, &["report.jsonl", "--json"]));
    assert_eq!(events[0]["event"], "analyzed");
    assert_eq!(
        (&events[0]["verdict"], &events[0]["keys"]),
        (&json!("anomaly"), &keys[0])
    );
    assert_eq!(
        (&events[2]["verdict"], &events[2]["input"]),
        (&json!("fine"), &json!("https://example.com/"))
    );
}

#[test]
fn measurements_of_ooni_get_the_keys_that_they_have() {
    let probe = Probe::new();
    for (name, verdict) in [
        ("ts-020-telegram__telegram_0.3.0.json", "telegram  "),
        (
            "ts-017-web-connectivity__web_connectivity_0.5.28.json",
            "web_connectivity https://www.example.com/  fine\n",
        ),
    ] {
        let path = root().join("../shared/fixtures/measurements").join(name);
        let Ok(sample) = std::fs::read_to_string(&path) else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED {name}: {} is not there",
                path.display()
            );
            continue;
        };
        // A sample has many lines, which make one measurement.
        let output = analyze_text(&probe, &sample);
        assert_exit(&output, 0);
        let keys = objects(&output);
        assert_eq!(keys.len(), 1, "{name}");
        assert!(keys[0].as_object().unwrap().len() > 2, "{name}: {}", keys[0]);
        assert_same(&keys[0], &serde_json::from_str(&sample).unwrap(), name);
        let said = text(&output.stderr);
        assert!(said.starts_with(verdict), "{said}");
    }
}

#[test]
fn what_can_not_be_analysed_is_said_with_its_place_and_a_remedy() {
    let probe = Probe::new();
    for (input, says) in [
        ("{\"test_name\": \"telegram\",\n  nonsense}", "line 2 column 3"),
        ("{\"test_name\": \"telegram\"", "line 1 column 24"),
        ("", "there is none"),
        (
            "[]",
            "measurement 1: analyze the measurement: it is not a JSON object",
        ),
        (
            "{\"test_name\": \"telegram\", \"test_keys\": null}",
            "it has no `test_keys`",
        ),
        ("{\"test_keys\": {}}", "it has no `test_name`"),
        (
            "{\"test_name\": \"quantum_dns\", \"test_keys\": {}}",
            "nettest `quantum_dns` is not known here; known are ",
        ),
        (
            "{\"test_name\": \"telegram\", \"test_keys\": {\"queries\": 3}}",
            "telegram: ",
        ),
    ] {
        let output = analyze_text(&probe, input);
        assert_exit(&output, 1);
        let said = text(&output.stderr);
        assert!(said.contains(says), "{input}: {said}");
        assert!(output.stdout.is_empty(), "{input}");
    }
    let said = text(&analyze_text(&probe, "{\"test_name\": \"x\", \"test_keys\": {}}").stderr);
    assert!(
        said.contains("telegram, urlgetter") && said.contains("--module FILE"),
        "{said}"
    );
    let packed = probe.write("packed.jsonl.gz", "");
    std::fs::write(&packed, [0x1f, 0x8b, 8, 0]).unwrap();
    let output = analyze(&probe, &["packed.jsonl.gz"]);
    assert_exit(&output, 1);
    assert!(text(&output.stderr).contains("zcat packed.jsonl.gz | netsonde analyze -"));
    assert_exit(&analyze(&probe, &["nowhere.jsonl"]), 1);
}

#[test]
fn one_bad_measurement_keeps_nobody_from_the_others() {
    let probe = Probe::new();
    let wasm = probe.path("hostile.wasm");
    std::fs::write(&wasm, netsonde_test_guests::wasm("hostile")).unwrap();
    let hostile = |reduce: &str| json!({"test_name": "hostile", "test_keys": {"reduce": reduce}});
    let measurements = |bad: &Value| format!("{}\n{bad}\n{}\n", hostile("keys"), hostile("keys"));
    for (bad, exit, says) in [
        (
            hostile("trap"),
            4,
            "measurement 2: analyze the measurement: run hostile",
        ),
        (hostile("error"), 1, "reduce was asked to fail"),
        (json!({}), 1, "it has no `test_name`"),
    ] {
        probe.write("three.jsonl", &measurements(&bad));
        let output = analyze(&probe, &["three.jsonl", "--module", "hostile.wasm"]);
        assert_exit(&output, exit);
        let said = text(&output.stderr);
        assert!(said.contains(says), "{said}");
        let reduced = json!({"reduced": true});
        assert_eq!(objects(&output), [reduced.clone(), reduced]);
        let output = analyze(&probe, &["three.jsonl", "--module", "hostile.wasm", "--json"]);
        let events: Vec<_> = objects(&output)
            .iter()
            .map(|event| event["event"].clone())
            .collect();
        assert_eq!(events, ["analyzed", "not_analyzed", "analyzed"]);
    }
}
