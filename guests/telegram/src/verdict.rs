//! What the observations mean: the keys that begin with `telegram_`.
//!
//! A key that the observations say nothing about is left out. What belongs to the web client and what to a data centre
//! is said by the tags; where a script gives none, by names and addresses.
//!
//! A mini nettest can fail where nothing can be observed: it leaves all addresses out, or breaks. So `run` says what
//! became of those about the web client, with the same keys, and that counts where the observations leave it open.

use netsonde_guest::observations::{Observations, Query, Step};
use netsonde_guest::{Failure, Json, Map, MiniTarget, Url, first_success, json};

use crate::targets::{DC_TAG, WEB_HOST, WEB_TAG};

/// The names of the keys about the web client.
const WEB_FAILURE: &str = "telegram_web_failure";
const WEB_STATUS: &str = "telegram_web_status";

/// The keys; `said` is what `run` said about the web client.
pub(crate) fn keys(observations: &Observations, said: Step<'_>) -> Map<String, Json> {
    let sides = Sides::new(observations);
    let (connect, http) = (sides.connect(Side::DataCentre), sides.http(Side::DataCentre));
    let mut keys = web_keys(sides.web(said));
    if let Some(blocking) = http_blocking(connect, http) {
        keys.insert("telegram_http_blocking".to_owned(), json!(blocking));
    }
    if connect != Step::Untried {
        keys.insert(
            "telegram_tcp_blocking".to_owned(),
            json!(connect != Step::Succeeded),
        );
    }
    keys
}

/// The keys of `run`: what became of the mini nettests about the web client that ran. A failure counts more than a
/// success, because a success can be observed.
pub(crate) fn said_keys(results: Vec<Result<(), Failure>>) -> Map<String, Json> {
    let some = !results.is_empty();
    match first_success(results.into_iter().filter(Result::is_err)) {
        Some(Err(failure)) => web_keys(Step::Failed(&failure.code)),
        _ if some => web_keys(Step::Succeeded),
        _ => Map::new(),
    }
}

/// What [`said_keys`] said.
pub(crate) fn said(test_keys: &Map<String, Json>) -> Step<'_> {
    match test_keys.get(WEB_FAILURE) {
        Some(Json::String(failure)) => Step::Failed(failure),
        Some(Json::Null) => Step::Succeeded,
        _ => Step::Untried,
    }
}

/// Whether a mini nettest is about the web client.
pub(crate) fn is_about_web(mini: &MiniTarget) -> bool {
    let named = || {
        ["domain", "tls_server_name"]
            .into_iter()
            .filter_map(|key| mini.with.get(key)?.as_str())
            .any(is_web)
    };
    tagged(&mini.tags).map_or_else(named, |side| side == Side::Web)
}

fn web_keys(web: Step<'_>) -> Map<String, Json> {
    let (failure, status) = match web {
        Step::Untried => return Map::new(),
        Step::Succeeded => (None, "ok"),
        Step::Failed(failure) => (Some(failure), "blocked"),
    };
    Map::from_iter([
        (WEB_FAILURE.to_owned(), json!(failure)),
        (WEB_STATUS.to_owned(), json!(status)),
    ])
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
    fn web<'b>(&self, said: Step<'b>) -> Step<'b>
    where
        'a: 'b,
    {
        let resolve = self.resolve(Side::Web);
        let connect = self.connect(Side::Web);
        let http = self.http(Side::Web);
        let steps = [resolve, connect, self.handshake(Side::Web), http];
        if http == Step::Succeeded {
            return http;
        }
        if let Some(failed) = steps.iter().find(|step| matches!(step, Step::Failed(_))) {
            return *failed;
        }
        if said != Step::Untried || steps.iter().all(|step| *step == Step::Untried) {
            return said;
        }
        // A name that resolved, and yet no connection: the mini nettests leave bogons out, so nothing else was there.
        if resolve == Step::Succeeded && connect == Step::Untried && !self.web_addresses.is_empty() {
            return Step::Failed("dns_bogon_error");
        }
        Step::Succeeded
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
