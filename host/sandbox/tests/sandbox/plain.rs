//! Guests of the plain twin: the same operations, the same observations, and the guest stands still meanwhile.

use std::time::{Duration, Instant};

use netsonde_sandbox::RunError;
use serde_json::json;

use crate::servers::{echo, silent};
use crate::support::{ENGINE, PLAIN, plain};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_guest_measures() {
    let server = echo();
    let seen = plain(&server.text()).run().await;
    let keys = seen.keys();
    assert_eq!(keys["echo"], "hello");
    assert!(
        keys["addresses"]
            .as_array()
            .unwrap()
            .contains(&json!("127.0.0.1")),
        "{keys:?}"
    );
    assert_eq!(keys["minis"].as_array().unwrap().len(), 3);
    assert_eq!(
        keys["minis"][1],
        json!({ "skipped": "unknown@v1 is not known here" })
    );
    assert_eq!(
        keys["minis"][0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["done"]
    );
    let observations = &seen.observations;
    assert_eq!(observations.queries.len(), 1);
    assert_eq!(observations.tcp_connect.len(), 1);
    assert_eq!(observations.queries[0].tags, ["plain"]);
    assert_eq!(seen.report.usage.instances, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_guest_that_waits_is_stopped_in_time() {
    let server = silent();
    let begun = Instant::now();
    let attempt = plain(&server.text()).budget(|budget| budget.wall_clock = Duration::from_secs(1));
    let seen = attempt.run().await;
    assert!(
        matches!(seen.error(), RunError::Timeout { .. }),
        "{:?}",
        seen.error()
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    // The read that it waited for is in the trace.
    let observations = serde_json::to_value(&seen.observations).unwrap();
    let events = observations["network_events"].as_array().unwrap();
    let read = events.iter().find(|event| event["operation"] == "read").unwrap();
    assert_eq!(read["failure"], "interrupted", "{read}");
}

#[tokio::test]
async fn a_plain_guest_reduces() {
    let reduced = ENGINE.reduce(&PLAIN, &json!({})).await.unwrap();
    assert_eq!(reduced["reduced"], true);
}
