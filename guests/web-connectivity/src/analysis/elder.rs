//! Measurements of versions before 0.5: their records name neither the number of redirects nor, mostly, transactions.
//!
//! Those versions looked the name up, connected to all of its addresses, and then fetched the page with a client of its
//! own, which followed redirects. So everything but the requests is at depth 0, a handshake belongs to the connection to
//! the same endpoint, and the requests stand by themselves.

use std::collections::BTreeSet;

use netsonde_guest::{Json, Map, gather};

use crate::analysis::build;
use crate::analysis::control::Control;
use crate::analysis::observation::{Endpoint, Helper, Observation, Stage};
use crate::analysis::read;

/// What is above all transactions that archives name.
const REQUESTS: u64 = 1 << 40;
const CONNECTIONS: u64 = 1 << 41;

/// Whether a measurement has observations and none of them says how many redirects came before.
pub(super) fn is_elder(test_keys: &Map<String, Json>) -> bool {
    let kinds = ["queries", "tcp_connect", "tls_handshakes", "requests"];
    let mut records = kinds
        .into_iter()
        .flat_map(|kind| read::records(test_keys, kind))
        .peekable();
    records.peek().is_some() && records.all(|record| read::tag(record, "depth").is_none())
}

/// The domain that a measurement is about: the host of the first URL, or what was looked up.
pub(super) fn domain(test_keys: &Map<String, Json>) -> String {
    let looked_up = || {
        read::records(test_keys, "queries")
            .first()
            .map(|query| read::text(query, "hostname").to_owned())
    };
    read::records(test_keys, "requests")
        .last()
        .map(|first| read::host(url(first)))
        .filter(|host| !host.is_empty())
        .or_else(looked_up)
        .unwrap_or_default()
}

/// All observations of a measurement.
pub(super) fn observations<'a>(
    test_keys: &'a Map<String, Json>,
    control: Option<&'a Control<'a>>,
) -> Vec<Observation<'a>> {
    let mut all = build::lookups(read::records(test_keys, "queries"), |_| Some(0));
    let connections = read::records(test_keys, "tcp_connect");
    let mut endpoints: Vec<_> = (CONNECTIONS..)
        .zip(connections)
        .map(|(transaction, record)| Observation {
            depth: Some(0),
            may_fetch: true,
            ..build::connection(record, transaction, &all)
        })
        .collect();
    for record in read::records(test_keys, "tls_handshakes") {
        let address = read::text(record, "address");
        let same = |seen: &&mut Observation<'_>| seen.endpoint.as_ref().is_some_and(|to| to.name == address);
        if let Some(seen) = endpoints.iter_mut().find(same) {
            build::add_handshake(seen, record);
        }
    }
    all.extend(endpoints);
    let failures: BTreeSet<_> = gather(all.iter().map(|seen| seen.failure));
    let requests = read::records(test_keys, "requests").iter().rev();
    let requests = (0..).zip(requests).map(|(depth, record)| request(record, depth));
    // A request that failed for want of an address or a connection repeats what is known of that.
    let requests = requests.filter(|seen| seen.failure.is_empty() || !failures.contains(seen.failure));
    all.extend(requests.collect::<Vec<_>>());
    build::cross(&mut all, control);
    all
}

fn request(record: &Json, depth: u64) -> Observation<'_> {
    let mut seen = Observation {
        depth: Some(depth),
        stage: Stage::Http,
        failure: "",
        transaction: REQUESTS + depth,
        may_fetch: true,
        lookup: None,
        origin: None,
        address: "",
        endpoint: None,
        helper: Helper::default(),
    };
    build::add_transaction(&mut seen, record);
    // A response to a request for https says that the handshake succeeded.
    let is_secure = url(record).starts_with("https:");
    if let Some(Endpoint {
        tls,
        response: Some(_),
        ..
    }) = &mut seen.endpoint
    {
        *tls = is_secure.then_some("");
    }
    seen
}

fn url(request: &Json) -> &str {
    request
        .get("request")
        .map_or("", |request| read::text(request, "url"))
}
