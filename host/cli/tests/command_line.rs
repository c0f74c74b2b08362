//! The command line as people and programs use it, outside the lab.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest, root};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn list_names_every_guest_with_what_it_asks_for() {
    let output = Probe::new().netsonde().arg("list").output().unwrap();
    assert_exit(&output, 0);
    let stdout = text(&output.stdout);
    for name in [
        "telegram",
        "urlgetter",
        "dns-lookup",
        "tcp-connect-address",
        "tcp-connect-domain",
        "http-address",
        "http-domain",
        "https-domain",
    ] {
        assert!(
            stdout.lines().any(|line| line.starts_with(name)),
            "{name} is not in\n{stdout}"
        );
    }
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let output = Probe::new().netsonde().args(["list", "--json"]).output().unwrap();
    for line in text(&output.stdout).lines() {
        let module: Value = serde_json::from_str(line).unwrap();
        assert_eq!(module["sha256"].as_str().unwrap().len(), 64);
        assert!(
            module["capabilities"]
                .as_object()
                .is_some_and(|asked| !asked.is_empty()),
            "{module}"
        );
    }
}

#[test]
fn a_good_script_passes_the_check_and_a_bad_one_says_where_it_is_bad() {
    let probe = Probe::new();
    let check = |script: &std::path::Path| probe.netsonde().arg("check-script").arg(script).output().unwrap();
    assert_exit(
        &check(&root().join("examples/scripts/telegram-urlgetter.jsonc")),
        0,
    );
    let bad = probe.write(
        "bad.jsonc",
        "{\n  \"v\": 2,\n  \"instructions\": [\n    {\"run\": \"nettest:run@v1\", \"with\": {\"nettest_name\": 7}},\n    \
         {\"run\": \"ui:draw_card@v1\", \"with\": {}}\n  ]\n}\n",
    );
    let output = check(&bad);
    assert_exit(&output, 1);
    let said = text(&output.stderr);
    assert!(
        said.contains("bad.jsonc:4:") && said.contains("bad.jsonc:5:") && said.contains('^'),
        "{said}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_bad_script_runs_nothing_and_a_bad_location_is_told_with_it() {
    let probe = Probe::new();
    probe.write("location.jsonc", "{\"ipv4\": {\"probe_ip\": \"not an address\"}}");
    let script = probe.script(&json!([{"run": "ui:draw_card@v1", "with": {}}]));
    let output = probe.runx(&script).output().unwrap();
    assert_exit(&output, 1);
    let said = text(&output.stderr);
    assert!(
        said.contains("script.jsonc") && said.contains("location.jsonc"),
        "{said}"
    );
    assert!(!probe.path("report.jsonl").exists());
}

#[test]
fn what_is_unknown_is_skipped_and_the_run_is_fine() {
    let probe = Probe::new();
    let script = probe.script(&json!([
        {"run": "ui:play_music@v1", "with": {"tune": 3}},
        nettest("quantum_dns", &json!({"suite_name": "experimental", "targets": [{"anything": 1}]})),
        nettest("telegram@v9", &json!({"suite_name": "im"})),
        nettest("urlgetter", &json!({"suite_name": "im", "targets": [
            {"input": "https://192.0.2.1/", "options": {"HTTP3Enabled": true}},
        ]})),
    ]));
    let mut command = probe.runx(&script);
    let output = command.arg("--json").output().unwrap();
    assert_exit(&output, 0);
    let events: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let skipped: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "skipped")
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        skipped,
        [
            "ui:play_music@v1",
            "quantum_dns",
            "telegram",
            "https://192.0.2.1/"
        ]
    );
    assert_eq!(events.last().unwrap()["event"], "script_ended");
    assert_eq!(std::fs::read(probe.path("report.jsonl")).unwrap(), b"");
}

#[test]
fn settings_decide_by_run_mode_and_flags_narrow_further() {
    let probe = Probe::new();
    probe.write("settings.toml", "[timed]\ndisabled_nettests = [\"urlgetter\"]\n");
    // An input that makes no measurement, so that nothing goes over a network: only whether it was tried counts.
    let script = probe.script(&json!([nettest(
        "urlgetter",
        &json!({"suite_name": "im", "targets": [{"input": "tcpconnect://127.0.0.1:1"}]})
    ),]));
    let skipped = |arguments: &[&str]| {
        let mut command = probe.runx(&script);
        let output = command.arg("--json").args(arguments).output().unwrap();
        assert_exit(&output, 0);
        text(&output.stdout)
            .lines()
            .any(|line| line.contains("\"event\":\"skipped\""))
    };
    assert!(!skipped(&["--settings-file", "settings.toml"]));
    assert!(skipped(&[
        "--settings-file",
        "settings.toml",
        "--run-mode",
        "timed"
    ]));
    assert!(skipped(&["--only-suite", "websites"]));
    assert!(!skipped(&["--only-suite", "websites", "--only-suite", "im"]));
    assert!(skipped(&["--only-nettest", "telegram"]));
}

#[test]
fn a_refused_connection_is_measured_without_any_lab() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    let output = probe.runx(&script).output().unwrap();
    assert_exit(&output, 0);
    let report = probe.report();
    assert_eq!(report.len(), 1);
    let measurement = &report[0];
    assert_eq!(measurement["test_name"], "urlgetter");
    assert_eq!(measurement["input"], "tcpconnect://127.0.0.1:1");
    assert_eq!(measurement["test_keys"]["failure"], "connection_refused");
    assert_eq!(measurement["test_keys"]["failed_operation"], "connect");
    assert_eq!(
        measurement["test_keys"]["tcp_connect"][0]["status"]["failure"],
        "connection_refused"
    );
    assert_eq!(measurement["probe_asn"], "AS137");
    assert_eq!(
        measurement["annotations"]["netsonde_module_sha256"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    assert!(output.stdout.is_empty(), "people are told on standard error");
}

#[test]
fn a_report_that_can_not_be_written_is_an_error_that_names_it() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    let mut command = probe.netsonde();
    command
        .args([
            "runx",
            "--location-file",
            "location.jsonc",
            "-o",
            "no/such/folder.jsonl",
            "--script-file",
        ])
        .arg(script);
    let output = command.output().unwrap();
    assert_exit(&output, 1);
    assert!(
        text(&output.stderr).contains("no/such/folder.jsonl"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn wrong_arguments_exit_with_2() {
    assert_exit(&Probe::new().netsonde().args(["runx"]).output().unwrap(), 2);
    assert_exit(
        &Probe::new()
            .netsonde()
            .args(["runx", "--max-runtime", "soon"])
            .output()
            .unwrap(),
        2,
    );
}
