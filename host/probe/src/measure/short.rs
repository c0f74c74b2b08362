//! A measurement in short: what a summary shows of its test keys.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The keys that have a text, and what they came to.
pub(super) fn summary(keys: &BTreeMap<String, String>, test_keys: &Map<String, Value>) -> Map<String, Value> {
    keys.keys()
        .filter_map(|key| Some((key.clone(), test_keys.get(key)?.clone())))
        .collect()
}

/// Whether one of the keys that tell an anomaly says so: `true`, or a failure that is not null. None where none of them
/// was computed.
pub(super) fn anomaly(keys: &[String], test_keys: &Map<String, Value>) -> Option<bool> {
    let says = keys
        .iter()
        .filter_map(|key| test_keys.get(key))
        .map(|value| match value {
            Value::Bool(value) => *value,
            Value::Null => false,
            _ => true,
        });
    says.reduce(|any, one| any || one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_anomaly_is_what_the_manifest_names() {
        let keys = ["blocking".to_owned(), "web_failure".to_owned()];
        let test_keys = |value: Value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        assert_eq!(anomaly(&keys, &test_keys(json!({}))), None);
        assert_eq!(
            anomaly(&keys, &test_keys(json!({"blocking": false, "web_failure": null}))),
            Some(false)
        );
        assert_eq!(
            anomaly(
                &keys,
                &test_keys(json!({"blocking": false, "web_failure": "eof_error"}))
            ),
            Some(true)
        );
        assert_eq!(anomaly(&keys, &test_keys(json!({"blocking": true}))), Some(true));
    }
}
