//! What modules keep from run to run, through the binary.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest};

/// A run of the nettest `steps` with one list of steps.
fn runx(probe: &Probe, steps: &Value) -> Command {
    let module = probe.path("steps.wasm");
    std::fs::write(&module, netsonde_test_guests::wasm("steps")).unwrap();
    let targets = json!([{"input": "one", "options": {"steps": [steps]}}]);
    let script = probe.script(&json!([nettest(
        "steps",
        &json!({"suite_name": "im", "targets": targets})
    )]));
    let mut command = probe.runx(&script);
    command.arg("--module").arg(module);
    command
}

/// What the steps of the last run brought.
fn answers(probe: &Probe) -> Value {
    probe.report().last().unwrap()["test_keys"]["answers"][0].clone()
}

#[test]
fn a_value_survives_until_the_user_deletes_it() {
    let probe = Probe::new();
    let steps = json!([{"do": "recall", "key": "seen"}, {"do": "keep", "key": "seen", "value": "before"}]);
    for expected in [json!(null), json!("before")] {
        assert_exit(&runx(&probe, &steps).output().unwrap(), 0);
        assert_eq!(answers(&probe)[0]["value"], expected);
    }
    let folder = probe.path("state").join("nettest-steps");
    assert_eq!(std::fs::read(folder.join("key-seen.bin")).unwrap(), b"before");
    std::fs::remove_dir_all(folder).unwrap();
    assert_exit(&runx(&probe, &steps).output().unwrap(), 0);
    assert_eq!(answers(&probe)[0]["value"], Value::Null);
}

#[test]
fn who_can_keep_nothing_is_told_without_a_path_and_the_user_with_it() {
    let probe = Probe::new();
    let file = probe.write("state", "not a folder");
    let steps = json!([{"do": "keep", "key": "seen", "value": "before"}]);
    let output = runx(&probe, &steps).output().unwrap();
    assert_exit(&output, 0);
    let failure = answers(&probe)[0]["failure"].as_str().unwrap().to_owned();
    assert!(failure.contains("create the folder of all modules"), "{failure}");
    let folder = file.display().to_string();
    assert!(!failure.contains(&folder), "{failure}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(&folder));
}

#[test]
fn what_the_user_denies_is_not_kept() {
    let probe = Probe::new();
    let settings = probe.write("settings.toml", "denied_capabilities = [\"cache\"]\n");
    let steps = json!([{"do": "keep", "key": "seen", "value": "before"}]);
    let output = runx(&probe, &steps)
        .arg("--settings-file")
        .arg(settings)
        .output()
        .unwrap();
    assert_exit(&output, 4);
    assert!(!probe.path("state").exists());
}

/// A disk of 16 KiB, in a namespace of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    use std::io::Write as _;

    let probe = Probe::new();
    std::fs::create_dir(probe.path("state")).unwrap();
    let steps = json!([
        {"do": "keep", "key": "a", "value": "before"},
        {"do": "keep", "key": "b", "value": "x".repeat(4000)},
        {"do": "keep", "key": "a", "value": "y".repeat(20_000)},
    ]);
    let run = runx(&probe, &steps);
    let again = probe.path("again.sh");
    let recall =
        json!([{"do": "keys"}, {"do": "recall", "key": "a"}, {"do": "keep", "key": "a", "value": "after"}]);
    let options = json!({"steps": [recall]});
    let second = probe.write(
        "second.jsonc",
        &json!({"v": 2, "instructions": [nettest("steps", &json!({
            "suite_name": "im", "targets": [{"input": "two", "options": options}]
        }))]})
        .to_string(),
    );
    std::fs::write(
        &again,
        "mount -t tmpfs -o size=16k none state || exit 77\n\
         \"$@\" || exit 1\n\
         second=$1; shift\n\
         exec \"$second\" runx --location-file location.jsonc -o report.jsonl --module steps.wasm --script-file second.jsonc\n",
    )
    .unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh"])
        .arg(&again)
        .arg(run.get_program())
        .args(run.get_args())
        .current_dir(run.get_current_dir().unwrap());
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap());
    }
    assert!(second.exists());
    let output = command.output();
    let reason = match &output {
        Ok(output) if output.status.success() => None,
        Ok(output) if output.status.code() == Some(1) && probe.path("report.jsonl").exists() => {
            assert_exit(output, 0);
            None
        }
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason {
        let _ = writeln!(std::io::stderr(), "SKIPPED a_full_disk_loses_nothing: {reason}");
        return;
    }
    let report = probe.report();
    let answers = |number: usize| &report[number]["test_keys"]["answers"][0];
    let failure = answers(0)[2]["failure"].as_str().unwrap();
    assert!(failure.contains("write the value: No space left"), "{failure}");
    assert_eq!(
        *answers(1),
        json!([{"keys": ["a", "b"]}, {"value": "before"}, {}])
    );
}
