//! The envelope of a measurement (df-000).

mod builder;
mod time;

pub use builder::MeasurementBuilder;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What every measurement's `data_format_version` says.
pub const DATA_FORMAT_VERSION: &str = "0.2.0";

/// A measurement as it is written, stored and submitted.
///
/// Reading is lenient: any key may be missing or `null`, and keys that are not listed are kept in `other`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measurement {
    /// What the probe, its host and the script have to say about the measurement.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
    /// [`DATA_FORMAT_VERSION`].
    pub data_format_version: String,
    /// Data formats of the test keys, with their versions.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub extensions: BTreeMap<String, i64>,
    /// The target; `null` for none.
    #[serde(serialize_with = "null_when_empty", deserialize_with = "null_as_default")]
    pub input: String,
    /// When this measurement began, UTC, `YYYY-MM-DD hh:mm:ss`.
    pub measurement_start_time: String,
    /// `Name=value`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub options: Vec<String>,
    /// `AS123`.
    #[serde(deserialize_with = "null_as_default")]
    pub probe_asn: String,
    /// ISO 3166, or `ZZ`.
    #[serde(deserialize_with = "null_as_default")]
    pub probe_cc: String,
    /// Always `127.0.0.1`.
    #[serde(deserialize_with = "null_as_default")]
    pub probe_ip: String,
    /// The name of the probe's network.
    #[serde(deserialize_with = "null_as_default")]
    pub probe_network_name: String,
    /// The report that the collector opened.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub report_id: String,
    /// `AS123`.
    #[serde(deserialize_with = "null_as_default")]
    pub resolver_asn: String,
    /// The resolver's address, or `127.0.0.2`.
    #[serde(deserialize_with = "null_as_default")]
    pub resolver_ip: String,
    /// The name of the resolver's network.
    #[serde(deserialize_with = "null_as_default")]
    pub resolver_network_name: String,
    /// The software that measured.
    pub software_name: String,
    /// Its version.
    pub software_version: String,
    /// The test helpers that were used.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "null_as_default")]
    pub test_helpers: Map<String, Value>,
    /// What the nettest found.
    pub test_keys: Value,
    /// The nettest.
    pub test_name: String,
    /// Seconds from beginning to end, without submission.
    #[serde(deserialize_with = "null_as_default")]
    pub test_runtime: f64,
    /// When the first measurement of this run of the nettest began, UTC.
    pub test_start_time: String,
    /// The nettest's version.
    pub test_version: String,
    /// Every other key, as it was read.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Measurement {
    /// Begin to describe a measurement.
    pub fn builder(test_name: &str, test_version: &str) -> MeasurementBuilder {
        MeasurementBuilder::new(test_name, test_version)
    }
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn null_when_empty<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() {
        serializer.serialize_none()
    } else {
        serializer.serialize_str(text)
    }
}
