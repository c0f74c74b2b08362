//! What several observations say of each other: what OONI's pipeline joins them by, and what an id means.

use super::{
    report::{Path, Report},
    shape::{Ask as _, Object},
};
use serde_json::Value;
use std::collections::HashMap;

/// Check the lists of an object that has some.
pub(super) fn check(object: &Object, report: &mut Report, at: &Path<'_>) {
    newest_first(object, report, at);
    ends_are_events(object, report, at);
    one_endpoint_an_id(object, report, at);
}

/// The nettests that OONI's pipeline makes observations of.
const OBSERVED: [&str; 13] = [
    "browser_web",
    "dnscheck",
    "echcheck",
    "facebook_messenger",
    "http_header_field_manipulation",
    "http_invalid_request_line",
    "signal",
    "stunreachability",
    "telegram",
    "tor",
    "urlgetter",
    "web_connectivity",
    "whatsapp",
];

/// Check what the pipeline needs of lists that stand in the test keys themselves: it takes the endpoint of a handshake from
/// the first event of its transaction, and gives the whole measurement up where that is another.
pub(super) fn check_top(nettest: &str, object: &Object, report: &mut Report, at: &Path<'_>) {
    let events = records(object, "network_events");
    let has_ids = events.first().is_some_and(|(_, event)| id(event) != 0);
    if !has_ids || !OBSERVED.contains(&nettest) {
        return;
    }
    for (index, handshake) in records(object, "tls_handshakes") {
        let own = events.iter().filter(|(_, event)| id(event) == id(handshake));
        let first = own.min_by(|(_, a), (_, b)| time(a).total_cmp(&time(b)));
        let address = handshake.get("address");
        if id(handshake) != 0 && first.is_none_or(|(_, event)| event.get("address") != address) {
            let at = at.key("tls_handshakes");
            let at = at.index(index);
            let wanted = "the address of the first of network_events with this transaction_id";
            report.error(&at.key("address"), address, wanted, "df-008");
        }
    }
}

/// In the newest dialect the last request stands first.
fn newest_first(object: &Object, report: &mut Report, at: &Path<'_>) {
    let requests = records(object, "requests");
    for ((_, newer), (index, older)) in requests.iter().zip(requests.iter().skip(1)) {
        if id(newer) != 0 && id(older) != 0 && time(newer) < time(older) {
            let at = at.key("requests");
            let at = at.index(*index);
            let wanted = "a time that is not after that of the request before it: newest first";
            report.error(&at.key("t"), older.get("t"), wanted, "df-001");
        }
    }
}

/// The end of a handshake and its event are one reading of the clock; that is how they are joined where there are no ids.
/// What was called off has no such event.
fn ends_are_events(object: &Object, report: &mut Report, at: &Path<'_>) {
    let mut ends: HashMap<i64, Vec<&Value>> = HashMap::new();
    for (_, event) in records(object, "network_events") {
        let is_end = event
            .text("operation")
            .is_some_and(|name| name.ends_with("_handshake_done"));
        if let Some(t) = event.get("t").filter(|_| is_end) {
            ends.entry(id(event)).or_default().push(t);
        }
    }
    for key in ["tls_handshakes", "quic_handshakes"] {
        for (index, handshake) in records(object, key) {
            let (t, ends) = (handshake.get("t"), ends.get(&id(handshake)));
            if t.zip(ends).is_some_and(|(t, ends)| !ends.contains(&t)) {
                let at = at.key(key);
                let at = at.index(index);
                let wanted = "the time of a …_handshake_done event, exactly";
                report.error(&at.key("t"), t, wanted, "df-006");
            }
        }
    }
}

/// Connect, handshake and request of one transaction are with one endpoint.
fn one_endpoint_an_id(object: &Object, report: &mut Report, at: &Path<'_>) {
    let mut endpoints: HashMap<i64, String> = HashMap::new();
    for key in ["tcp_connect", "tls_handshakes", "quic_handshakes", "requests"] {
        for (index, record) in records(object, key) {
            let id = id(record);
            let Some(endpoint) = endpoint(record).filter(|_| id != 0) else {
                continue;
            };
            let first = endpoints.entry(id).or_insert_with(|| endpoint.clone());
            if *first != endpoint {
                let at = at.key(key);
                let at = at.index(index);
                let wanted = "an id of its own: another endpoint has this one";
                report.error(
                    &at.key("transaction_id"),
                    record.get("transaction_id"),
                    wanted,
                    "df-005",
                );
            }
        }
    }
}

fn endpoint(record: &Object) -> Option<String> {
    if let Some(address) = record.text("address") {
        return Some(address.to_owned());
    }
    let (ip, port) = (record.text("ip")?, record.integer("port")?);
    Some(if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    })
}

/// The id of a record's transaction; 0 for none.
fn id(record: &Object) -> i64 {
    record.integer("transaction_id").unwrap_or_default()
}

fn time(record: &Object) -> f64 {
    record.number("t").unwrap_or_default()
}

/// The records of a list, with their indices.
fn records<'a>(object: &'a Object, key: &str) -> Vec<(usize, &'a Object)> {
    let list = object.list(key).iter().enumerate();
    list.filter_map(|(index, value)| Some((index, value.as_object()?)))
        .collect()
}
