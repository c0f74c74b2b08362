//! Real measurements of OONI, read and written again.
//!
//! The samples lie beside the workspace, in `../shared/fixtures/measurements`; where they do not, the tests say so
//! and check nothing.

#![expect(clippy::unwrap_used, reason = "test code")]

use netsonde_data::{
    FailureCode, Measurement,
    observation::{HttpTransaction, NetworkEvent, Query, TcpConnect, TlsHandshake},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::io::Write as _;
use std::{fs, path::PathBuf};

/// Samples whose probes wrote `false` for any text that is missing; no such probe is left.
const FIRST_GENERATION: [&str; 2] = ["http_host_0.2.4", "http_header_field_manipulation_0.1.5"];

/// The samples, by file name; none where they are not there.
fn samples() -> Vec<(String, Value)> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/measurements"
    ));
    let Ok(entries) = fs::read_dir(&folder) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no samples in {}", folder.display());
        return Vec::new();
    };
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    let samples = entries.map(|entry| read(entry.unwrap().path()));
    samples
        .filter(|(name, _)| !FIRST_GENERATION.iter().any(|old| name.contains(old)))
        .collect()
}

/// Read `value` as `T` and write it again.
fn again<T: Serialize + DeserializeOwned>(value: &Value) -> Result<Value, serde_json::Error> {
    serde_json::from_value::<T>(value.clone()).and_then(serde_json::to_value)
}

/// Write the item under `key` again, if it is of a kind that this crate knows.
fn again_by_key(key: &str, item: &Value) -> Option<Result<Value, serde_json::Error>> {
    Some(match key {
        "queries" => again::<Query>(item),
        "tcp_connect" => again::<TcpConnect>(item),
        "tls_handshakes" => again::<TlsHandshake>(item),
        "requests" => again::<HttpTransaction>(item),
        "network_events" => again::<NetworkEvent>(item),
        _ => return None,
    })
}

/// Whether an item is in the dialect that this crate writes: it has a transaction, and its tags are a list.
fn is_step_dialect(item: &Value) -> bool {
    item.get("transaction_id").is_some()
        && item.get("t0").is_some()
        && !item.get("tags").is_some_and(Value::is_null)
}

/// Early samples leave empty tags out and write a transaction of zero, where later ones do the opposite.
fn without_what_says_nothing(mut item: Value) -> Value {
    if let Some(item) = item.as_object_mut() {
        item.retain(|key, value| match key.as_str() {
            "tags" => !is_empty(value),
            "transaction_id" => *value != 0,
            _ => true,
        });
    }
    item
}

#[test]
fn observations_in_our_dialect_come_back_as_they_were() {
    let (mut read, mut compared) = (0, 0);
    let samples = samples();
    for (name, sample) in &samples {
        let Some(test_keys) = sample["test_keys"].as_object() else {
            continue;
        };
        for (key, items) in test_keys {
            for item in items.as_array().into_iter().flatten() {
                let Some(written) = again_by_key(key, item) else {
                    continue;
                };
                read += 1;
                let written = written.unwrap_or_else(|error| panic!("{name}: {key}: {error}: {item}"));
                if is_step_dialect(item) {
                    compared += 1;
                    assert_eq!(
                        without_what_says_nothing(written),
                        without_what_says_nothing(item.clone()),
                        "{name}: {key}"
                    );
                }
            }
        }
    }
    assert!(
        samples.is_empty() || (read > 500 && compared > 30),
        "read {read} and compared {compared} observations"
    );
}

#[test]
fn a_lookup_on_android_keeps_what_getaddrinfo_returned() {
    let query = serde_json::json!({
        "answers": null,
        "engine": "getaddrinfo",
        "failure": "android_dns_cache_no_data",
        "getaddrinfo_error": 7,
        "hostname": "example.com",
        "query_type": "ANY",
        "resolver_hostname": null,
        "resolver_port": null,
        "resolver_address": "",
        "t0": 1.5,
        "t": 2.5,
        "tags": [],
        "transaction_id": 3,
    });
    let read: Query = serde_json::from_value(query.clone()).unwrap();
    assert_eq!(read.getaddrinfo_error, 7);
    assert_eq!(read.failure, Some(FailureCode::ANDROID_DNS_CACHE_NO_DATA));
    assert_eq!(serde_json::to_value(&read).unwrap(), query);
}

#[test]
fn envelopes_lose_nothing() {
    for (name, sample) in samples() {
        let written = again::<Measurement>(&sample).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (key, value) in sample.as_object().unwrap() {
            let same = written.get(key) == Some(value) || is_empty(value);
            assert!(same, "{name}: {key}: {value} became {:?}", written.get(key));
        }
    }
}

/// Whether a key may be left out, or `null` be written as something empty, without loss.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
