//! From the records of an archive to observations. The order counts: the first lookup that found an address is the one
//! that endpoints with this address refer to.

use std::collections::BTreeMap;
use std::rc::Rc;

use netsonde_guest::{Json, Map};

use crate::analysis::control::Control;
use crate::analysis::observation::{Endpoint, Helper, Lookup, Observation, Origin, Response, Stage};
use crate::analysis::{body, read, title};

/// Which transaction a record without one belongs to: one of its own, after those that exist.
const UNNAMED: u64 = 1 << 32;

/// All observations of a measurement.
pub(super) fn observations<'a>(
    test_keys: &'a Map<String, Json>,
    control: Option<&'a Control<'a>>,
) -> Vec<Observation<'a>> {
    let mut all = lookups(read::records(test_keys, "queries"), depth);
    let endpoints = endpoints(test_keys, &all);
    all.extend(endpoints);
    cross(&mut all, control);
    all
}

/// Add what the test helper says.
pub(super) fn cross<'a>(all: &mut [Observation<'a>], control: Option<&'a Control<'a>>) {
    if let Some(control) = control {
        for observation in all {
            observation.cross(control);
        }
    }
}

/// How many redirects came before a record.
fn depth(record: &Json) -> Option<u64> {
    read::tag(record, "depth")?.parse().ok()
}

/// Failed lookups, then each address of those that succeeded.
pub(super) fn lookups(queries: &[Json], depth: fn(&Json) -> Option<u64>) -> Vec<Observation<'_>> {
    let lookups: Vec<_> = (UNNAMED..)
        .zip(queries)
        .map(|(unnamed, query)| (depth(query), Rc::new(lookup(query, unnamed))))
        .collect();
    let (failed, succeeded): (Vec<_>, Vec<_>) =
        lookups.iter().partition(|(_, lookup)| !lookup.failure.is_empty());
    let failed = failed
        .into_iter()
        .map(|(depth, lookup)| Observation::of_lookup(*depth, lookup, ""));
    let succeeded = succeeded.into_iter().flat_map(|(depth, lookup)| {
        let addresses = lookup.addresses.iter();
        addresses.map(|address| Observation::of_lookup(*depth, lookup, address))
    });
    failed.chain(succeeded).collect()
}

fn lookup(query: &Json, unnamed: u64) -> Lookup<'_> {
    let failure = read::failure(query);
    let answers = read::list(query, "answers").iter();
    let addresses = answers.flat_map(|answer| ["ipv4", "ipv6"].map(|key| read::text(answer, key)));
    // Some archives have answers of lookups that failed.
    let addresses = addresses.filter(|address| failure.is_empty() && !address.is_empty());
    Lookup {
        transaction: transaction(query).unwrap_or(unnamed),
        domain: read::text(query, "hostname"),
        failure,
        query_type: read::text(query, "query_type"),
        engine: read::text(query, "engine"),
        addresses: read::set(addresses),
    }
}

/// The lookups that found each address first.
pub(super) struct Discoverers<'a>(BTreeMap<&'a str, Rc<Lookup<'a>>>);

impl<'a> Discoverers<'a> {
    pub(super) fn of(lookups: &[Observation<'a>]) -> Self {
        let mut first = BTreeMap::new();
        for seen in lookups.iter().filter(|seen| !seen.address.is_empty()) {
            if let Some(lookup) = &seen.lookup {
                first.entry(seen.address).or_insert_with(|| Rc::clone(lookup));
            }
        }
        Self(first)
    }

    /// A connection as an observation.
    pub(super) fn connection(&self, record: &'a Json, transaction: u64) -> Observation<'a> {
        let address = read::text(record, "ip");
        let lookup = self.0.get(address).cloned();
        let failure = connect_failure(record);
        Observation {
            depth: depth(record),
            stage: Stage::Tcp,
            failure,
            transaction,
            may_fetch: read::tag(record, "fetch_body") == Some("true"),
            origin: lookup.is_some().then_some(Origin::Probe),
            lookup,
            address,
            endpoint: Some(Endpoint {
                name: read::endpoint(address, read::count(record, "port")).into(),
                tcp: Some(failure),
                ..Endpoint::default()
            }),
            helper: Helper::default(),
        }
    }
}

fn endpoints<'a>(test_keys: &'a Map<String, Json>, lookups: &[Observation<'a>]) -> Vec<Observation<'a>> {
    let discoverers = Discoverers::of(lookups);
    let mut endpoints: Vec<Observation<'a>> = (UNNAMED..)
        .zip(read::records(test_keys, "tcp_connect"))
        .map(|(unnamed, record)| discoverers.connection(record, transaction(record).unwrap_or(unnamed)))
        .collect();
    let mut places = BTreeMap::new();
    places.extend(
        (0..)
            .zip(&endpoints)
            .map(|(place, seen): (usize, _)| (seen.transaction, place)),
    );
    let mut of = |kind: &str, add: fn(&mut Observation<'a>, &'a Json)| {
        for record in read::records(test_keys, kind) {
            let place = transaction(record).and_then(|id| places.get(&id));
            if let Some(seen) = place.and_then(|place| endpoints.get_mut(*place)) {
                add(seen, record);
            }
        }
    };
    of("tls_handshakes", add_handshake);
    of("requests", add_transaction);
    endpoints
}

/// A handshake over a connection.
pub(super) fn add_handshake<'a>(seen: &mut Observation<'a>, record: &'a Json) {
    seen.stage = Stage::Tls;
    seen.failure = read::failure(record);
    let endpoint = seen.endpoint.get_or_insert_default();
    endpoint.tls = Some(seen.failure);
    endpoint.sni = read::text(record, "server_name");
}

/// An HTTP transaction over a connection.
pub(super) fn add_transaction<'a>(seen: &mut Observation<'a>, record: &'a Json) {
    seen.stage = Stage::Http;
    seen.failure = read::failure(record);
    let endpoint = seen.endpoint.get_or_insert_default();
    endpoint.http = Some(seen.failure);
    endpoint.response = record
        .get("response")
        .filter(|_| seen.failure.is_empty())
        .map(response);
}

fn response(response: &Json) -> Response {
    let body = response.get("body").map(body::bytes).unwrap_or_default();
    let pairs = read::list(response, "headers_list").iter();
    let pairs = pairs.filter_map(|pair| pair.get(0)?.as_str());
    let map = response.get("headers").and_then(Json::as_object);
    let map = map.into_iter().flat_map(Map::keys).map(String::as_str);
    Response {
        status: read::count(response, "code"),
        length: body.len(),
        is_truncated: response.get("body_is_truncated") == Some(&Json::Bool(true)),
        header_names: read::set(pairs.chain(map).map(str::to_ascii_lowercase)),
        title: title::of(&body).into_owned(),
    }
}

/// Why a connection failed. Some archives say only that it did.
fn connect_failure(record: &Json) -> &str {
    let Some(status) = record.get("status") else {
        return "";
    };
    match read::failure(status) {
        "" if status.get("success") == Some(&Json::Bool(false)) => "unknown_failure",
        failure => failure,
    }
}

fn transaction(record: &Json) -> Option<u64> {
    record
        .get("transaction_id")
        .and_then(Json::as_u64)
        .filter(|id| *id != 0)
}
