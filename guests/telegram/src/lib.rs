//! `telegram` 0.3.1: can Telegram's data centres and its web client be reached?
//!
//! `run` runs mini nettests: those that the script names, or else a page from the web client and one from each data
//! centre at both of its ports. `reduce` (`verdict.rs`) says what their observations mean.

mod targets;
mod verdict;

use std::cell::{Cell, RefCell};

use netsonde_guest::futures::stream::{self, StreamExt};
use netsonde_guest::observations::Observations;
use netsonde_guest::progress::{self, Level};
use netsonde_guest::{
    Failure, Json, Map, MiniStatus, MiniTarget, Nettest, NoOptions, Target, export_nettest, json, mini,
};

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
        let done = Cell::new(0_u32);
        let web = RefCell::new(Vec::new());
        let total = minis.len();
        stream::iter(&minis)
            .for_each_concurrent(PARALLELISM, async |mini| {
                let (became, result) = run_one(mini).await;
                if verdict::is_about_web(mini) {
                    web.borrow_mut().extend(result);
                }
                done.set(done.get() + 1);
                progress::report(
                    fraction(done.get(), total),
                    &format!("telegram: {}: {became}", name(mini)),
                );
            })
            .await;
        // `failure` is null whatever the network did: the verdict is in the keys of `reduce`.
        let mut keys = verdict::said_keys(web.into_inner());
        keys.extend([
            ("agent".to_owned(), json!("redirect")),
            ("failed_operation".to_owned(), Json::Null),
            ("failure".to_owned(), Json::Null),
        ]);
        Ok(keys)
    }

    fn reduce(test_keys: &Map<String, Json>) -> Result<Map<String, Json>, Failure> {
        match Observations::of(test_keys) {
            Ok(observations) => Ok(verdict::keys(&observations, verdict::said(test_keys))),
            Err(error) => Err(Failure::top_level(
                "json_parse_error",
                format!("read the observations: {error}"),
            )),
        }
    }
}

/// What became of a mini nettest, for people, and its result unless it was skipped.
async fn run_one(mini: &MiniTarget) -> (String, Option<Result<(), Failure>>) {
    let failure = match mini::run(vec![mini.request()], 1).await.pop() {
        Some(MiniStatus::Done(outcome)) => outcome.failure,
        Some(MiniStatus::Skipped(why)) => return (format!("skipped: {why}"), None),
        Some(MiniStatus::Broken(failure)) => {
            progress::log(Level::Warning, &format!("{}: {}", name(mini), failure.detail));
            Some(failure)
        }
        None => return ("skipped".to_owned(), None),
    };
    match failure {
        Some(failure) => (failure.code.clone(), Some(Err(failure))),
        None => ("ok".to_owned(), Some(Ok(()))),
    }
}

/// What a mini nettest measures, for people.
fn name(mini: &MiniTarget) -> String {
    let host = ["domain", "ip_address"]
        .into_iter()
        .find_map(|key| mini.with.get(key)?.as_str());
    match (host, mini.with.get("port")) {
        (Some(host), Some(port)) => format!("{host}, port {port}"),
        (Some(host), None) => host.to_owned(),
        _ => mini.run.clone(),
    }
}

fn fraction(done: u32, total: usize) -> f64 {
    f64::from(done) / f64::from(u32::try_from(total).unwrap_or(u32::MAX))
}

export_nettest!(Telegram);
