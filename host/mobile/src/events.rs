//! OONI's events, and ours beside them, as the JSON that readers get.

use netsonde_data::location::Location;
use netsonde_probe::view::Level;
use serde_json::{Map, Value, json};

/// What a reader gets once nothing comes any more.
pub(crate) const TERMINATED: &str = r#"{"key":"task_terminated","value":{}}"#;

/// An event.
pub(crate) fn event(key: &str, value: &Value) -> String {
    json!({"key": key, "value": value}).to_string()
}

/// `failure.startup` and the other events that only say what went wrong.
pub(crate) fn failure(key: &str, failure: &str) -> String {
    event(key, &json!({"failure": failure}))
}

/// `status.progress`.
pub(crate) fn progress(percentage: f64, message: &str) -> String {
    event(
        "status.progress",
        &json!({"message": message, "percentage": percentage}),
    )
}

/// `log`.
pub(crate) fn log(level: Level, message: &str) -> String {
    let level = match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARNING",
    };
    event("log", &json!({"log_level": level, "message": message}))
}

/// `status.geoip_lookup`.
pub(crate) fn geoip_lookup(location: &Location, geoip_db: &str) -> String {
    event(
        "status.geoip_lookup",
        &json!({
            "geoip_db": geoip_db,
            "probe_asn": format!("AS{}", location.probe_asn),
            "probe_cc": location.country(),
            "probe_ip": probe_ip(location),
            "probe_network_name": location.probe_network_name,
        }),
    )
}

/// `status.resolver_lookup`.
pub(crate) fn resolver_lookup(location: &Location, geoip_db: &str) -> String {
    event(
        "status.resolver_lookup",
        &json!({
            "geoip_db": geoip_db,
            "resolver_asn": format!("AS{}", location.resolver_asn),
            "resolver_ip": resolver_ip(location),
            "resolver_network_name": location.resolver_network_name,
        }),
    )
}

/// The probe's address, or what OONI writes for one that is not known.
pub(crate) fn probe_ip(location: &Location) -> String {
    location
        .probe_ip
        .map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string())
}

/// The resolver's address, or what OONI writes for one that is not known.
pub(crate) fn resolver_ip(location: &Location) -> String {
    location
        .resolver_ip
        .map_or_else(|| "127.0.0.2".to_owned(), |ip| ip.to_string())
}

/// A target of the task, as several events name it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    pub(crate) index: usize,
    pub(crate) input: Option<String>,
}

impl Subject {
    /// An event about the target. What is empty is left out.
    pub(crate) fn event(&self, key: &str, more: &[(&str, &str)]) -> String {
        let mut value = Map::new();
        for (name, text) in more.iter().filter(|(_, text)| !text.is_empty()) {
            value.insert((*name).to_owned(), (*text).into());
        }
        value.insert("idx".to_owned(), self.index.into());
        value.insert(
            "input".to_owned(),
            self.input.as_deref().unwrap_or_default().into(),
        );
        event(key, &value.into())
    }
}
