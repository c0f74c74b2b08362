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

/// Check what the pipeline needs of lists that stand in the test keys themselves: it takes the endpoint of a handshake from
/// the first event of its transaction, and gives the whole measurement up where that is another.
pub(super) fn check_top(object: &Object, report: &mut Report, at: &Path<'_>) {
    let events = records(object, "network_events");
    if !events.first().is_some_and(|(_, event)| has_id(event)) {
        return;
    }
    for (index, handshake) in records(object, "tls_handshakes") {
        let id = handshake.integer("transaction_id");
        let own = events
            .iter()
            .filter(|(_, event)| event.integer("transaction_id") == id);
        let first = own.min_by(|(_, a), (_, b)| time(a).total_cmp(&time(b)));
        let address = handshake.get("address");
        if id.is_some() && first.is_none_or(|(_, event)| event.get("address") != address) {
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
        if has_id(newer) && has_id(older) && time(newer) < time(older) {
            let at = at.key("requests");
            let at = at.index(*index);
            let wanted = "a time that is not after that of the request before it: newest first";
            report.error(&at.key("t"), older.get("t"), wanted, "df-001");
        }
    }
}

/// The end of a handshake and its event are one reading of the clock; that is how they are joined where there are no ids.
fn ends_are_events(object: &Object, report: &mut Report, at: &Path<'_>) {
    let done = ["tls_handshake_done", "quic_handshake_done"];
    let ends: Vec<&Value> = records(object, "network_events")
        .into_iter()
        .filter(|(_, event)| event.text("operation").is_some_and(|name| done.contains(&name)))
        .filter_map(|(_, event)| event.get("t"))
        .collect();
    if ends.is_empty() {
        return;
    }
    for key in ["tls_handshakes", "quic_handshakes"] {
        for (index, handshake) in records(object, key) {
            let t = handshake.get("t");
            if t.is_some_and(|t| !ends.contains(&t)) {
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
            let id = record.integer("transaction_id").filter(|id| *id != 0);
            let (Some(id), Some(endpoint)) = (id, endpoint(record)) else {
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

fn has_id(record: &Object) -> bool {
    record.integer("transaction_id").is_some_and(|id| id != 0)
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
