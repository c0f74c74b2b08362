//! How a measurement is put together.

use super::{DATA_FORMAT_VERSION, Measurement, time};
use crate::Location;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// The address that stands for the probe's, which is never told.
const PROBE_IP: &str = "127.0.0.1";
/// The address that stands for a resolver that is not known.
const UNKNOWN_RESOLVER_IP: &str = "127.0.0.2";

/// Puts a measurement together; what is not said gets the format's stand-in.
#[derive(Clone, Debug)]
pub struct MeasurementBuilder(Measurement);

impl MeasurementBuilder {
    pub(super) fn new(test_name: &str, test_version: &str) -> Self {
        let epoch = time::format(SystemTime::UNIX_EPOCH);
        let measurement = Measurement {
            data_format_version: DATA_FORMAT_VERSION.to_owned(),
            measurement_start_time: epoch.clone(),
            probe_ip: PROBE_IP.to_owned(),
            test_keys: Value::Object(Map::new()),
            test_name: test_name.to_owned(),
            test_start_time: epoch,
            test_version: test_version.to_owned(),
            ..Measurement::default()
        };
        Self(measurement).location(&Location::default())
    }

    /// The software that measured.
    #[must_use]
    pub fn software(mut self, name: &str, version: &str) -> Self {
        name.clone_into(&mut self.0.software_name);
        version.clone_into(&mut self.0.software_version);
        self
    }

    /// The target; empty for none.
    #[must_use]
    pub fn input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.0.input);
        self
    }

    /// Where the probe is. Its own address is not taken over.
    #[must_use]
    pub fn location(mut self, location: &Location) -> Self {
        self.0.probe_asn = format!("AS{}", location.probe_asn);
        location.country().clone_into(&mut self.0.probe_cc);
        self.0.probe_network_name.clone_from(&location.probe_network_name);
        self.0.resolver_asn = format!("AS{}", location.resolver_asn);
        self.0.resolver_ip = location
            .resolver_ip
            .map_or_else(|| UNKNOWN_RESOLVER_IP.to_owned(), |address| address.to_string());
        self.0
            .resolver_network_name
            .clone_from(&location.resolver_network_name);
        self
    }

    /// When the nettest's run began, when this measurement began, and how long it took.
    #[must_use]
    pub fn times(mut self, test_start: SystemTime, measurement_start: SystemTime, runtime: Duration) -> Self {
        self.0.test_start_time = time::format(test_start);
        self.0.measurement_start_time = time::format(measurement_start);
        self.0.test_runtime = runtime.as_secs_f64();
        self
    }

    /// Add annotations; a later one of the same name wins.
    #[must_use]
    pub fn annotations(mut self, annotations: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.annotations.extend(annotations);
        self
    }

    /// The data formats of the test keys.
    #[must_use]
    pub fn extensions(mut self, extensions: BTreeMap<String, i64>) -> Self {
        self.0.extensions = extensions;
        self
    }

    /// The report that the collector opened.
    #[must_use]
    pub fn report_id(mut self, report_id: &str) -> Self {
        report_id.clone_into(&mut self.0.report_id);
        self
    }

    /// A test helper that was used, `{address, type, front?}`, and for what.
    #[must_use]
    pub fn test_helper(mut self, role: &str, helper: Value) -> Self {
        self.0.test_helpers.insert(role.to_owned(), helper);
        self
    }

    /// What the nettest found.
    #[must_use]
    pub fn test_keys(mut self, test_keys: Value) -> Self {
        self.0.test_keys = test_keys;
        self
    }

    /// The measurement.
    pub fn build(self) -> Measurement {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_said_gets_a_stand_in() {
        let json = serde_json::to_value(Measurement::builder("telegram", "0.3.1").build()).unwrap();
        let expected = json!({
            "data_format_version": "0.2.0",
            "input": null,
            "measurement_start_time": "1970-01-01 00:00:00",
            "probe_asn": "AS0",
            "probe_cc": "ZZ",
            "probe_ip": "127.0.0.1",
            "probe_network_name": "",
            "resolver_asn": "AS0",
            "resolver_ip": "127.0.0.2",
            "resolver_network_name": "",
            "software_name": "",
            "software_version": "",
            "test_keys": {},
            "test_name": "telegram",
            "test_runtime": 0.0,
            "test_start_time": "1970-01-01 00:00:00",
            "test_version": "0.3.1",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_probes_address_is_not_taken_over() {
        let location = Location {
            probe_ip: "88.99.81.188".parse().ok(),
            probe_asn: 24940,
            resolver_ip: "78.46.173.81".parse().ok(),
            ..Location::default()
        };
        let text =
            serde_json::to_string(&Measurement::builder("x", "1").location(&location).build()).unwrap();
        assert!(!text.contains("88.99.81.188"));
        assert!(
            text.contains(r#""probe_asn":"AS24940""#) && text.contains(r#""resolver_ip":"78.46.173.81""#)
        );
    }

    #[test]
    fn keys_of_others_survive() {
        let text = r#"{"input": null, "probe_city": "Turin", "x_new": [1], "annotations": null}"#;
        let measurement: Measurement = serde_json::from_str(text).unwrap();
        let json = serde_json::to_value(measurement).unwrap();
        assert_eq!(
            (&json["probe_city"], &json["x_new"]),
            (&json!("Turin"), &json!([1]))
        );
    }
}
