//! Hostile modules from files: each is named in a clear failure, and the rest of the script goes on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest};

/// A target that can be measured anywhere: the last one of each script, to see that the script goes on.
const HARMLESS: &str = "tcpconnect://127.0.0.1:1";

fn harmless() -> Value {
    nettest(
        "urlgetter",
        &json!({"suite_name": "im", "targets": [{"input": HARMLESS}]}),
    )
}

/// Run a script with modules from files; the events, one after the other.
fn run(probe: &Probe, modules: &[&str], instructions: &Value, exit: i32) -> Vec<Value> {
    let script = probe.script(instructions);
    let mut command = probe.runx(&script);
    for module in modules {
        let path = probe.path(&format!("{module}.wasm"));
        std::fs::write(&path, netsonde_test_guests::wasm(module)).unwrap();
        command.arg("--module").arg(path);
    }
    let output = command.arg("--json").output().unwrap();
    assert_exit(&output, exit);
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_is_no_sound_module_is_named_and_the_script_goes_on() {
    for name in [
        "garbage",
        "core-module",
        "foreign",
        "ungranted",
        "no-manifest",
        "bad-manifest",
        "truncated",
        "liar",
    ] {
        let probe = Probe::new();
        let events = run(
            &probe,
            &[name],
            &json!([nettest(name, &json!({"suite_name": "im"})), harmless()]),
            4,
        );
        let broken = events.iter().find(|event| event["event"] == "broken").unwrap();
        assert!(broken["why"].as_str().unwrap().contains(name), "{broken}");
        let report = probe.report();
        assert_eq!(report.len(), 1, "{name}");
        assert_eq!(report[0]["input"], HARMLESS);
    }
}

#[test]
fn a_guest_that_misbehaves_leaves_a_measurement_that_says_so() {
    let hostile = |mode: &str, more: Value| {
        let mut options = more;
        options["mode"] = mode.into();
        nettest(
            "hostile",
            &json!({"suite_name": "im", "targets": [{"input": mode, "options": options}]}),
        )
    };
    let probe = Probe::new();
    let instructions = json!([
        hostile("trap", json!({})),
        hostile("loop", json!({})),
        hostile("memory", json!({})),
        hostile("stack", json!({})),
        hostile("handles", json!({})),
        hostile("log", json!({})),
        hostile("invalid_json", json!({})),
        hostile("not_an_object", json!({})),
        harmless(),
    ]);
    let events = run(&probe, &["hostile"], &instructions, 4);
    assert_eq!(events.last().unwrap()["broken"], 8);
    let report = probe.report();
    assert_eq!(report.len(), 9, "a result each, and the script went on");
    let kinds: Vec<&str> = report
        .iter()
        .take(8)
        .map(|measurement| {
            let error = &measurement["test_keys"]["x_netsonde_error"];
            assert_eq!(error["module"], "hostile");
            assert!(error["message"].as_str().unwrap().contains("hostile"), "{error}");
            error["kind"].as_str().unwrap()
        })
        .collect();
    let budget = "budget_exceeded";
    assert_eq!(
        kinds,
        [
            "trap",
            budget,
            budget,
            "trap",
            budget,
            budget,
            "invalid_json",
            "invalid_json"
        ]
    );
    assert_eq!(report[8]["test_keys"]["failure"], "connection_refused");
}

#[test]
fn what_the_user_denies_is_not_linked_and_the_nettest_is_broken() {
    let probe = Probe::new();
    let settings = probe.write("settings.toml", "denied_capabilities = [\"tcp\"]\n");
    let script = probe.script(&json!([harmless()]));
    let output = probe
        .runx(&script)
        .arg("--json")
        .arg("--settings-file")
        .arg(settings)
        .output()
        .unwrap();
    assert_exit(&output, 4);
    let events = String::from_utf8(output.stdout).unwrap();
    assert!(events.contains("`tcp`, which is not granted"), "{events}");
    assert!(probe.report().is_empty());
}
