//! A measurement in short: what a summary shows of its test keys.

use std::collections::BTreeMap;

use netsonde_sandbox::{Manifest, Told, Verdict};
use serde_json::{Map, Value};

/// A measurement in short.
pub(crate) struct Short {
    pub(crate) anomaly: Option<bool>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) says: Option<String>,
    pub(crate) summary: Map<String, Value>,
}

impl Short {
    /// `is_broken`: the guest ended early, so that there is no verdict.
    pub(crate) fn of(manifest: &Manifest, test_keys: &Map<String, Value>, is_broken: bool) -> Self {
        let anomaly = anomaly(&manifest.summary_keys.anomaly, test_keys);
        let told = Told::of(&manifest.readings, test_keys).filter(|_| !is_broken);
        // Where no reading holds, the keys alone say whether there is an anomaly.
        let by_keys = anomaly
            .filter(|_| !is_broken)
            .map(|is_one| if is_one { Verdict::Anomaly } else { Verdict::Fine });
        Self {
            anomaly,
            verdict: told.as_ref().map(|told| told.verdict).or(by_keys),
            says: told.map(|told| told.says),
            summary: summary(&manifest.summary_keys.texts, test_keys),
        }
    }
}

/// The keys that have a text, and what they came to.
fn summary(keys: &BTreeMap<String, String>, test_keys: &Map<String, Value>) -> Map<String, Value> {
    keys.keys()
        .filter_map(|key| Some((key.clone(), test_keys.get(key)?.clone())))
        .collect()
}

/// Whether one of the keys that tell an anomaly says so: `true`, or a failure that is not null. None where none of them
/// was computed.
fn anomaly(keys: &[String], test_keys: &Map<String, Value>) -> Option<bool> {
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
