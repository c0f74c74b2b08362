//! What becomes of guests that end badly, and of those that do not.

use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_sandbox::{Capability, Grants, RunError};
use serde_json::json;

use crate::support::hostile;

#[tokio::test]
async fn a_good_run_gives_its_test_keys() {
    let seen = hostile(&json!({ "mode": "ok" })).run().await;
    assert_eq!(json!(seen.keys()), json!({ "mode": "ok" }));
}

#[tokio::test]
async fn a_guest_can_say_that_its_arguments_make_no_sense() {
    let seen = hostile(&json!({ "mode": "error" })).run().await;
    let RunError::Guest { module, failure } = seen.error() else {
        panic!("{:?}", seen.report.result)
    };
    assert_eq!(module, "hostile");
    assert_eq!(failure.code.as_str(), "unknown_failure: asked for");
    assert_eq!(failure.operation, Operation::TopLevel);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    for mode in ["invalid_json", "not_an_object"] {
        let seen = hostile(&json!({ "mode": mode })).run().await;
        let RunError::InvalidJson { module, .. } = seen.error() else {
            panic!("{:?}", seen.report.result)
        };
        assert_eq!(module, "hostile");
    }
}

#[tokio::test]
async fn traps_name_the_module() {
    for mode in ["trap", "stack"] {
        let seen = hostile(&json!({ "mode": mode })).run().await;
        let RunError::Trap { detail, .. } = seen.error() else {
            panic!("{:?}", seen.report.result)
        };
        assert!(!detail.is_empty());
        assert!(
            seen.error().to_string().starts_with("run hostile: it trapped: "),
            "{}",
            seen.error()
        );
    }
}

#[tokio::test]
async fn a_big_result_comes_through() {
    let seen = hostile(&json!({ "mode": "big_result", "count": 10_000_000 }))
        .run()
        .await;
    assert_eq!(seen.keys()["big"].as_str().unwrap().len(), 10_000_000);
}

#[tokio::test]
async fn an_interface_that_the_user_does_not_grant_keeps_the_module_from_starting() {
    let mut attempt = hostile(&json!({ "mode": "ok" }));
    attempt.grants = Grants::all().without([Capability::Dns]);
    let seen = attempt.run().await;
    let RunError::NotGranted { module, interface } = seen.error() else {
        panic!("{:?}", seen.report.result)
    };
    assert_eq!((module.as_str(), *interface), ("hostile", Capability::Dns));
    assert_eq!(seen.report.usage.instances, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_go_on_after_every_kind_of_end() {
    for mode in [
        "trap",
        "loop",
        "memory",
        "invalid_json",
        "handles",
        "log",
        "stack",
        "error",
    ] {
        let bad = hostile(&json!({ "mode": mode }))
            .budget(|budget| {
                budget.cpu = Duration::from_millis(300);
                budget.memory = 8 << 20;
            })
            .run()
            .await;
        assert!(bad.report.result.is_err(), "{mode}");
        assert!(
            bad.error().to_string().contains("hostile"),
            "{mode}: {}",
            bad.error()
        );
        assert_eq!(
            hostile(&json!({ "mode": "ok" })).run().await.keys()["mode"],
            "ok",
            "after {mode}"
        );
    }
}
