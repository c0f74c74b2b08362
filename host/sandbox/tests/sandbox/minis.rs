//! Mini nettests: instances of their own on their caller's budget and in its trace.

use std::time::Duration;

use netsonde_sandbox::RunError;
use serde_json::{Value, json};

use crate::servers::echo;
use crate::support::{Seen, with_minis};

const MINI: &str = "hostile-mini@v1";

fn statuses(seen: &Seen) -> &[Value] {
    seen.keys()["minis"].as_array().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_come_in_the_order_of_the_requests() {
    let seen = with_minis(
        4,
        &[
            (MINI, json!({ "mode": "spin", "count": 100 })),
            (MINI, json!({ "mode": "ok" })),
            ("unheard-of@v1", json!({})),
            (MINI, json!({ "mode": "error" })),
            (MINI, json!({ "mode": "trap" })),
            (MINI, json!({ "mode": "invalid_json" })),
            ("hostile@v0", json!({})),
        ],
    )
    .run()
    .await;
    let statuses = statuses(&seen);
    assert!(
        statuses[0]["output"].as_str().unwrap().contains("busy_ns"),
        "{:?}",
        statuses[0]
    );
    assert_eq!(
        statuses[1],
        json!({ "done": null, "transactions": [], "output": r#"{"mode":"ok"}"# })
    );
    assert_eq!(
        statuses[2],
        json!({ "skipped": "unheard-of@v1 is not known here" })
    );
    assert_eq!(statuses[3]["broken"], "invalid_argument");
    assert!(
        statuses[4]["detail"]
            .as_str()
            .unwrap()
            .contains("run hostile-mini: it trapped"),
        "{:?}",
        statuses[4]
    );
    assert!(
        statuses[5]["detail"].as_str().unwrap().contains("its output"),
        "{:?}",
        statuses[5]
    );
    assert!(
        statuses[6]["skipped"].as_str().unwrap().contains("is a nettest"),
        "{:?}",
        statuses[6]
    );
    assert_eq!(seen.view.skipped.lock().unwrap().len(), 2);
    assert_eq!(
        seen.report.usage.instances,
        1 + 5,
        "what was skipped or refused never started"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observations_carry_the_tags_of_the_request_and_ids_are_the_hosts() {
    let server = echo();
    let connect = (MINI, json!({ "mode": "connect", "endpoint": server.text() }));
    let seen = with_minis(
        2,
        &[
            connect.clone(),
            connect,
            (MINI, json!({ "mode": "invented_transactions" })),
        ],
    )
    .run()
    .await;
    let statuses = statuses(&seen);
    for (number, status) in statuses[..2].iter().enumerate() {
        let id = status["transactions"][0].as_u64().unwrap();
        let connect = seen
            .observations
            .tcp_connect
            .iter()
            .find(|connect| connect.transaction_id == id)
            .unwrap();
        assert_eq!(
            connect.tags,
            [format!("target-{number}"), "hostile-mini".to_owned()]
        );
    }
    assert_eq!(
        statuses[2]["transactions"],
        json!([]),
        "a guest can not claim a transaction"
    );
    assert_eq!(seen.report.usage.net.connections, 2, "usage is the caller's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_so_many_run_at_a_time() {
    // Two threads, but one at a time: six times 50 ms of computing after each other.
    let spin = (MINI, json!({ "mode": "spin", "count": 50 }));
    let seen = with_minis(0, &vec![spin; 6]).run().await;
    assert!(
        seen.report.usage.wall_clock >= Duration::from_millis(300),
        "{:?}",
        seen.report.usage
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mini_nettest_that_breaks_the_callers_budget_ends_the_caller() {
    let server = echo();
    let seen = with_minis(
        1,
        &[(MINI, json!({ "mode": "connections", "endpoint": server.text() }))],
    )
    .budget(|budget| budget.net.connections = 5)
    .run()
    .await;
    assert_eq!(seen.budget_text(), "connections: 5");
    assert_eq!(seen.observations.tcp_connect.len(), 5);
    let seen = with_minis(1, &[(MINI, json!({ "mode": "loop" }))])
        .budget(|budget| budget.cpu = Duration::from_millis(200))
        .run()
        .await;
    // Both have the same limit, and what the mini nettest spent came on top of what the caller had spent.
    let RunError::BudgetExceeded { exceeded, .. } = seen.error() else {
        panic!("{:?}", seen.report.result)
    };
    assert_eq!(
        exceeded.to_string(),
        "hostile used up its budget: milliseconds of computing: more than 200"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_of_all_instances_together_is_the_callers() {
    let seen = with_minis(
        1,
        &[
            (MINI, json!({ "mode": "memory" })),
            (MINI, json!({ "mode": "ok" })),
        ],
    )
    .budget(|budget| budget.memory = 16 << 20)
    .run()
    .await;
    assert_eq!(seen.budget_text(), format!("bytes of memory: {}", 16 << 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_instances_held_comes_back_to_the_caller() {
    // Each instance takes more than a MiB; one after the other they fit.
    let seen = with_minis(1, &vec![(MINI, json!({ "mode": "ok" })); 40])
        .budget(|budget| budget.memory = 8 << 20)
        .run()
        .await;
    assert_eq!(statuses(&seen).len(), 40);
    assert!(seen.report.usage.peak_memory <= 8 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mini_nettests_end_before_their_caller_which_says_so() {
    let seen = with_minis(2, &[(MINI, json!({ "mode": "loop" }))])
        .budget(|budget| budget.wall_clock = Duration::from_secs(5))
        .run()
        .await;
    assert_eq!(statuses(&seen)[0]["broken"], "generic_timeout_error");
    let took = seen.report.usage.wall_clock;
    assert!(took >= Duration::from_millis(4_500), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_mini_nettests_in_one_run() {
    let server = echo();
    let connect = (MINI, json!({ "mode": "connect", "endpoint": server.text() }));
    let seen = with_minis(100, &vec![connect; 200]).run().await;
    assert!(
        statuses(&seen).iter().all(|status| status["done"].is_null()),
        "{:?}",
        statuses(&seen)[0]
    );
    assert_eq!(seen.observations.tcp_connect.len(), 200);
    let ids: std::collections::BTreeSet<_> = statuses(&seen)
        .iter()
        .map(|status| status["transactions"][0].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), 200, "each its own transaction");
}

/// The host repeats tags in every observation, so a guest can not have them grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_short() {
    let mut attempt = with_minis(
        1,
        &[(MINI, json!({ "mode": "connect", "endpoint": "127.0.0.1:9" }))],
    );
    attempt.target["targets"][0]["tags"] = json!(["x".repeat(10_000)]);
    let seen = attempt.run().await;
    let detail = statuses(&seen)[0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("bytes of tags in a transaction: more than 1024"),
        "{detail}"
    );
    assert!(seen.observations.tcp_connect.is_empty());
}
