//! What the observations mean: the keys that begin with `telegram_`.
//!
//! A key that the observations say nothing about is left out. What belongs to the web client and what to a data centre
//! is said by the tags; where a script gives none, by names and addresses.

use netsonde_guest::observations::{Observations, Query, Step};
use netsonde_guest::{Json, Map, Url, json};

use crate::targets::{DC_TAG, WEB_HOST, WEB_TAG};

/// The keys.
pub(crate) fn keys(observations: &Observations) -> Map<String, Json> {
    let sides = Sides::new(observations);
    let mut keys = Map::new();
    let (connect, http) = (sides.connect(Side::DataCentre), sides.http(Side::DataCentre));
    if let Some(blocking) = http_blocking(connect, http) {
        keys.insert("telegram_http_blocking".to_owned(), json!(blocking));
    }
    if connect != Step::Untried {
        keys.insert(
            "telegram_tcp_blocking".to_owned(),
            json!(connect != Step::Succeeded),
        );
    }
    let (failure, status) = match sides.web() {
        Step::Untried => return keys,
        Step::Succeeded => (None, "ok"),
        Step::Failed(failure) => (Some(failure), "blocked"),
    };
    keys.insert("telegram_web_failure".to_owned(), json!(failure));
    keys.insert("telegram_web_status".to_owned(), json!(status));
    keys
}

/// Whether no data centre answered. A data centre that can not be connected to does not answer either.
fn http_blocking(connect: Step<'_>, http: Step<'_>) -> Option<bool> {
    match (connect, http) {
        (_, Step::Succeeded) => Some(false),
        (_, Step::Failed(_)) | (Step::Failed(_), Step::Untried) => Some(true),
        (Step::Untried | Step::Succeeded, Step::Untried) => None,
    }
}

/// What an observation is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Web,
    DataCentre,
    Neither,
}

/// The observations, told apart.
struct Sides<'a> {
    observations: &'a Observations,
    /// The transactions that name the web client.
    web_transactions: Vec<u64>,
    /// The addresses of the web client.
    web_addresses: Vec<&'a str>,
    /// The addresses of all domains.
    addresses: Vec<&'a str>,
}

impl<'a> Sides<'a> {
    fn new(observations: &'a Observations) -> Self {
        let handshakes = observations.tls_handshakes.iter();
        let handshakes = handshakes
            .filter(|seen| is_web(&seen.server_name))
            .map(|seen| seen.transaction_id);
        let requests = observations.requests.iter();
        let requests = requests
            .filter(|seen| is_web(&host(&seen.request.url)))
            .map(|seen| seen.transaction_id);
        let queries = || observations.queries.iter();
        Self {
            observations,
            web_transactions: handshakes.chain(requests).flatten().collect(),
            web_addresses: queries()
                .filter(|seen| side_of(seen) == Side::Web)
                .flat_map(Query::addresses)
                .collect(),
            addresses: queries().flat_map(Query::addresses).collect(),
        }
    }

    fn resolve(&self, side: Side) -> Step<'a> {
        let queries = self.observations.queries.iter();
        Step::of(
            queries
                .filter(|seen| side_of(seen) == side)
                .map(|seen| seen.failure.as_deref()),
        )
    }

    fn connect(&self, side: Side) -> Step<'a> {
        let located = |ip: &str, transaction: Option<u64>| {
            let named = transaction.is_some_and(|id| self.web_transactions.contains(&id));
            if named || self.web_addresses.contains(&ip) {
                Side::Web
            } else if self.addresses.contains(&ip) {
                Side::Neither
            } else {
                Side::DataCentre
            }
        };
        let connects = self.observations.tcp_connect.iter();
        Step::of(
            connects
                .filter(|seen| {
                    tagged(&seen.tags).unwrap_or_else(|| located(&seen.ip, seen.transaction_id)) == side
                })
                .map(|seen| seen.status.failure.as_deref()),
        )
    }

    fn handshake(&self, side: Side) -> Step<'a> {
        let named = |name: &str| if is_web(name) { Side::Web } else { Side::Neither };
        let handshakes = self.observations.tls_handshakes.iter();
        Step::of(
            handshakes
                .filter(|seen| tagged(&seen.tags).unwrap_or_else(|| named(&seen.server_name)) == side)
                .map(|seen| seen.failure.as_deref()),
        )
    }

    fn http(&self, side: Side) -> Step<'a> {
        let named = |url: &str| match host(url) {
            host if is_web(&host) => Side::Web,
            host if host.parse::<std::net::IpAddr>().is_ok() => Side::DataCentre,
            _ => Side::Neither,
        };
        let requests = self.observations.requests.iter();
        Step::of(
            requests
                .filter(|seen| tagged(&seen.tags).unwrap_or_else(|| named(&seen.request.url)) == side)
                .map(|seen| seen.failure.as_deref()),
        )
    }

    /// What became of the web client as a whole: the failure is that of the first step that all attempts failed at.
    fn web(&self) -> Step<'a> {
        let resolve = self.resolve(Side::Web);
        let connect = self.connect(Side::Web);
        let http = self.http(Side::Web);
        let steps = [resolve, connect, self.handshake(Side::Web), http];
        if http == Step::Succeeded || steps.iter().all(|step| *step == Step::Untried) {
            return http;
        }
        // A name that resolved, and yet no connection: the mini nettests leave bogons out, so nothing else was there.
        if resolve == Step::Succeeded && connect == Step::Untried && !self.web_addresses.is_empty() {
            return Step::Failed("dns_bogon_error");
        }
        steps
            .into_iter()
            .find(|step| matches!(step, Step::Failed(_)))
            .unwrap_or(Step::Succeeded)
    }
}

/// What the tags say; `None` when no tag is about it.
fn tagged(tags: &[String]) -> Option<Side> {
    tags.iter().find_map(|tag| match tag.as_str() {
        WEB_TAG => Some(Side::Web),
        DC_TAG => Some(Side::DataCentre),
        other => other.starts_with("mini_nettest:").then_some(Side::Neither),
    })
}

/// What a lookup is about.
fn side_of(query: &Query) -> Side {
    let named = || {
        if is_web(&query.hostname) {
            Side::Web
        } else {
            Side::Neither
        }
    };
    tagged(&query.tags).unwrap_or_else(named)
}

fn is_web(host: &str) -> bool {
    host.eq_ignore_ascii_case(WEB_HOST)
}

/// The host of a URL; empty when there is none.
fn host(url: &str) -> String {
    Url::parse(url).map(|url| url.host).unwrap_or_default()
}

#[cfg(test)]
mod tests;
