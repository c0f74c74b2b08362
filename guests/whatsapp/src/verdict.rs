//! What the observations mean: whether the servers for chats, the registration server and the web client can be reached.
//!
//! A key that the observations say nothing about is left out. What is what is said by the tags; where a script gives none,
//! by the names.

use netsonde_guest::attempts::{Attempt, together};
use netsonde_guest::observations::{Observations, Step};
use netsonde_guest::{Json, Map, json};

use crate::targets::{ENDPOINT_TAG, REGISTRATION_HOST, REGISTRATION_TAG, WEB_HOST, WEB_TAG, is_endpoint};

/// How many ways to a server for chats have to fail until it counts as blocked: both of its ports.
const WAYS: usize = 2;

/// The keys.
pub(crate) fn keys(observations: &Observations) -> Map<String, Json> {
    let attempts = observations.attempts();
    let of = |service| {
        attempts
            .iter()
            .filter(move |attempt| service_of(attempt) == Some(service))
    };
    let endpoints: Vec<_> = of(Service::Endpoint).collect();
    let mut keys = Map::new();
    keys.extend(service_keys(
        "registration_server",
        together(of(Service::Registration)),
    ));
    keys.extend(service_keys("whatsapp_web", together(of(Service::Web))));
    keys.extend(endpoint_keys(&endpoints));
    keys
}

/// What an attempt is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Service {
    Endpoint,
    Registration,
    Web,
}

fn service_of(attempt: &Attempt<'_>) -> Option<Service> {
    match attempt.tag("mini_nettest:") {
        Some(ENDPOINT_TAG) => Some(Service::Endpoint),
        Some(REGISTRATION_TAG) => Some(Service::Registration),
        Some(WEB_TAG) => Some(Service::Web),
        Some(_) => None,
        None if attempt.is_about(REGISTRATION_HOST) => Some(Service::Registration),
        None if attempt.is_about(WEB_HOST) => Some(Service::Web),
        None => is_endpoint(&attempt.host).then_some(Service::Endpoint),
    }
}

fn service_keys(name: &str, reached: Step<'_>) -> Vec<(String, Json)> {
    let (failure, status) = match reached {
        Step::Untried => return Vec::new(),
        Step::Succeeded => (None, "ok"),
        Step::Failed(failure) => (Some(failure), "blocked"),
    };
    vec![
        (format!("{name}_failure"), json!(failure)),
        (format!("{name}_status"), json!(status)),
    ]
}

fn endpoint_keys(endpoints: &[&Attempt<'_>]) -> Vec<(String, Json)> {
    if endpoints.is_empty() {
        return Vec::new();
    }
    let failed: Vec<_> = endpoints
        .iter()
        .filter(|attempt| attempt.failed().is_some())
        .collect();
    let mut blocked: Vec<&str> = Vec::new();
    for attempt in &failed {
        let ways = failed.iter().filter(|other| other.host == attempt.host).count();
        let host = attempt.host.as_str();
        if ways >= WAYS && !blocked.contains(&host) {
            // In the order of their numbers, whichever was noticed first.
            let later = |known: &&str| (known.len(), *known) > (host.len(), host);
            let place = blocked.iter().position(later).unwrap_or(blocked.len());
            blocked.insert(place, host);
        }
    }
    let status = if failed.len() < endpoints.len() {
        "ok"
    } else {
        "blocked"
    };
    let key = |name: &str, value: Json| (format!("whatsapp_endpoints_{name}"), value);
    vec![
        key("blocked", json!(blocked)),
        // The reference implementation has stopped looking for those, and keeps the key.
        key("dns_inconsistent", json!([])),
        key("status", json!(status)),
    ]
}

#[cfg(test)]
mod tests;
