//! The test helper under load: 200 questions at once for a minute, of probes and of those who mean harm.
//!
//! `cargo bench -p netsonde-registry --bench load`, and `-- --seconds 5` for less. It prints how long answers took by kind of
//! question, how many there were of each status, and the most memory that the helper had; it fails where that is more than
//! the bound below, where an answer is wrong, where too many are late, or where the helper is gone.

#[path = "../tests/world/mod.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod world;

use std::{process::ExitCode, time::Duration};
use world::{World, helper::Helper, load};

/// Questions at once. The helper is told to take them all on: those that it turns away cost it nothing.
const CONCURRENT: usize = 200;
/// What the helper may have of memory, in bytes: bodies of questions 64 MiB, and twice that while they grow; each question
/// and its connections half a MiB; the rest is the program and what the allocator keeps.
const MOST_MEMORY: u64 = 256 << 20;
/// One of so many answers may say that something took too long which does not.
const ONE_LATE_OF: usize = 100;

fn main() -> ExitCode {
    let mut arguments = std::env::args()
        .skip_while(|argument| argument != "--seconds")
        .skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(60);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        println!("the runtime does not start");
        return ExitCode::FAILURE;
    };
    let report = runtime.block_on(async {
        let world = World::new().await;
        let many = CONCURRENT.to_string();
        let flags = ["--max-in-flight", &many, "--max-in-flight-of-strangers", &many];
        let mut helper = Helper::start(&world, &flags);
        load::run(&world, &mut helper, CONCURRENT, Duration::from_secs(seconds)).await
    });
    println!("{CONCURRENT} questions at once for {seconds} s\n{report}");
    let is_small = report.peak_memory.is_none_or(|bytes| bytes <= MOST_MEMORY);
    for wrong in report.wrong.iter().take(10) {
        println!("WRONG {wrong}");
    }
    if !report.is_alive {
        println!("FAILED: the helper is gone");
    }
    if !is_small {
        println!("FAILED: it had more than {} MiB of memory", MOST_MEMORY >> 20);
    }
    let answers = usize::try_from(report.with_status(200)).unwrap_or(usize::MAX);
    let is_timely = report.late * ONE_LATE_OF <= answers;
    if !is_timely {
        println!(
            "FAILED: {} of {answers} answers were late: is this machine busy?",
            report.late
        );
    }
    if report.is_alive && is_small && is_timely && report.wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
