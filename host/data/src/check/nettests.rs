//! The test keys of single nettests, and what is in those of all others.
//!
//! What a nettest's own page does not name is looked through for observations.

mod messaging;
mod older;
mod web_connectivity;

use super::{
    observations::{self, CONNECTS, EVENTS, HANDSHAKES, QUERIES, REQUESTS},
    report::{Path, Report},
    shape::{Ask as _, Check, Field, Object, Others, Record, Shape, may, must, newer, rule},
    together,
    words::{FAILURE, SOMETHING},
};
use serde_json::Value;

/// The table of a nettest, if there is one for this version.
fn table(name: &str, version: &str) -> Option<&'static Record> {
    Some(match name {
        "web_connectivity" if is_0_5(version) => &web_connectivity::TEST_KEYS,
        "telegram" => &messaging::TELEGRAM,
        "whatsapp" => &messaging::WHATSAPP,
        "signal" => &messaging::SIGNAL,
        "facebook_messenger" => &messaging::FACEBOOK_MESSENGER,
        "urlgetter" => &URLGETTER,
        "dnscheck" => &DNSCHECK,
        "http_invalid_request_line" => &older::HTTP_INVALID_REQUEST_LINE,
        "multi_protocol_traceroute" => &older::MULTI_PROTOCOL_TRACEROUTE,
        "psiphon" | "torsf" | "vanilla_tor" => &older::TUNNEL,
        "openvpn" => &older::OPENVPN,
        _ => return None,
    })
}

/// The pages of `web_connectivity` 0.4 and older are not known here.
fn is_0_5(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(0)), Some(Ok(minor))) => minor >= 5,
        (Some(Ok(_)), _) => true,
        _ => false,
    }
}

/// Check the test keys of a measurement.
pub(super) fn check(envelope: &Object, report: &mut Report) {
    let Some(test_keys) = envelope.object("test_keys").filter(|keys| !keys.is_empty()) else {
        return;
    };
    let at = Path::ROOT.key("test_keys");
    let name = envelope.text("test_name").unwrap_or_default();
    match table(name, envelope.text("test_version").unwrap_or_default()) {
        Some(table) => {
            let source = table.source;
            table.check(test_keys, &mut Check { report, at, source });
        }
        None => _ = observations::walk(test_keys, report, &at),
    }
    together::check_top(name, test_keys, report, &at);
    same_resolver(envelope, test_keys, report, &at);
}

/// `client_resolver` is told twice.
fn same_resolver(envelope: &Object, test_keys: &Object, report: &mut Report, at: &Path<'_>) {
    let (in_keys, around) = (test_keys.get("client_resolver"), envelope.get("resolver_ip"));
    if in_keys.is_some() && around.is_some() && in_keys != around {
        let at = at.key("client_resolver");
        report.error(&at, in_keys, "the same as resolver_ip", web_connectivity::SOURCE);
    }
}

/// What the getter returns, which urlgetter, dnscheck and the messaging nettests are made with.
const GETTER: &[Field] = &[
    must("agent", Shape::Word(&["redirect", "agent"])),
    must("failed_operation", OPERATION),
    must("failure", FAILURE),
    must("network_events", EVENTS),
    must("queries", QUERIES),
    must("requests", REQUESTS),
    must("tcp_connect", CONNECTS),
    must("tls_handshakes", HANDSHAKES),
    may("socksproxy", Shape::OrNull(&Shape::Text)),
];

/// The same from probes that wrote only what they had.
const GETTER_LATER: &[Field] = &[
    newer("agent", Shape::Word(&["redirect", "agent"])),
    newer("failed_operation", OPERATION),
    newer("failure", FAILURE),
    newer("network_events", EVENTS),
    newer("queries", QUERIES),
    newer("requests", REQUESTS),
    newer("tcp_connect", CONNECTS),
    newer("tls_handshakes", HANDSHAKES),
    may("socksproxy", Shape::OrNull(&Shape::Text)),
];

/// What failed; see [`Operation`](crate::Operation).
const OPERATION: Shape = Shape::OrNull(&Shape::Like("the name of an operation", |text| {
    crate::Operation::ALL
        .iter()
        .any(|operation| operation.as_str() == text)
}));

const URLGETTER: Record = Record {
    source: "ts-027",
    fields: &[
        GETTER,
        &[
            may("bootstrap_time", Shape::Number(0.0, f64::MAX)),
            may("dns_cache", Shape::OrNull(&Shape::List(&Shape::Text))),
            may("tunnel", Shape::Text),
        ],
    ],
    others: Others::Observations,
    rules: &[rule(
        "failed_operation",
        "null where failure is, and only there",
        |it| it.is_none("failed_operation") == it.is_none("failure"),
    )],
};

const DNSCHECK: Record = Record {
    source: "ts-028",
    fields: &[&[
        must("domain", SOMETHING),
        must("bootstrap", Shape::OrNull(&Shape::Observations)),
        must("bootstrap_failure", FAILURE),
        must("lookups", Shape::Map(&Shape::Record(&LOOKUP))),
    ]],
    others: Others::Observations,
    rules: &[],
};

const LOOKUP: Record = Record {
    source: "ts-028",
    fields: &[GETTER],
    others: Others::Observations,
    rules: &[],
};

/// Whether the texts under two keys say the same: `blocked` where there is a failure, `ok` where there is none.
fn is_status_of(it: &Object, status: &str, failure: &str) -> bool {
    match (it.get(status), it.get(failure)) {
        (Some(Value::String(status)), Some(failure)) => (status == "blocked") == failure.is_string(),
        _ => true,
    }
}
