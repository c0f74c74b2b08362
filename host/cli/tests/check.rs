//! `netsonde check`: hostile modules are refused, each with its reason, and sound ones pass.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Probe, nettest, scenario};

/// Check a module; the report, which agrees with the exit code.
fn check(probe: &Probe, wasm: &[u8], suite: Option<&Path>) -> Value {
    fs::write(probe.path("module.wasm"), wasm).unwrap();
    let mut command = probe.netsonde();
    command.args(["--json", "check", "module.wasm"]);
    if let Some(suite) = suite {
        command.arg("--suite").arg(suite);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).expect(&said);
    let passed = report["passed"].as_bool().unwrap();
    assert_eq!(
        output.status.code(),
        Some(i32::from(!passed)),
        "{report:#}\n{said}"
    );
    assert_eq!(
        passed,
        report["findings"].as_array().unwrap().is_empty(),
        "{report:#}"
    );
    report
}

/// The only finding: what, and why.
fn finding(report: &Value) -> (&str, &str) {
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    let text = |name: &str| findings[0][name].as_str().unwrap();
    (text("what"), text("why"))
}

/// Whether there is a lab here; if not, says that the test is skipped.
fn has_lab(report: &Value) -> bool {
    let why = &report["suite_skipped"];
    if !why.is_null() {
        assert!(
            std::env::var_os("NETSONDE_REQUIRE_LAB").is_none(),
            "there is no lab: {why}"
        );
        let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
    }
    why.is_null()
}

/// A folder with a script and one scenario.
fn suite(probe: &Probe, instructions: &Value, scenario_name: &str) -> PathBuf {
    let folder = probe.path("suite");
    fs::create_dir(&folder).unwrap();
    let script = json!({"v": 2, "instructions": instructions});
    fs::write(folder.join("script.jsonc"), script.to_string()).unwrap();
    fs::copy(scenario(scenario_name), folder.join("there.toml")).unwrap();
    folder
}

/// The bytes of `hostile-mini` with another manifest.
fn with_manifest(probe: &Probe, change: impl Fn(&str) -> String) -> Vec<u8> {
    let text = include_str!("../../../tests/guests/modules/hostile-mini/nettest.toml");
    let [bare, manifest] = ["bare.wasm", "nettest.toml"].map(|name| probe.path(name));
    fs::write(&bare, netsonde_test_guests::wasm("no-manifest")).unwrap();
    fs::write(&manifest, change(text)).unwrap();
    netsonde_guest_tool::pack(&bare, &manifest).unwrap()
}

#[test]
fn what_is_no_sound_module_is_refused_with_its_reason() {
    let probe = Probe::new();
    for (name, what, why) in [
        ("ungranted", "imports", "`tcp` without asking"),
        ("liar", "exports", "does not export `reduce`"),
        ("no-manifest", "manifest", "no manifest"),
        ("bad-manifest", "manifest", "line 2"),
        ("no-text", "manifest", "utf-8"),
        ("foreign", "imports", "wasi:cli/environment"),
        ("core-module", "component", "core module"),
        ("truncated", "component", "not a WebAssembly component"),
        ("empty", "component", "does not begin like WebAssembly"),
        ("garbage", "component", "does not begin like WebAssembly"),
    ] {
        let report = check(&probe, netsonde_test_guests::wasm(name), None);
        let found = finding(&report);
        assert_eq!(found.0, what, "{name}");
        assert!(found.1.contains(why), "{name}: {report:#}");
        // Nothing of it was compiled or run.
        assert!(
            report["suite_skipped"].is_string() && report["suite"] == json!([]),
            "{name}"
        );
        assert!(report.get("name").is_none(), "{name}");
    }
}

#[test]
fn what_is_too_large_or_asks_for_too_much_is_refused() {
    let probe = Probe::new();
    let report = check(&probe, &vec![0; (4 << 20) + 1], None);
    assert_eq!(
        finding(&report),
        ("size", "it has 4194305 bytes, and the most are 4194304")
    );

    let greedy = with_manifest(&probe, |text| {
        text.replace("wall_clock_s = 60", "wall_clock_s = 1801")
    });
    let report = check(&probe, &greedy, None);
    let why = "it asks for wall_clock_s = 1801, and the most is 1800";
    assert_eq!(finding(&report), ("budget", why));
    // What it says about itself is told all the same.
    assert_eq!(report["name"], "hostile-mini");
    assert_eq!(report["budget"]["wall_clock_s"], 1800);
}

#[test]
fn a_name_that_no_registry_has_is_refused() {
    let probe = Probe::new();
    let module = with_manifest(&probe, |text| text.replace("hostile-mini", "hostile-"));
    let report = check(&probe, &module, None);
    assert_eq!(finding(&report).0, "name");
}

#[test]
fn an_invalid_body_does_not_load() {
    let probe = Probe::new();
    let mut wasm = netsonde_test_guests::hostile().to_vec();
    // The middle of its code: what is in it is looked at by the compiler alone.
    let middle = wasm.len() / 3;
    wasm[middle..middle + 64].fill(0xff);
    let report = check(&probe, &wasm, None);
    let (what, why) = finding(&report);
    assert_eq!(what, "load", "{why}");
}

#[test]
fn a_sound_module_passes_and_says_what_it_saw() {
    let probe = Probe::new();
    let wasm = netsonde_preinstalled::GUESTS
        .iter()
        .find(|guest| guest.name == "urlgetter")
        .unwrap();
    let report = check(&probe, wasm.wasm, None);
    if !has_lab(&report) {
        return;
    }
    assert_eq!(report["passed"], true, "{report:#}");
    assert_eq!(report["digest"], format!("sha256:{}", wasm.sha256));
    assert_eq!(report["contract"], "netsonde:probe@0.1.0");
    assert_eq!(report["kind"], "nettest");
    assert_eq!(
        report["capabilities"]["tcp"],
        "To connect to the host of the URL."
    );
    assert!(
        report["manifest"]
            .as_str()
            .unwrap()
            .starts_with("name = \"urlgetter\"")
    );
    let runs = report["suite"].as_array().unwrap();
    let says = |scenario: &str| {
        let run = runs.iter().find(|run| run["scenario"] == scenario).unwrap();
        (run["verdict"].as_str(), run["says"].as_str().unwrap_or_default())
    };
    assert_eq!(runs.len(), 9);
    assert_eq!(says("clean").0, Some("fine"));
    for (scenario, failure) in [
        ("dns-nxdomain", "dns_nxdomain_error"),
        ("dns-forged", "ssl_invalid_hostname"),
        ("tcp-refused", "connection_refused"),
        ("blackhole", "generic_timeout_error"),
        ("tls-reset", "connection_reset"),
        ("cut", "connection_reset"),
    ] {
        assert!(says(scenario).1.contains(failure), "{scenario}: {report:#}");
    }
}

#[test]
fn a_module_that_misbehaves_in_the_lab_is_refused() {
    let probe = Probe::new();
    let hostile = |options: Value| {
        let targets = json!([{"input": options["mode"], "options": options}]);
        nettest(
            "hostile",
            &json!({"suite_name": "experimental", "targets": targets}),
        )
    };
    let instructions = json!([
        hostile(json!({"mode": "trap"})),
        hostile(json!({"mode": "log"})),
        hostile(json!({"mode": "ok", "reduce": "import"})),
        hostile(json!({"mode": "connect_many", "endpoint": "127.0.0.1:7", "count": 1})),
        hostile(json!({"mode": "connect_many", "endpoint": "10.1.2.3:7", "count": 1})),
        hostile(json!({"mode": "error"})),
        hostile(json!({"mode": "ok"})),
    ]);
    let suite = suite(&probe, &instructions, "clean");
    let report = check(&probe, netsonde_test_guests::hostile(), Some(&suite));
    if !has_lab(&report) {
        return;
    }
    let findings = report["findings"].as_array().unwrap();
    assert!(
        findings.iter().all(|finding| finding["what"] == "suite/there"),
        "{report:#}"
    );
    let whys: Vec<&str> = findings
        .iter()
        .map(|finding| finding["why"].as_str().unwrap())
        .collect();
    for why in [
        "wasm `unreachable`",
        "used up its budget: log lines",
        "unknown import",
        "where it may not, tcp 127.0.0.1:7",
        "where it may not, tcp 10.1.2.3:7",
        "was asked to fail",
    ] {
        assert!(whys.iter().any(|found| found.contains(why)), "{why}: {whys:#?}");
    }
}

#[test]
fn a_mini_nettest_that_traps_is_refused_though_its_nettest_goes_on() {
    let probe = Probe::new();
    let mini = |mode: &str| json!({"run": "hostile-mini@v1", "with": {"tags": ["x"], "mode": mode}});
    let telegram = nettest(
        "telegram",
        &json!({"suite_name": "im", "targets": [mini("ok"), mini("trap")]}),
    );
    let suite = suite(&probe, &json!([telegram]), "clean");
    let report = check(&probe, netsonde_test_guests::hostile_mini(), Some(&suite));
    if has_lab(&report) {
        let (what, why) = finding(&report);
        assert!(what == "suite/there" && why.contains("trapped"), "{report:#}");
    }
}

#[test]
fn what_a_suite_does_not_know_it_asks_the_author_for() {
    let probe = Probe::new();
    let report = check(&probe, netsonde_test_guests::hostile_mini(), None);
    if has_lab(&report) {
        let (what, why) = finding(&report);
        assert_eq!(what, "suite");
        assert!(
            why.contains("[with.properties.mode]") && why.contains("--suite"),
            "{why}"
        );
    }
}

#[test]
fn an_authors_suite_says_what_is_expected() {
    let probe = Probe::new();
    let wasm = netsonde_preinstalled::GUESTS
        .iter()
        .find(|guest| guest.name == "urlgetter");
    let wasm = wasm.unwrap().wasm;
    let targets = json!([{"input": "https://example.com/"}]);
    let run = nettest(
        "urlgetter",
        &json!({"suite_name": "experimental", "targets": targets}),
    );
    let suite = suite(&probe, &json!([run]), "clean");
    let expect = |text: &str| fs::write(suite.join("expected.json"), text).unwrap();

    expect(r#"{"there": "fine"}"#);
    let report = check(&probe, wasm, Some(&suite));
    if !has_lab(&report) {
        return;
    }
    assert_eq!(report["passed"], true, "{report:#}");
    expect(r#"{"there": "anomaly"}"#);
    let report = check(&probe, wasm, Some(&suite));
    assert_eq!(
        finding(&report),
        ("suite/there", "it says fine, and anomaly is expected")
    );
    expect(r#"{"elsewhere": "fine"}"#);
    let report = check(&probe, wasm, Some(&suite));
    assert!(
        finding(&report).1.contains("expected.json names elsewhere"),
        "{report:#}"
    );
}

#[test]
fn a_suite_starts_no_programs() {
    let probe = Probe::new();
    let suite = suite(&probe, &json!([]), "clean");
    let host = "[[host]]\nname = \"x.test\"\naddresses = [\"192.0.2.1\"]\n\
                run = { command = [\"touch\", \"started\"], ports = [80], resolver = \"130.192.3.21\" }\n";
    fs::write(suite.join("there.toml"), host).unwrap();
    let report = check(&probe, netsonde_test_guests::hostile(), Some(&suite));
    if has_lab(&report) {
        let (what, why) = finding(&report);
        assert!(what == "suite" && why.contains("x.test runs a program"), "{why}");
        assert!(!probe.path("started").exists());
    }
}
