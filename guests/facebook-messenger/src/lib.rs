//! `facebook_messenger` 0.2.1: do the names of Facebook Messenger lead to Facebook, and can its servers be reached?
//!
//! `run` runs mini nettests: those that the script names, or else a lookup of one name and a connection to each of six.
//! `reduce` (`verdict.rs`) says what their observations mean.

mod targets;
mod verdict;

use netsonde_guest::{Failure, Json, Map, Nettest, NoOptions, Target, export_nettest, messaging};

/// How many mini nettests run at a time: all that are built in.
const PARALLELISM: usize = 7;

/// The nettest.
pub struct FacebookMessenger;

impl Nettest for FacebookMessenger {
    type Options = NoOptions;

    async fn run(target: Target<NoOptions>) -> Result<Map<String, Json>, Failure> {
        let mut minis = target.targets;
        if minis.is_empty() {
            minis = targets::built_in();
            messaging::shuffle(&mut minis);
        }
        Ok(messaging::run("facebook_messenger", &minis, PARALLELISM).await)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        messaging::reduce(test_keys, verdict::keys)
    }
}

export_nettest!(FacebookMessenger);
