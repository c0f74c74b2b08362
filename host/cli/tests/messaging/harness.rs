//! Runs cases: each a script of one nettest, in a lab of its own.

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::mmdb::mmdb;
use crate::support::{Probe, assert_exit, nettest, scenario};

/// A nettest in a scenario.
pub(crate) struct Case {
    /// The file in `examples/scenarios`, without its extension.
    pub(crate) scenario: &'static str,
    /// Whether the censor of the scenario has to have acted.
    pub(crate) acts: bool,
    /// The mini nettests that the script names, if any.
    pub(crate) targets: Value,
    /// The options that the script gives the nettest.
    pub(crate) options: Value,
    /// Whether the probe knows whose addresses are.
    pub(crate) owners: bool,
    /// All keys but the observations, and those that every messaging nettest has.
    pub(crate) says: Value,
    /// What else holds of the test keys.
    pub(crate) and: fn(&Value),
}

impl Case {
    /// A case that has only a scenario and keys.
    pub(crate) fn new(scenario: &'static str, acts: bool, says: Value) -> Self {
        Self {
            scenario,
            acts,
            targets: json!([]),
            options: json!({}),
            owners: false,
            says,
            and: |_| {},
        }
    }

    pub(crate) fn and(self, and: fn(&Value)) -> Self {
        Self { and, ..self }
    }

    pub(crate) fn options(self, options: Value) -> Self {
        Self { options, ..self }
    }

    pub(crate) fn with_owners(self) -> Self {
        Self { owners: true, ..self }
    }

    pub(crate) fn targets(self, targets: Value) -> Self {
        Self { targets, ..self }
    }
}

/// The lists that a measurement has in any case.
const OBSERVATIONS: [&str; 6] = [
    "network_events",
    "queries",
    "requests",
    "tcp_connect",
    "tls_handshakes",
    "quic_handshakes",
];

/// Run the cases of a nettest: the first by itself, so that the others find its modules compiled, and those all at once.
pub(crate) fn check(name: &str, cases: &[Case]) {
    let (first, others) = cases.split_first().unwrap();
    first.check(name);
    std::thread::scope(|scope| {
        for case in others {
            std::thread::Builder::new()
                .name(case.scenario.to_owned())
                .spawn_scoped(scope, || case.check(name))
                .unwrap();
        }
    });
}

impl Case {
    fn check(&self, name: &str) {
        let probe = Probe::new();
        let with = json!({"suite_name": "im", "targets": self.targets, "options": self.options});
        let script = probe.script(&json!([nettest(name, &with)]));
        let more: &[&str] = if self.owners {
            std::fs::write(probe.path("owners.mmdb"), owners()).unwrap();
            &["--mmdb", "owners.mmdb"]
        } else {
            &[]
        };
        let begun = Instant::now();
        let Some(output) = probe.runx_in_lab(&scenario(self.scenario), &script, more) else {
            return;
        };
        println!(
            "{name} in {}: {:.1} s",
            self.scenario,
            begun.elapsed().as_secs_f64()
        );
        assert_exit(&output, 0);
        assert_eq!(probe.hits() > 0, self.acts, "whether the censor acted");
        let report = probe.report();
        assert_eq!(report.len(), 1, "one measurement");
        assert_eq!(report[0]["input"], Value::Null);
        let test_keys = &report[0]["test_keys"];
        for kind in OBSERVATIONS {
            assert!(test_keys[kind].is_array(), "{kind}");
        }
        let mut own: Map<String, Value> = test_keys.as_object().unwrap().clone();
        own.retain(|key, _| !OBSERVATIONS.contains(&key.as_str()) && key != "x_failed_mini_nettests");
        let mut says = self.says.clone();
        for (key, value) in [
            ("agent", json!("redirect")),
            ("failed_operation", Value::Null),
            ("failure", Value::Null),
        ] {
            says[key] = value;
        }
        assert_eq!(Value::Object(own), says, "{test_keys:#}");
        (self.and)(test_keys);
    }
}

/// Whose the addresses of the scenarios are.
fn owners() -> Vec<u8> {
    mmdb(&[
        ("31.13.86.0", 24, 32934, "Facebook", "US"),
        ("23.215.0.0", 24, 20940, "Somebody else", "US"),
    ])
}

/// How many entries of a kind there are.
pub(crate) fn count(test_keys: &Value, kind: &str) -> usize {
    test_keys[kind].as_array().unwrap().len()
}

/// The distinct failures of a kind's entries.
pub(crate) fn failures(test_keys: &Value, kind: &str) -> Vec<Value> {
    let entries = test_keys[kind].as_array().unwrap().iter();
    let mut failures: Vec<_> = entries
        .map(|entry| {
            entry
                .pointer("/status/failure")
                .unwrap_or(&entry["failure"])
                .clone()
        })
        .collect();
    failures.sort_by_key(ToString::to_string);
    failures.dedup();
    failures
}
