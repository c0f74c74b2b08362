//! The command line as people and programs use it, outside the lab.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::io::{Read as _, Write as _};
mod support;

use std::net::TcpListener;
use std::process::Stdio;

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
        "web_connectivity",
        "telegram",
        "whatsapp",
        "signal",
        "facebook_messenger",
        "urlgetter",
        "dns-lookup",
        "tcp-connect-address",
        "tcp-connect-domain",
        "http-address",
        "http-domain",
        "https-domain",
        "http3-domain",
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
    for example in ["telegram-urlgetter", "messaging"] {
        let script = root().join(format!("examples/scripts/{example}.jsonc"));
        assert_exit(&check(&script), 0);
    }
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
            {"input": "https://192.0.2.1/", "options": {"FailOnHTTPError": true}},
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

#[test]
fn a_reader_that_has_read_enough_is_no_error_and_a_full_disk_is_one() {
    let mut child = Probe::new()
        .netsonde()
        .arg("list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_exit(&output, 0);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    if cfg!(target_os = "linux") {
        let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = Probe::new()
            .netsonde()
            .arg("list")
            .stdout(full())
            .output()
            .unwrap();
        assert_exit(&output, 1);
        assert!(
            text(&output.stderr).contains("No space left"),
            "{}",
            text(&output.stderr)
        );
        let probe = Probe::new();
        let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
        let status = probe.runx(&script).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(0), "nobody to tell is no reason to stop");
        assert_eq!(probe.report().len(), 1);
    }
}

#[test]
fn measurements_go_to_standard_output_with_a_dash() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    let run = |more: &[&str]| {
        let mut command = probe.netsonde();
        command.args([
            "runx",
            "--location-file",
            "location.jsonc",
            "-o",
            "-",
            "--allow-destination",
            "loopback",
            "--script-file",
        ]);
        command.arg(&script).args(more).output().unwrap()
    };
    let output = run(&[]);
    assert_exit(&output, 0);
    let measurement: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(measurement["test_keys"]["failure"], "connection_refused");
    assert_exit(&run(&["--json"]), 1);
}

#[test]
fn a_report_that_is_the_script_is_refused_and_the_script_is_intact() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    let before = std::fs::read(&script).unwrap();
    let mut command = probe.netsonde();
    command.args([
        "runx",
        "--location-file",
        "location.jsonc",
        "-o",
        "script.jsonc",
        "--script-file",
    ]);
    let output = command.arg(&script).output().unwrap();
    assert_exit(&output, 1);
    assert_eq!(std::fs::read(&script).unwrap(), before);
}

#[test]
fn certificates_that_can_not_be_used_are_told_before_anything_runs() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    let ca = probe.write("ca.pem", "no certificate\n");
    let output = probe.runx(&script).env("NETSONDE_CA_FILE", &ca).output().unwrap();
    assert_exit(&output, 1);
    let said = text(&output.stderr);
    assert!(
        said.contains("NETSONDE_CA_FILE") && said.contains("ca.pem"),
        "{said}"
    );
    assert!(!probe.path("report.jsonl").exists());
}

#[test]
fn what_a_script_says_can_not_control_the_terminal() {
    let probe = Probe::new();
    let escapes = "\u{1b}[31mRED\u{1b}]0;title\u{7}\r\u{202e}";
    let script = probe.script(&json!([
        {"run": "ui:draw_card@v1", "with": {"suite_name": escapes}},
        {"run": format!("ui:{escapes}@v1"), "with": {}},
        nettest(escapes, &json!({"suite_name": escapes})),
    ]));
    let output = probe.runx(&script).output().unwrap();
    assert_exit(&output, 0);
    let said = text(&output.stderr);
    for character in ['\u{1b}', '\u{7}', '\r', '\u{202e}'] {
        assert!(!said.contains(character), "{said:?}");
    }
    assert!(said.contains("RED"), "{said:?}");
}

/// The commands with a terminal for standard output and standard error, which `script` of util-linux makes.
#[cfg(target_os = "linux")]
#[test]
fn commands_work_on_a_terminal() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[("tcpconnect://127.0.0.1:1", json!({}))]);
    for arguments in [
        "list".to_owned(),
        format!("check-script {}", script.display()),
        format!(
            "-v runx --location-file location.jsonc --script-file {}",
            script.display()
        ),
    ] {
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_netsonde"));
        let cache = Probe::new()
            .netsonde()
            .get_envs()
            .find_map(|(key, value)| (key == "NETSONDE_CACHE_DIR").then(|| value.unwrap().to_owned()));
        let output = std::process::Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .current_dir(probe.folder.path())
            .env("NETSONDE_CACHE_DIR", cache.unwrap())
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            // Written, not printed: of a test that passes libtest shows nothing that is printed.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED on a terminal: there is no `script` of util-linux here"
            );
            return;
        };
        assert_exit(&output, 0);
        assert!(
            !text(&output.stdout).contains("panicked"),
            "{}",
            text(&output.stdout)
        );
    }
    assert_eq!(probe.report().len(), 1);
}

#[test]
fn several_targets_are_measured_at_a_time_when_asked_for() {
    const TARGETS: usize = 4;
    let probe = Probe::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Nobody is answered before all have come.
    std::thread::spawn(move || {
        loop {
            let all: Vec<_> = listener.incoming().take(TARGETS).map(Result::unwrap).collect();
            for mut stream in all {
                let _ = stream.read(&mut [0; 4096]).unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            }
        }
    });
    let script = probe.urlgetter(&[0; TARGETS].map(|_| (url.as_str(), json!({}))));
    let output = probe.runx(&script).args(["--parallelism", "4"]).output().unwrap();
    assert_exit(&output, 0);
    let report = probe.report();
    assert_eq!(report.len(), TARGETS);
    for measurement in &report {
        assert_eq!(measurement["test_keys"]["failure"], Value::Null, "{measurement}");
    }
    for refused in ["0", "65", "many"] {
        let output = probe
            .runx(&script)
            .args(["--parallelism", refused])
            .output()
            .unwrap();
        assert_exit(&output, 2);
        let said = text(&output.stderr);
        assert!(said.contains("--parallelism") && said.contains(refused), "{said}");
    }
}
