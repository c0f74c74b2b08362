//! One instance: a store, the guest in it, and the three ways in which it can be stopped.
//!
//! The store lives exactly as long as the call of [`run`]. After a trap or a timeout the guest's calls would go on for
//! as long as the store does, so nothing here keeps it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use netsonde_net::Exceeded;
use serde_json::{Map, Value};
use tokio::task::JoinError;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use crate::bindings::types;
use crate::cpu::Metered;
use crate::engine::Engine;
use crate::error::{BudgetExceeded, RunError};
use crate::ledger::Ledger;

/// The most bytes that a guest can hand over in one call.
const CALL_BYTES: usize = 16 << 20;

/// Handles of the component model that are not resources of ours: calls under way, sets of them, borrowed handles.
/// One call can take a few.
const HANDLES_PER_HANDLE: u64 = 4;

/// Where the guest was when it stopped.
pub(crate) enum Stopped {
    Starting(wasmtime::Error),
    Running(wasmtime::Error),
}

/// Run `body` in a fresh store with `data`, within the wall clock and the books of `ledger`.
pub(crate) async fn run<T: Send + 'static, R>(
    engine: &Engine,
    ledger: &Arc<Ledger>,
    wall_clock: Duration,
    data: T,
    limiter: impl (FnMut(&mut T) -> &mut dyn ResourceLimiter) + Send + Sync + 'static,
    body: impl for<'a> FnOnce(&'a mut Store<T>) -> BoxFuture<'a, Result<R, Stopped>>,
) -> Result<R, RunError> {
    let _ticking = engine.ticker().guest();
    let mut store = Store::new(engine.wasmtime(), data);
    store.limiter(limiter);
    store.set_hostcall_fuel(CALL_BYTES);
    let handles = ledger.budget().handles.saturating_mul(HANDLES_PER_HANDLE);
    store.set_max_component_handles(usize::try_from(handles).unwrap_or(usize::MAX));
    // A guest that computes for longer than a tick lets others go first. tokio's own yield also lets sockets be
    // looked at, which waking the task again at once would not.
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
    store.set_epoch_deadline(1);
    // The timeout stands around everything: inside `run_concurrent` it would not be polled reliably.
    let outcome = tokio::time::timeout(wall_clock, Metered::new(ledger.clone(), body(&mut store))).await;
    drop(store);
    let module = ledger.module();
    match outcome {
        Err(_) => Err(RunError::Timeout {
            module: module.to_owned(),
            limit: wall_clock,
        }),
        Ok(Err(over)) => Err(exceeded(module, over)),
        Ok(Ok(Ok(result))) => Ok(result),
        Ok(Ok(Err(stopped))) => Err(explain(ledger, &stopped)),
    }
}

/// Why a guest stopped, in terms of what it did.
fn explain(ledger: &Ledger, stopped: &Stopped) -> RunError {
    let module = ledger.module().to_owned();
    let (Stopped::Starting(error) | Stopped::Running(error)) = stopped;
    tracing::debug!(module, ?error, "a guest stopped");
    // No guest's doing: a caller that this guest could not be started for would take it for a result.
    let system = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(files) = system.and_then(Exceeded::open_files) {
        let over = ledger.root().overdraw(files.what, files.limit);
        return exceeded(&module, over);
    }
    let over = error
        .downcast_ref::<BudgetExceeded>()
        .or_else(|| ledger.exceeded())
        .cloned();
    if let Some(over) = over {
        return exceeded(&module, over);
    }
    let detail = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    if detail.contains("store handle limit exceeded") {
        return exceeded(&module, ledger.overdraw("handles", ledger.budget().handles));
    }
    match stopped {
        Stopped::Starting(_) => RunError::Instantiate { module, detail },
        Stopped::Running(_) => RunError::Trap { module, detail },
    }
}

/// A budget was used up.
pub(crate) fn exceeded(module: &str, exceeded: BudgetExceeded) -> RunError {
    RunError::BudgetExceeded {
        module: module.to_owned(),
        exceeded,
    }
}

/// The result of a task; a panic in it is the host's defect.
pub(crate) fn flatten<R>(
    module: &str,
    joined: Result<Result<R, RunError>, JoinError>,
) -> Result<R, RunError> {
    joined.unwrap_or_else(|error| {
        let detail = match error.try_into_panic() {
            Ok(panic) => match panic.downcast::<String>() {
                Ok(text) => *text,
                Err(panic) => panic
                    .downcast_ref::<&str>()
                    .copied()
                    .unwrap_or("a panic without text")
                    .to_owned(),
            },
            Err(error) => error.to_string(),
        };
        Err(RunError::Host {
            module: module.to_owned(),
            detail,
        })
    })
}

/// What a guest returned, which has to be a JSON object or its own failure.
pub(crate) fn object(
    module: &str,
    answer: Result<String, types::Failure>,
) -> Result<Map<String, Value>, RunError> {
    let text = answer.map_err(|failure| RunError::Guest {
        module: module.to_owned(),
        failure: failure.into(),
    })?;
    parse(module, "its result", &text)
}

/// Check that a document is a JSON object, without building it.
#[expect(
    clippy::zero_sized_map_values,
    reason = "serde takes nothing but an object for a map"
)]
pub(crate) fn check(module: &str, what: &'static str, text: &str) -> Result<(), RunError> {
    #[expect(
        clippy::zero_sized_map_values,
        reason = "serde takes nothing but an object for a map"
    )]
    type Object = BTreeMap<String, serde::de::IgnoredAny>;
    parse::<Object>(module, what, text).map(drop)
}

/// Parse a JSON object; `what` names it.
fn parse<T: serde::de::DeserializeOwned>(
    module: &str,
    what: &'static str,
    text: &str,
) -> Result<T, RunError> {
    serde_json::from_str(text).map_err(|error| RunError::InvalidJson {
        module: module.to_owned(),
        what,
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_pass() {
        assert!(check("telegram", "its result", "{\"a\": 1}").is_ok());
        for text in ["", "{", "[1]", "null", "{} {}"] {
            let error = check("telegram", "what it was given as `with`", text)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("run telegram: what it was given as `with` is not a JSON object: "),
                "{error}"
            );
        }
    }

    #[test]
    fn a_panic_is_told_as_a_defect_of_the_host() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let joined = runtime.block_on(async { tokio::spawn(async { panic!("because of {}", 7) }).await });
        let error = flatten::<()>("telegram", joined).unwrap_err();
        assert_eq!(
            error.to_string(),
            "run telegram: defect in netsonde: because of 7"
        );
    }
}
