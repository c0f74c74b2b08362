//! From the records of an archive to observations. The order counts: the first lookup that found an address is the one
//! that endpoints with this address refer to.

use std::rc::Rc;

use netsonde_guest::{Json, Map, gather};

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
        addresses: gather(addresses),
    }
}

/// A connection as an observation. It refers to the first of the lookups that found its address.
///
/// The addresses are searched one by one, here and below: a measurement has few, and a map would be 3 kB of the guest.
pub(super) fn connection<'a>(
    record: &'a Json,
    transaction: u64,
    lookups: &[Observation<'a>],
) -> Observation<'a> {
    let address = read::text(record, "ip");
    let finds = |seen: &&Observation<'_>| !address.is_empty() && seen.address == address;
    let lookup = lookups.iter().find(finds).and_then(|seen| seen.lookup.clone());
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

fn endpoints<'a>(test_keys: &'a Map<String, Json>, lookups: &[Observation<'a>]) -> Vec<Observation<'a>> {
    let mut endpoints: Vec<Observation<'a>> = (UNNAMED..)
        .zip(read::records(test_keys, "tcp_connect"))
        .map(|(unnamed, record)| connection(record, transaction(record).unwrap_or(unnamed), lookups))
        .collect();
    let mut of = |kind: &str, add: fn(&mut Observation<'a>, &'a Json)| {
        for record in read::records(test_keys, kind) {
            let same = |seen: &&mut Observation<'_>| Some(seen.transaction) == transaction(record);
            if let Some(seen) = endpoints.iter_mut().rfind(same) {
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
        header_names: gather(pairs.chain(map).map(str::to_ascii_lowercase)),
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
