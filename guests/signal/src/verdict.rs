//! What the observations mean: whether all of Signal's servers can be reached.
//!
//! The keys are left out where no server was measured. The lookup of the name that is there for that counts for nothing.

use netsonde_guest::attempts::Attempt;
use netsonde_guest::observations::Observations;
use netsonde_guest::{Json, Map, gather, json};

use crate::targets::{BACKEND_TAG, UPTIME_HOST};

/// The keys. Of several failures the last counts.
pub(crate) fn keys(observations: &Observations) -> Map<String, Json> {
    let attempts = observations.attempts();
    let backends: Vec<_> = attempts.iter().filter(|attempt| is_backend(attempt)).collect();
    if backends.is_empty() {
        return Map::new();
    }
    let failure = backends
        .iter()
        .rev()
        .find_map(|attempt| attempt.failed())
        .map(|step| step.failure);
    let status = if failure.is_some() { "blocked" } else { "ok" };
    gather([
        ("signal_backend_failure".to_owned(), json!(failure)),
        ("signal_backend_status".to_owned(), json!(status)),
    ])
}

/// Whether an attempt is about a server. A lookup that went well is about none.
fn is_backend(attempt: &Attempt<'_>) -> bool {
    match attempt.tag("mini_nettest:") {
        Some(tag) => tag == BACKEND_TAG,
        None => !attempt.is_about(UPTIME_HOST) && (attempt.port.is_some() || attempt.failed().is_some()),
    }
}

#[cfg(test)]
mod tests;
