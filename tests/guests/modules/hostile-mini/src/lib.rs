//! A mini nettest that misbehaves. What each mode does is in the table of `netsonde-test-guests`.
//!
//! It implements the generated trait and not the one of the guest library, which would not let it return nonsense.

#[cfg(target_family = "wasm")]
netsonde_guest::bindings::mini_nettest::export_world_mini_nettest!(
    HostileMini with_types_in netsonde_guest::bindings::mini_nettest
);

use std::hint::black_box;

use netsonde_guest::bindings::mini_nettest::Guest;
use netsonde_guest::{Failure, Outcome, begin, info, json, tcp};
use serde::Deserialize;

/// The mini nettest.
pub struct HostileMini;

/// Which mode, and its parameters.
#[derive(Deserialize)]
struct With {
    mode: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    count: u64,
}

impl Guest for HostileMini {
    async fn run(with: String) -> Result<Outcome, Failure> {
        let With {
            mode,
            endpoint,
            count,
        } = serde_json::from_str(&with).map_err(|error| {
            Failure::top_level("invalid_argument", format!("read the arguments: {error}"))
        })?;
        match mode.as_str() {
            "ok" => Ok(outcome(None, Vec::new(), json!({ "mode": "ok" }).to_string())),
            "error" => Err(Failure::top_level(
                "invalid_argument",
                "the guest was asked to fail".to_owned(),
            )),
            "invalid_json" => Ok(outcome(None, Vec::new(), "{".to_owned())),
            "invented_transactions" => Ok(outcome(None, vec![1_000_000], "{}".to_owned())),
            "trap" => std::process::abort(),
            "loop" => loop {
                black_box(0);
            },
            "memory" => {
                let mut kept = Vec::new();
                loop {
                    kept.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            "spin" => Ok(spin(count)),
            "connections" => loop {
                let _ = tcp::connect(&begin(&[], None), endpoint.clone(), None).await;
            },
            "connect" => Ok(connect(endpoint).await),
            "hang" => {
                let connection = tcp::connect(&begin(&[], None), endpoint, None).await?;
                let failure = tcp::read(&connection, 1, None).await.err();
                Ok(outcome(failure, Vec::new(), "{}".to_owned()))
            }
            other => Err(Failure::top_level(
                "invalid_argument",
                format!("the mode {other} is not known"),
            )),
        }
    }
}

/// Connect once: what a decent mini nettest does.
async fn connect(endpoint: String) -> Outcome {
    let transaction = begin(&["hostile-mini".to_owned()], None);
    let failure = tcp::connect(&transaction, endpoint, None).await.err();
    outcome(failure, vec![transaction.id()], "{}".to_owned())
}

/// Keep the processor busy for so many milliseconds.
fn spin(milliseconds: u64) -> Outcome {
    let start = info::now();
    while info::now() - start < milliseconds * 1_000_000 {
        black_box(start);
    }
    outcome(
        None,
        Vec::new(),
        json!({ "busy_ns": info::now() - start }).to_string(),
    )
}

fn outcome(failure: Option<Failure>, transactions: Vec<u64>, output: String) -> Outcome {
    Outcome {
        failure,
        transactions,
        output,
    }
}
