//! A short time of what `benches/load.rs` does for longer.

use crate::world::{World, helper::Helper, load};
use std::time::Duration;

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
