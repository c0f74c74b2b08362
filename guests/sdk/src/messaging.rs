//! What the nettests about messaging apps have in common: they run a list of mini nettests, the script's or their own,
//! within a minute, and their verdict follows from the observations.
//!
//! The observations of a mini nettest are tagged with what it was to reach (`target:web.telegram.org:443`), so that they can
//! be told apart. What failed is said once more in a key of its own, because not every failure can be observed.

use std::cell::Cell;

use futures::stream::{self, StreamExt};
use serde_json::{Map, Value, json};

use crate::attempts::TARGET_TAG;
use crate::observations::{FAILED_MINIS, Observations};
use crate::progress::{self, Level};
use crate::steps::endpoint;
use crate::{Failure, MiniRequest, MiniStatus, MiniTarget, info, mini};

/// When the last mini nettest has to be over, in milliseconds since the measurement began.
const DEADLINE_MS: u64 = 60_000;

/// Run the mini nettests, at most `parallelism` at a time, and return the keys that only `run` knows. Whatever does not end
/// within a minute fails with `generic_timeout_error`, also what has not even begun then.
pub async fn run(nettest: &str, minis: &[MiniTarget], parallelism: usize) -> Map<String, Value> {
    let done = Cell::new(0_u32);
    let total = u32::try_from(minis.len()).unwrap_or(u32::MAX);
    let failed: Vec<Option<Value>> = stream::iter(minis)
        .map(async |mini| {
            let target = target(mini);
            let (became, failure) = run_one(request(mini, &target, remaining_ms(info::now()))).await;
            done.set(done.get() + 1);
            let message = format!("{nettest}: measure {target}: {became}");
            progress::report(f64::from(done.get()) / f64::from(total), &message);
            failure.map(|failure| said(mini, &target, &failure))
        })
        .buffer_unordered(parallelism)
        .collect()
        .await;
    // `failure` is null whatever the network did: the verdict is in the keys of `reduce`.
    let mut keys: Map<String, Value> = crate::gather([
        ("agent".to_owned(), json!("redirect")),
        ("failed_operation".to_owned(), Value::Null),
        ("failure".to_owned(), Value::Null),
    ]);
    let failed: Vec<_> = failed.into_iter().flatten().collect();
    if !failed.is_empty() {
        keys.insert(FAILED_MINIS.to_owned(), Value::Array(failed));
    }
    keys
}

/// The verdict on test keys: `verdict` on the observations among them, and the key `x_unreached` where nothing at all
/// could be reached for a reason that is no censor's.
pub fn reduce(
    test_keys: &Map<String, Value>,
    verdict: impl FnOnce(&Observations) -> Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    match Observations::of(test_keys) {
        Ok(observations) => {
            let mut keys = verdict(&observations);
            if let Some(why) = observations.unreached() {
                keys.insert("x_unreached".to_owned(), json!(why));
            }
            Ok(keys)
        }
        Err(error) => Err(Failure::top_level(
            "json_parse_error",
            format!("read the observations: {error}"),
        )),
    }
}

/// Mix a list, so that nobody on the way can tell the nettest by the order of its targets.
pub fn shuffle(minis: &mut [MiniTarget]) {
    let random = info::random_bytes(u32::try_from(minis.len() * 2).unwrap_or(0));
    shuffle_by(minis, &random);
}

/// Mix a list by two random bytes for each of its items (Fisher and Yates).
fn shuffle_by<T>(items: &mut [T], random: &[u8]) {
    for (index, bytes) in (1..items.len()).zip(random.chunks_exact(2)) {
        let random = bytes
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte));
        items.swap(index, random % (index + 1));
    }
}

/// What became of a mini nettest, for people, and its failure.
async fn run_one(request: MiniRequest) -> (String, Option<Failure>) {
    let name = request.run.clone();
    let failure = match mini::run(vec![request], 1).await.pop() {
        Some(MiniStatus::Done(outcome)) => outcome.failure,
        Some(MiniStatus::Skipped(why)) => return (format!("skipped: {why}"), None),
        Some(MiniStatus::Broken(failure)) => {
            progress::log(Level::Warning, &format!("{name}: {}", failure.detail));
            Some(failure)
        }
        None => return ("skipped".to_owned(), None),
    };
    let became = failure.as_ref().map_or("ok", |failure| &failure.code);
    (became.to_owned(), failure)
}

fn request(mini: &MiniTarget, target: &str, remaining_ms: u64) -> MiniRequest {
    let mut mini = mini.clone();
    mini.tags.push(format!("{TARGET_TAG}{target}"));
    let own = mini.with.get("timeout_ms").and_then(Value::as_u64);
    let timeout_ms = own.map_or(remaining_ms, |own| own.min(remaining_ms));
    mini.with.insert("timeout_ms".to_owned(), json!(timeout_ms));
    mini.request()
}

/// How many milliseconds are left; at least one, so that what begins too late fails as what takes too long.
fn remaining_ms(now_ns: u64) -> u64 {
    DEADLINE_MS.saturating_sub(now_ns / 1_000_000).max(1)
}

/// What a mini nettest is to reach: `host:port`, or a host.
fn target(mini: &MiniTarget) -> String {
    let argument = |name: &str| mini.with.get(name);
    let host = ["domain", "ip_address"]
        .into_iter()
        .find_map(|name| argument(name)?.as_str());
    let usual_port = match mini.run.split('-').next() {
        Some("https" | "http3") => Some(443),
        Some("http") => Some(80),
        _ => None,
    };
    let port = argument("port").and_then(Value::as_u64).or(usual_port);
    match (host, port.and_then(|port| u16::try_from(port).ok())) {
        (Some(host), Some(port)) => endpoint(host, port),
        (Some(host), None) => host.to_owned(),
        _ => mini.run.clone(),
    }
}

fn said(mini: &MiniTarget, target: &str, failure: &Failure) -> Value {
    json!({
        "target": target,
        "tags": mini.tags,
        "failure": failure.code,
        "failed_operation": failure.operation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mini(run: &str, with: Value) -> MiniTarget {
        MiniTarget::new(run, "a", with)
    }

    #[test]
    fn a_target_is_a_host_with_the_port_that_is_meant() {
        for (run, with, expected) in [
            (
                "https-domain@v1",
                json!({"domain": "example.com"}),
                "example.com:443",
            ),
            (
                "http-address@v1",
                json!({"ip_address": "192.0.2.1"}),
                "192.0.2.1:80",
            ),
            (
                "http-address@v1",
                json!({"ip_address": "2001:db8::1", "port": 443}),
                "[2001:db8::1]:443",
            ),
            (
                "tcp-connect-domain@v1",
                json!({"domain": "example.com", "port": 5222}),
                "example.com:5222",
            ),
            ("dns-lookup@v1", json!({"domain": "example.com"}), "example.com"),
            ("something-else@v1", json!({}), "something-else@v1"),
        ] {
            assert_eq!(target(&mini(run, with)), expected);
        }
    }

    #[test]
    fn a_mini_nettest_is_tagged_and_told_how_long_it_may_take() {
        let request_of = |with: Value, remaining| {
            let request = request(&mini("dns-lookup@v1", with), "example.com", remaining);
            assert_eq!(request.tags, ["a", "target:example.com"]);
            serde_json::from_str::<Value>(&request.with).unwrap()["timeout_ms"].clone()
        };
        assert_eq!(request_of(json!({"domain": "example.com"}), 7), 7);
        assert_eq!(request_of(json!({"timeout_ms": 5}), 7), 5);
        assert_eq!(request_of(json!({"timeout_ms": 9}), 7), 7);
    }

    #[test]
    fn what_begins_after_a_minute_has_a_millisecond() {
        assert_eq!(remaining_ms(0), 60_000);
        assert_eq!(remaining_ms(59_000_000_000), 1_000);
        assert_eq!(remaining_ms(60_000_000_000), 1);
        assert_eq!(remaining_ms(u64::MAX), 1);
    }

    #[test]
    fn mixing_keeps_every_item() {
        let mut items: Vec<u32> = (0..34).collect();
        let random: Vec<u8> = (0_u8..68).map(|byte| byte.wrapping_mul(37)).collect();
        shuffle_by(&mut items, &random);
        assert_ne!(items, (0..34).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..34).collect::<Vec<_>>());
    }
}
