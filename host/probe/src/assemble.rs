//! From what a guest returned and what the host observed to the test keys of a measurement.
//!
//! A guest decides where observations stand, never what they say: its own keys can refer to observations, and a key
//! that belongs to the host's archive is not the guest's to write.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The member that stands for observations: `{"$observations": {"kind": "queries", "transactions": [1, 2]}}`.
const REFERENCE: &str = "$observations";

/// Test keys, and what was refused on the way.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// The guest's keys with the observations in their places.
    pub(crate) test_keys: Map<String, Value>,
    /// Keys that the guest tried to write and that are the host's.
    pub(crate) refused: Vec<String>,
}

/// Join a guest's own keys with the observations. An observation that the guest placed stands there and nowhere else;
/// all others stand under the archival key of their kind.
pub(crate) fn join(own: Map<String, Value>, observations: &Value) -> Result<Joined, serde_json::Error> {
    let mut archive = Archive::new(observations)?;
    let mut joined = Joined::default();
    for (key, mut value) in own {
        if is_archival(&key) && !is_reference(&value) {
            joined.refused.push(key);
            continue;
        }
        archive.place(&mut value);
        joined.test_keys.insert(key, value);
    }
    for (kind, entries) in archive.rest() {
        // A guest may have put some of a kind under the archival key itself; the others follow them.
        match joined.test_keys.get_mut(&kind) {
            Some(Value::Array(placed)) => placed.extend(entries),
            _ => drop(joined.test_keys.insert(kind, Value::Array(entries))),
        }
    }
    Ok(joined)
}

/// Merge what `reduce` computed into the test keys; keys of the archive are refused.
pub(crate) fn merge(joined: &mut Joined, top_level: Map<String, Value>) {
    for (key, value) in top_level {
        if is_archival(&key) {
            joined.refused.push(key);
        } else {
            joined.test_keys.insert(key, value);
        }
    }
}

/// The archival keys that every measurement has. Only the host writes them.
pub(crate) const KINDS: [&str; 6] = [
    "network_events",
    "queries",
    "requests",
    "tcp_connect",
    "tls_handshakes",
    "quic_handshakes",
];

/// The archival keys that a measurement has if there is something to put there. They are the host's all the same.
const RARE_KINDS: [&str; 1] = ["x_dns_duplicate_responses"];

/// Whether only the host writes this key.
fn is_archival(key: &str) -> bool {
    KINDS.contains(&key) || RARE_KINDS.contains(&key)
}

struct Archive {
    kinds: BTreeMap<String, Vec<Value>>,
    placed: BTreeSet<(String, usize)>,
}

impl Archive {
    fn new(observations: &Value) -> Result<Self, serde_json::Error> {
        let mut kinds: BTreeMap<String, Vec<Value>> = KINDS
            .iter()
            .map(|kind| ((*kind).to_owned(), Vec::new()))
            .collect();
        if let Value::Object(map) = serde_json::to_value(observations)? {
            for (kind, entries) in map {
                if let Value::Array(entries) = entries {
                    kinds.insert(kind, entries);
                }
            }
        }
        Ok(Self {
            kinds,
            placed: BTreeSet::new(),
        })
    }

    /// Replace every reference in `value` by the observations that it names.
    fn place(&mut self, value: &mut Value) {
        if let Some((kind, transactions)) = reference(value) {
            let mut entries = Vec::new();
            for (index, entry) in self.kinds.get(&kind).into_iter().flatten().enumerate() {
                let id = entry.get("transaction_id").and_then(Value::as_u64).unwrap_or(0);
                if transactions.contains(&id) {
                    entries.push(entry.clone());
                    self.placed.insert((kind.clone(), index));
                }
            }
            *value = Value::Array(entries);
            return;
        }
        match value {
            Value::Object(map) => map.values_mut().for_each(|value| self.place(value)),
            Value::Array(list) => list.iter_mut().for_each(|value| self.place(value)),
            _ => {}
        }
    }

    fn rest(self) -> impl Iterator<Item = (String, Vec<Value>)> {
        let placed = self.placed;
        self.kinds.into_iter().map(move |(kind, entries)| {
            let entries = entries
                .into_iter()
                .enumerate()
                .filter(|(index, _)| !placed.contains(&(kind.clone(), *index)))
                .map(|(_, entry)| entry)
                .collect();
            (kind, entries)
        })
    }
}

fn is_reference(value: &Value) -> bool {
    reference(value).is_some()
}

fn reference(value: &Value) -> Option<(String, BTreeSet<u64>)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let reference = object.get(REFERENCE)?;
    let kind = reference.get("kind")?.as_str()?.to_owned();
    let transactions = reference
        .get("transactions")?
        .as_array()?
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    Some((kind, transactions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn observed() -> Value {
        json!({
            "tcp_connect": [
                {"ip": "192.0.2.1", "port": 443, "status": {"failure": null, "success": true}, "t0": 0.1, "t": 0.2,
                 "tags": [], "transaction_id": 1},
                {"ip": "192.0.2.2", "port": 443, "status": {"failure": "connection_refused", "success": false},
                 "t0": 0.1, "t": 0.2, "tags": [], "transaction_id": 2},
            ],
        })
    }

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn late_dns_replies_are_the_hosts_even_where_there_are_none() {
        let own = json!({"x_dns_duplicate_responses": [{"engine": "udp"}]});
        let joined = join(own.as_object().unwrap().clone(), &observed()).unwrap();
        assert_eq!(joined.refused, ["x_dns_duplicate_responses"]);
        assert!(!joined.test_keys.contains_key("x_dns_duplicate_responses"));
    }

    #[test]
    fn observations_stand_under_their_archival_keys() {
        let joined = join(object(json!({"agent": "redirect"})), &observed()).unwrap();
        assert_eq!(joined.test_keys["agent"], "redirect");
        assert_eq!(joined.test_keys["tcp_connect"].as_array().unwrap().len(), 2);
        for kind in KINDS {
            assert!(joined.test_keys[kind].is_array(), "{kind}");
        }
    }

    #[test]
    fn a_guest_places_an_observation_and_it_stands_there_alone() {
        let own = json!({"targets": {"a": {"$observations": {"kind": "tcp_connect", "transactions": [2]}}}});
        let joined = join(object(own), &observed()).unwrap();
        assert_eq!(joined.test_keys["targets"]["a"][0]["ip"], "192.0.2.2");
        let rest = joined.test_keys["tcp_connect"].as_array().unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0]["ip"], "192.0.2.1");
    }

    #[test]
    fn a_guest_can_not_invent_an_observation() {
        let own = json!({"tcp_connect": [{"ip": "192.0.2.9"}]});
        let mut joined = join(object(own), &observed()).unwrap();
        assert_eq!(joined.refused, ["tcp_connect"]);
        assert_eq!(joined.test_keys["tcp_connect"].as_array().unwrap().len(), 2);
        merge(
            &mut joined,
            object(json!({"queries": [], "telegram_web_status": "ok"})),
        );
        assert_eq!(joined.refused, ["tcp_connect", "queries"]);
        assert_eq!(joined.test_keys["telegram_web_status"], "ok");
    }
}
