//! A short time of what `benches/load.rs` does for longer.

use crate::world::{
    World,
    helper::{Helper, post},
    load,
};
use serde_json::json;
use std::time::Duration;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// What the helper may have of memory with so many questions under way, in bytes. It is built without optimisation here.
const MOST_MEMORY: u64 = 256 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn hostile_questions_and_pages_take_neither_life_nor_memory() {
    let world = World::new().await;
    let flags = ["--max-in-flight", "50", "--max-in-flight-of-strangers", "25"];
    let mut helper = Helper::start(&world, &flags);
    let report = load::run(&world, &mut helper, 60, Duration::from_secs(3)).await;
    assert!(report.is_alive, "{report}");
    assert_eq!(report.wrong, [""; 0], "{report}");
    assert!(
        report.with_status(200) > 0 && report.with_status(400) > 0,
        "{report}"
    );
    assert!(
        report.peak_memory.is_none_or(|bytes| bytes < MOST_MEMORY),
        "{report}"
    );
}

#[tokio::test]
async fn clients_that_begin_a_question_and_wait_keep_nobody_out() {
    let world = World::new().await;
    let flags = ["--max-in-flight", "2", "--max-in-flight-of-strangers", "1"];
    let helper = Helper::start(&world, &flags);
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(helper.address).await.unwrap();
        let begun = b"POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: ooniprobe-x\r\nContent-Length: 100\r\n\r\n{";
        stream.write_all(begun).await.unwrap();
        waiting.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let question = json!({"http_request": "http://127.0.0.1:1/"}).to_string();
    let reply = post(helper.address, "ooniprobe-x", question.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.head);
}
