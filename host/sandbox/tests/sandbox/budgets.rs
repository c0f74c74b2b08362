//! Every budget, and that using it up ends the guest with an error that says which.

use std::time::{Duration, Instant};

use netsonde_sandbox::RunError;
use serde_json::json;

use crate::servers::{echo, fountain, silent};
use crate::support::{Seen, hostile, steps};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn computing() {
    let begun = Instant::now();
    let seen = hostile(&json!({ "mode": "loop" }))
        .budget(|budget| budget.cpu = Duration::from_millis(200))
        .run()
        .await;
    assert_eq!(seen.budget_text(), "milliseconds of computing: 200");
    assert!(
        seen.report.usage.cpu < Duration::from_secs(1),
        "{:?}",
        seen.report.usage
    );
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wall_clock_of_a_busy_guest() {
    let seen = hostile(&json!({ "mode": "loop" }))
        .budget(|budget| budget.wall_clock = Duration::from_millis(200))
        .run()
        .await;
    assert!(
        matches!(seen.error(), RunError::Timeout { .. }),
        "{:?}",
        seen.error()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let seen = hostile(&json!({ "mode": "memory" }))
        .budget(|budget| budget.memory = 16 << 20)
        .run()
        .await;
    assert_eq!(seen.budget_text(), format!("bytes of memory: {}", 16 << 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_at_the_start() {
    let seen = hostile(&json!({ "mode": "ok" }))
        .budget(|budget| budget.memory = 65_536)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "bytes of memory: 65536");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles() {
    let seen = hostile(&json!({ "mode": "handles" }))
        .budget(|budget| budget.handles = 100)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "handles: 100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines() {
    let seen = hostile(&json!({ "mode": "log" }))
        .budget(|budget| budget.log_lines = 25)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "log lines: 25");
    assert_eq!(
        seen.view.lines.lock().unwrap().len(),
        25,
        "those within the budget were shown"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_reports() {
    let seen = hostile(&json!({ "mode": "progress" }))
        .budget(|budget| budget.log_lines = 25)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "log lines: 25");
    assert_eq!(seen.view.progress.lock().unwrap().len(), 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections() {
    let server = echo();
    let seen = hostile(&json!({ "mode": "connections", "endpoint": server.text() }))
        .budget(|budget| budget.net.connections = 7)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "connections: 7");
    assert_eq!(seen.observations.tcp_connect.len(), 7);
    assert_eq!(seen.report.usage.net.connections, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries() {
    let seen = hostile(&json!({ "mode": "queries", "domain": "localhost" }))
        .budget(|budget| budget.net.queries = 3)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "queries: 3");
    assert_eq!(seen.report.usage.net.queries, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_sent() {
    let mut server = silent();
    let seen = hostile(&json!({ "mode": "bytes_sent", "endpoint": server.text() }))
        .budget(|budget| budget.net.bytes_sent = 1 << 20)
        .run()
        .await;
    assert_eq!(seen.budget_text(), format!("bytes_sent: {}", 1 << 20));
    assert_eq!(seen.report.usage.net.bytes_sent, 1 << 20);
    server.connections(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_received() {
    let mut server = fountain();
    let seen = hostile(&json!({ "mode": "bytes_received", "endpoint": server.text() }))
        .budget(|budget| budget.net.bytes_received = 1 << 20)
        .run()
        .await;
    assert_eq!(seen.budget_text(), format!("bytes_received: {}", 1 << 20));
    server.connections(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observations() {
    let mut server = fountain();
    let seen = hostile(&json!({ "mode": "bytes_received", "endpoint": server.text() }))
        .budget(|budget| budget.net.observations = 5)
        .run()
        .await;
    assert_eq!(seen.budget_text(), "observations: 5");
    assert_eq!(seen.report.usage.net.observations, 6);
    server.connections(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_says_what_was_used() {
    let server = echo();
    let options = json!({ "mode": "connect_many", "endpoint": server.text(), "count": 10 });
    let Seen { report, .. } = hostile(&options).run().await;
    let usage = &report.usage;
    assert!(
        usage.wall_clock > Duration::ZERO && usage.cpu > Duration::ZERO,
        "{usage:?}"
    );
    assert!(
        usage.peak_memory >= 1 << 20 && usage.peak_memory <= report.budget.memory,
        "{usage:?}"
    );
    // Of each connection: begin, connect, write, at least one read.
    assert!(usage.host_calls >= 40, "{usage:?}");
    let greeting = "hello from 00000000".len() as u64;
    let endpoint = server.text().len() as u64;
    assert_eq!(usage.host_call_bytes, 10 * (2 * greeting + endpoint), "{usage:?}");
    assert_eq!((usage.net.connections, usage.net.bytes_sent), (10, 10 * greeting));
    assert_eq!(usage.instances, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_head_of_a_million_headers() {
    let server = echo();
    let head = ":\n".repeat(1_000_000);
    let list = json!([
        {"do": "connect", "to": server.text()},
        {"do": "request", "url": "http://example.org/", "raw_head": head},
    ]);
    let seen = steps(&list)
        .budget(|budget| budget.memory = 512 << 20)
        .run()
        .await;
    let error = seen.error().to_string();
    assert!(error.contains("bytes handed over for operations"), "{error}");
}
