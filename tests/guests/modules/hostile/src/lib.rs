//! A nettest that misbehaves. What each mode does is in the table of `netsonde-test-guests`.
//!
//! It implements the generated trait and not the one of the guest library, which would not let it return nonsense.

#[cfg(target_family = "wasm")]
netsonde_guest::bindings::nettest::export_world_nettest!(Hostile with_types_in netsonde_guest::bindings::nettest);

mod memory;
mod network;

use netsonde_guest::bindings::nettest::Guest;
use netsonde_guest::progress::{self, Level};
use netsonde_guest::{DnsOptions, Failure, Json, MiniTarget, begin, info, json, mini};
use netsonde_guest::{MiniStatus, Target, cache};
use serde::Deserialize;

/// The nettest.
pub struct Hostile;

/// Which mode, and its parameters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    mode: String,
    endpoint: String,
    domain: String,
    count: u32,
    reduce: String,
    parallelism: u32,
}

impl Guest for Hostile {
    async fn run(target: String) -> Result<String, Failure> {
        let target: Target<Options> = Target::read(&target)
            .map_err(|error| Failure::top_level("invalid_argument", format!("read the target: {error}")))?;
        if target.options.mode == "invalid_json" {
            return Ok("{\"unfinished\": ".to_owned());
        }
        let reduce = target.options.reduce.clone();
        let result = misbehave(target).await?;
        Ok(if reduce.is_empty() {
            result
        } else {
            json!({ "reduce": reduce, "result": result })
        }
        .to_string())
    }

    fn reduce(test_keys: String) -> Result<String, Failure> {
        let test_keys: Json = serde_json::from_str(&test_keys).unwrap_or_default();
        match test_keys.get("reduce").and_then(Json::as_str) {
            Some("import") => Ok(json!({ "now": info::now() }).to_string()),
            Some("loop") => memory::spin(),
            Some("trap") => memory::trap(),
            Some("invalid_json") => Ok("}".to_owned()),
            Some("error") => Err(Failure::top_level(
                "json_parse_error",
                "reduce was asked to fail".to_owned(),
            )),
            Some("keys") => Ok(json!({ "reduced": true }).to_string()),
            _ => Ok("{}".to_owned()),
        }
    }
}

async fn misbehave(target: Target<Options>) -> Result<Json, Failure> {
    let Target { options, targets, .. } = target;
    match options.mode.as_str() {
        "ok" => Ok(json!({ "mode": "ok" })),
        "error" => Err(Failure::top_level(
            "unknown_failure: asked for",
            "the guest was asked to fail".to_owned(),
        )),
        "not_an_object" => Ok(json!([1, 2, 3])),
        "loop" => memory::spin(),
        "trap" => memory::trap(),
        "memory" => memory::eat(),
        "stack" => Ok(json!({ "depth": memory::recurse(0) })),
        "big_result" => Ok(json!({ "big": "x".repeat(options.count as usize) })),
        "handles" => handles(),
        "log" => flood(|| progress::log(Level::Info, "and another line")),
        "progress" => flood(|| progress::report(0.5, "and another step")),
        "calls" => Ok(calls(options.count)),
        "pending" => futures::future::pending().await,
        "keep" => keep(options.count).await,
        "rewrite" => rewrite(options.count).await,
        "mini" => Ok(minis(&targets, options.parallelism).await),
        _ => network::misbehave(options).await,
    }
}

/// Open handles and keep them, for ever.
fn handles() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push((begin(&[], None), DnsOptions::new()));
    }
}

fn flood(call: impl Fn()) -> ! {
    loop {
        call();
    }
}

/// What `count` calls of the host cost.
fn calls(count: u32) -> Json {
    let start = info::now();
    for _ in 0..count {
        std::hint::black_box(info::now());
    }
    json!({ "calls": count, "nanoseconds": info::now() - start })
}

/// Keep values of `count` bytes until the host has enough of it.
async fn keep(count: u32) -> Result<Json, Failure> {
    let before = cache::keys().await?;
    let mut kept = 0;
    loop {
        match cache::set(format!("value-{kept}"), vec![0; count as usize]).await {
            Ok(()) => kept += 1,
            Err(failure) => return Ok(json!({ "before": before, "kept": kept, "why": failure.detail })),
        }
    }
}

/// Keep a value of `count` bytes, and again, for ever.
async fn rewrite(count: u32) -> Result<Json, Failure> {
    loop {
        cache::set("again".to_owned(), vec![0; count as usize]).await?;
    }
}

/// Run the script's mini nettests and say what became of each.
async fn minis(targets: &[MiniTarget], parallelism: u32) -> Json {
    let requests: Vec<_> = targets.iter().map(MiniTarget::request).collect();
    let statuses = mini::run(requests, parallelism).await;
    let told = statuses.into_iter().map(|status| match status {
        MiniStatus::Done(outcome) => json!({
            "done": outcome.failure.map(|failure| failure.code),
            "transactions": outcome.transactions,
            "output": outcome.output,
        }),
        MiniStatus::Skipped(why) => json!({ "skipped": why }),
        MiniStatus::Broken(failure) => json!({ "broken": failure.code, "detail": failure.detail }),
    });
    json!({ "minis": told.collect::<Vec<_>>() })
}
