//! `signal` 0.2.5: can Signal's servers be reached?
//!
//! `run` runs mini nettests: those that the script names, or else a page from each of four servers and a lookup of a name
//! that is there for seeing whether names can be looked up. `reduce` (`verdict.rs`) says what their observations mean.

mod targets;
mod verdict;

use netsonde_guest::{Failure, Json, Map, Nettest, Target, export_nettest, messaging};
use serde::Deserialize;

/// How many mini nettests run at a time: all that are built in.
const PARALLELISM: usize = 5;

/// The nettest.
pub struct Signal;

/// Its options.
#[derive(Deserialize)]
pub struct Options {
    /// Roots (PEM) to trust instead of Signal's own; for tests.
    #[serde(rename = "SignalCA", default)]
    signal_ca: String,
}

impl Nettest for Signal {
    type Options = Options;

    async fn run(target: Target<Options>) -> Result<Map<String, Json>, Failure> {
        let minis = if target.targets.is_empty() {
            targets::built_in(&target.options.signal_ca)
        } else {
            target.targets
        };
        Ok(messaging::run("signal", &minis, PARALLELISM).await)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        messaging::reduce(test_keys, verdict::keys)
    }
}

export_nettest!(Signal);
