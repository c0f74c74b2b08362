//! What the observations mean: the keys that begin with `telegram_`.
//!
//! A key that the observations say nothing about is left out. What belongs to the web client and what to a data centre
//! is said by the tags; where a script gives none, by names and addresses.

use netsonde_guest::attempts::{Attempt, together};
use netsonde_guest::observations::{Observations, Step};
use netsonde_guest::{Json, Map, gather, json};

use crate::targets::{DC_TAG, WEB_HOST, WEB_TAG};

/// The keys.
pub(crate) fn keys(observations: &Observations) -> Map<String, Json> {
    let attempts = observations.attempts();
    let of = |side| attempts.iter().filter(move |attempt| side_of(attempt) == side);
    let mut keys = web_keys(together(of(Side::Web)));
    let mut blocking = |key: &str, works: bool, fails: bool| {
        if works || fails {
            keys.insert(key.to_owned(), json!(!works));
        }
    };
    blocking(
        "telegram_http_blocking",
        of(Side::DataCentre).any(|attempt| attempt.fetched() == Step::Succeeded),
        of(Side::DataCentre).any(|attempt| attempt.failed().is_some()),
    );
    blocking(
        "telegram_tcp_blocking",
        of(Side::DataCentre).any(|attempt| attempt.connected() == Step::Succeeded),
        of(Side::DataCentre).any(|attempt| matches!(attempt.connected(), Step::Failed(_))),
    );
    keys
}

fn web_keys(web: Step<'_>) -> Map<String, Json> {
    let (failure, status) = match web {
        Step::Untried => return Map::new(),
        Step::Succeeded => (None, "ok"),
        Step::Failed(failure) => (Some(failure), "blocked"),
    };
    gather([
        ("telegram_web_failure".to_owned(), json!(failure)),
        ("telegram_web_status".to_owned(), json!(status)),
    ])
}

/// What an attempt is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Web,
    DataCentre,
    Neither,
}

fn side_of(attempt: &Attempt<'_>) -> Side {
    match attempt.tag("mini_nettest:") {
        Some(WEB_TAG) => Side::Web,
        Some(DC_TAG) => Side::DataCentre,
        None if attempt.is_about(WEB_HOST) => Side::Web,
        None if attempt.is_to_address() => Side::DataCentre,
        Some(_) | None => Side::Neither,
    }
}

#[cfg(test)]
mod tests;
