//! `cache`: what a module keeps from run to run.

use netsonde_data::failure::{Failure, FailureCode, Operation};
use netsonde_net::NetError;

use super::types::size;
use crate::bindings::types;
use crate::call::Caller;
use crate::kept::{Kept, KeptError};
use crate::reach::Reach;

/// How much of a key errors repeat.
const SHOWN: usize = 80;

/// Do something with what the module keeps, where blocking is allowed. Once it has begun it comes to its end, also where
/// the guest does not wait for it.
async fn with_kept<R: Send + 'static>(
    caller: &Caller,
    kept: Kept,
    doing: String,
    work: impl FnOnce(&Kept) -> Result<R, KeptError> + Send + 'static,
) -> wasmtime::Result<Result<R, types::Failure>> {
    let tasks = caller.shared.tasks.clone();
    let done = caller.operation(async move {
        let done = tasks.spawn_blocking(move || work(&kept).inspect_err(|error| tell(&kept, error)));
        match done.await {
            Ok(done) => done.map_err(|error| failure(&error.to_string(), &doing)),
            Err(error) => match error.try_into_panic() {
                // The task around this says whose defect it is.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(failure(&error.to_string(), &doing)),
            },
        }
    });
    Ok(done.await?.map_err(Into::into))
}

fn failure(why: &str, doing: &str) -> NetError {
    NetError::Failed(Failure::new(
        FailureCode::unknown(why),
        Operation::TopLevel,
        doing,
    ))
}

/// What is not the guest's fault is for the user, who needs to know where it is.
fn tell(kept: &Kept, error: &KeptError) {
    if matches!(error, KeptError::Io { .. } | KeptError::Foreign | KeptError::Busy) {
        tracing::warn!(folder = %kept.path().display(), %error, "what a module keeps from run to run is out of its reach");
    }
}

/// What is being done to a key, which can be anything.
fn doing(what: &str, key: &str) -> String {
    let shown = key.get(..key.floor_char_boundary(SHOWN)).unwrap_or_default();
    let more = if shown.len() < key.len() { "…" } else { "" };
    format!("{what} `{}{more}`", shown.escape_debug())
}

fn begin(reach: &Reach<'_>, bytes: usize) -> wasmtime::Result<(Caller, Kept)> {
    let caller = Caller::new(reach, bytes)?;
    Ok((caller, reach.with(|state| state.kept.clone())))
}

pub(crate) async fn get(
    reach: &Reach<'_>,
    key: String,
) -> wasmtime::Result<Result<Option<Vec<u8>>, types::Failure>> {
    let (caller, kept) = begin(reach, key.len())?;
    let doing = doing("get what is kept as", &key);
    let value = with_kept(&caller, kept, doing, move |kept| kept.get(&key)).await?;
    let value_bytes = value
        .as_ref()
        .map_or(0, |value| value.as_ref().map_or(0, Vec::len));
    caller.answered(value_bytes)?;
    Ok(value)
}

pub(crate) async fn set(
    reach: &Reach<'_>,
    key: String,
    value: Vec<u8>,
) -> wasmtime::Result<Result<(), types::Failure>> {
    let (mut caller, kept) = begin(reach, key.len().saturating_add(value.len()))?;
    // This bounds what a run writes to the disk.
    caller.record(value.len())?;
    let doing = doing("keep a value as", &key);
    with_kept(&caller, kept, doing, move |kept| kept.set(&key, &value)).await
}

pub(crate) async fn remove(reach: &Reach<'_>, key: String) -> wasmtime::Result<Result<(), types::Failure>> {
    let (caller, kept) = begin(reach, key.len())?;
    let doing = doing("forget what is kept as", &key);
    with_kept(&caller, kept, doing, move |kept| kept.remove(&key)).await
}

pub(crate) async fn keys(reach: &Reach<'_>) -> wasmtime::Result<Result<Vec<String>, types::Failure>> {
    let (caller, kept) = begin(reach, 0)?;
    let keys = with_kept(&caller, kept, "list what is kept".to_owned(), Kept::keys).await?;
    caller.answered(keys.as_ref().map_or(0, |keys| size(keys)))?;
    Ok(keys)
}
