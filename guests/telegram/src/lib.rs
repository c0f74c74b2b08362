//! `telegram` 0.3.1: can Telegram's data centres and its web client be reached?
//!
//! `run` runs mini nettests: those that the script names, or else a page from the web client and one from each data
//! centre at both of its ports. `reduce` (`verdict.rs`) says what their observations mean.

mod targets;
mod verdict;

use netsonde_guest::{Failure, Json, Map, Nettest, NoOptions, Target, export_nettest, messaging};

/// How many mini nettests run at a time. A data centre that drops packets costs 15 seconds of 60, twelve times.
const PARALLELISM: usize = 6;

/// The nettest.
pub struct Telegram;

impl Nettest for Telegram {
    type Options = NoOptions;

    async fn run(target: Target<NoOptions>) -> Result<Map<String, Json>, Failure> {
        let minis = if target.targets.is_empty() {
            targets::built_in()
        } else {
            target.targets
        };
        Ok(messaging::run("telegram", &minis, PARALLELISM).await)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        messaging::reduce(test_keys, verdict::keys)
    }
}

export_nettest!(Telegram);
