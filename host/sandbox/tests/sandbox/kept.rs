//! What guests keep from run to run.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use netsonde_sandbox::{Capability, Grants, Module, RunError};
use serde_json::{Value, json};

use crate::support::{ENGINE, hostile};

/// The nettest that takes steps.
static STEPS: LazyLock<Arc<Module>> =
    LazyLock::new(|| ENGINE.load("steps", netsonde_test_guests::wasm("steps")).unwrap());

/// Let `steps` take one list of steps; what they brought.
async fn steps(state_dir: Option<&Path>, steps: Value) -> Value {
    let mut attempt = hostile(&json!({ "steps": [steps] }));
    attempt.module = STEPS.clone();
    attempt.state_dir = state_dir.map(Path::to_owned);
    attempt.run().await.keys()["answers"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_there_in_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let first = json!([{"do": "recall", "key": "seen"}, {"do": "keep", "key": "seen", "value": "once"}]);
    assert_eq!(steps(Some(dir.path()), first).await[0], json!({ "value": null }));
    let second = json!([
        {"do": "recall", "key": "seen"},
        {"do": "keys"},
        {"do": "forget", "key": "seen"},
        {"do": "recall", "key": "seen"},
    ]);
    assert_eq!(
        steps(Some(dir.path()), second).await,
        json!([{ "value": "once" }, { "keys": ["seen"] }, {}, { "value": null }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_paths_are_refused_and_the_rule_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for key in ["", "../../etc/passwd", "/etc/passwd", "a\0b", &"x".repeat(70_000)] {
        let answer = steps(Some(dir.path()), json!([{"do": "keep", "key": key, "value": ""}])).await;
        let code = answer[0]["failure"].as_str().unwrap();
        assert!(
            code.contains("a key has 1 to 64 characters"),
            "{key:.20}: {answer}"
        );
        assert_eq!(answer[0]["operation"], "top_level");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_keeps_without_end_fills_its_own_part_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    steps(
        Some(dir.path()),
        json!([{"do": "keep", "key": "mine", "value": "x"}]),
    )
    .await;
    for (size, kept, why) in [
        (0, 256, "at most 256 values"),
        (65_536, 16, "at most 1048576 bytes"),
    ] {
        let mut attempt = hostile(&json!({ "mode": "keep", "count": size }));
        attempt.state_dir = Some(dir.path().to_owned());
        let seen = attempt.run().await;
        assert_eq!(
            seen.keys()["before"],
            json!([]),
            "the keys of others are not seen"
        );
        assert_eq!(seen.keys()["kept"], kept);
        assert!(
            seen.keys()["why"].as_str().unwrap().contains(why),
            "{:?}",
            seen.keys()
        );
        std::fs::remove_dir_all(dir.path().join("nettest-hostile")).unwrap();
    }
    let answer = steps(Some(dir.path()), json!([{"do": "keys"}])).await;
    assert_eq!(answer, json!([{ "keys": ["mine"] }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_writes_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut attempt = hostile(&json!({ "mode": "rewrite", "count": 65_536 }));
    attempt.state_dir = Some(dir.path().to_owned());
    let text = attempt.run().await.budget_text();
    assert_eq!(text, format!("bytes handed over for operations: {}", 64 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_kept_the_guest_is_told_and_goes_on() {
    let answer = steps(None, json!([{"do": "keys"}])).await;
    assert_eq!(
        answer[0]["failure"],
        "unknown_failure: this probe keeps nothing: it has no folder for it"
    );
    let mut attempt = hostile(&json!({ "mode": "keep" }));
    attempt.grants = Grants::all().without([Capability::Cache]);
    let seen = attempt.run().await;
    assert!(
        matches!(
            seen.error(),
            RunError::NotGranted {
                interface: Capability::Cache,
                ..
            }
        ),
        "{:?}",
        seen.report
    );
}
