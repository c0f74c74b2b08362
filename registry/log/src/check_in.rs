//! Which script a probe is to run: a table in the log, and what is known of the probe.
//!
//! The table is the list of the name [`TABLE`], JSON:
//!
//! ```json
//! {"v": 1, "rules": [
//!   {"if": {"probe_cc": ["IT", "IR"], "run_type": ["timed"]}, "online": "websites", "offline": "websites-offline"},
//!   {"online": "everything", "offline": "everything-offline"}
//! ]}
//! ```
//!
//! The first rule that matches counts. Where there is no table, the scripts are those of the names `online` and `offline`.
//! There is nothing finer than a country, a network's number and the kind of a device, so that nobody can be meant; and since
//! the table is public and choosing is a pure function, a probe can choose for itself and tell nobody what it is.

use crate::canonical::fields::{Fields, FromValue};
use crate::canonical::{Limits, Misfit, ParseError, Unfit, Value};
use crate::words::{Name, Version};

/// The name of the list that is the table.
pub const TABLE: &str = "check-in";

/// What a table may not exceed.
pub const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    depth: 8,
};

/// Why bytes are no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Not JSON, or too much of it.
    #[error("read the check-in table: {0}")]
    Json(#[from] ParseError),
    /// A part of it is missing or wrong.
    #[error("read the check-in table: {0}")]
    Field(#[from] Misfit),
}

/// What is known of a probe: what it shares with thousands. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The country, as `IT`.
    pub probe_cc: String,
    /// The network, as `AS30722`.
    pub probe_asn: String,
    /// The kind of device, as `linux`.
    pub platform: String,
    /// The program, as `netsonde`.
    pub software_name: String,
    /// Its version, as `0.1.0`.
    pub software_version: String,
    /// Why it runs: `manual` or `timed`.
    pub run_type: String,
    /// The kind of network: `wifi`, `mobile`, `wired_ethernet`, `vpn`, …
    pub network_type: String,
    /// Whether the device is charging.
    pub charging: bool,
}

/// What a probe is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The name of the script for now.
    pub online: Option<Name>,
    /// The name of the one to keep, for when the registry can not be reached.
    pub offline: Option<Name>,
    /// Which rule said so, counted from 1. `None`: there is no table.
    pub rule: Option<usize>,
}

/// Which probes run what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    condition: Condition,
    online: Option<Name>,
    offline: Option<Name>,
}

/// What must be so. What is not asked for may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Condition {
    probe_cc: Option<Vec<String>>,
    probe_asn: Option<Vec<String>>,
    platform: Option<Vec<String>>,
    software_name: Option<Vec<String>>,
    run_type: Option<Vec<String>>,
    network_type: Option<Vec<String>>,
    charging: Option<bool>,
    /// The lowest version.
    software_version: Option<Version>,
}

impl Table {
    /// Read a table.
    pub fn parse(bytes: &[u8]) -> Result<Self, TableError> {
        let value = Value::parse(bytes, LIMITS)?;
        let mut fields = Fields::of(&value)?;
        let version: u64 = fields.take("v")?;
        if version != 1 {
            return Err(
                Misfit::new(Unfit::Kind("1, the version of tables that this program knows"))
                    .within("v")
                    .into(),
            );
        }
        let rules = fields.take("rules")?;
        fields.end()?;
        Ok(Self(rules))
    }

    /// The names of all scripts that a probe may be told to run.
    pub fn scripts(&self) -> impl Iterator<Item = &Name> {
        self.0
            .iter()
            .flat_map(|rule| rule.online.iter().chain(&rule.offline))
    }

    /// What such a probe is to run.
    pub fn choose(&self, attributes: &Attributes) -> Choice {
        let found = self
            .0
            .iter()
            .zip(1..)
            .find(|(rule, _)| rule.condition.holds(attributes));
        Choice {
            online: found.and_then(|(rule, _)| rule.online.clone()),
            offline: found.and_then(|(rule, _)| rule.offline.clone()),
            rule: found.map(|(_, number)| number),
        }
    }
}

impl Choice {
    /// What a probe is to run by a log that has no table.
    pub fn without_table() -> Self {
        let name = |text: &str| text.parse().ok();
        Self {
            online: name("online"),
            offline: name("offline"),
            rule: None,
        }
    }
}

impl Condition {
    fn holds(&self, attributes: &Attributes) -> bool {
        let one_of = |wanted: &Option<Vec<String>>, found: &str| {
            let wanted = wanted.as_ref();
            wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(found)))
        };
        let is_new_enough = |lowest: &Version| {
            let version = attributes.software_version.parse::<Version>();
            version.is_ok_and(|version| version >= *lowest)
        };
        one_of(&self.probe_cc, &attributes.probe_cc)
            && one_of(&self.probe_asn, &attributes.probe_asn)
            && one_of(&self.platform, &attributes.platform)
            && one_of(&self.software_name, &attributes.software_name)
            && one_of(&self.run_type, &attributes.run_type)
            && one_of(&self.network_type, &attributes.network_type)
            && self.charging.is_none_or(|wanted| wanted == attributes.charging)
            && self.software_version.as_ref().is_none_or(is_new_enough)
    }
}

impl FromValue for Rule {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        let rule = Self {
            condition: fields.maybe("if")?.unwrap_or_default(),
            online: fields.maybe("online")?,
            offline: fields.maybe("offline")?,
        };
        fields.end()?;
        Ok(rule)
    }
}

impl FromValue for Condition {
    fn from_value(value: &Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        let condition = Self {
            probe_cc: fields.maybe("probe_cc")?,
            probe_asn: fields.maybe("probe_asn")?,
            platform: fields.maybe("platform")?,
            software_name: fields.maybe("software_name")?,
            run_type: fields.maybe("run_type")?,
            network_type: fields.maybe("network_type")?,
            charging: fields.maybe("charging")?,
            software_version: fields.maybe("software_version")?,
        };
        fields.end()?;
        Ok(condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table, TableError> {
        Table::parse(text.as_bytes())
    }

    fn probe(probe_cc: &str, run_type: &str) -> Attributes {
        Attributes {
            probe_cc: probe_cc.to_owned(),
            run_type: run_type.to_owned(),
            software_version: "0.2.0".to_owned(),
            ..Attributes::default()
        }
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let table = table(
            r#"{"v": 1, "rules": [
                {"if": {"probe_cc": ["IT", "IR"], "run_type": ["timed"]}, "online": "a", "offline": "b"},
                {"if": {"software_version": "0.3.0"}, "online": "new"},
                {"if": {"charging": true}},
                {"online": "c"}
            ]}"#,
        )
        .unwrap();
        let chosen = |attributes: &Attributes| {
            let Choice {
                online,
                offline,
                rule,
            } = table.choose(attributes);
            (
                online.map(|name| name.to_string()),
                offline.map(|name| name.to_string()),
                rule,
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(chosen(&probe("IT", "timed")), (some("a"), some("b"), Some(1)));
        assert_eq!(chosen(&probe("ir", "timed")), (some("a"), some("b"), Some(1)));
        assert_eq!(chosen(&probe("IT", "manual")), (some("c"), None, Some(4)));
        let mut other = probe("FR", "timed");
        other.software_version = "0.10.0".to_owned();
        assert_eq!(chosen(&other), (some("new"), None, Some(2)));
        other.software_version = "nonsense".to_owned();
        other.charging = true;
        assert_eq!(chosen(&other), (None, None, Some(3)));
        let names: Vec<_> = table.scripts().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "b", "new", "c"]);
    }

    #[test]
    fn nothing_matches_an_empty_table() {
        let choice = table(r#"{"v":1,"rules":[]}"#)
            .unwrap()
            .choose(&probe("IT", "timed"));
        assert_eq!((choice.online, choice.offline, choice.rule), (None, None, None));
        let choice = Choice::without_table();
        assert_eq!(choice.online.unwrap().as_str(), "online");
        assert_eq!(choice.offline.unwrap().as_str(), "offline");
    }

    #[test]
    fn a_rule_that_could_mean_something_else_is_refused_with_its_place() {
        for (text, wanted) in [
            ("", "the check-in table"),
            (r#"{"v":2,"rules":[]}"#, "v: it must be 1"),
            (r#"{"v":1}"#, "rules: it is missing"),
            (r#"{"v":1,"rules":[{"if":{"probe_cc":"IT"}}]}"#, "probe_cc"),
            (
                r#"{"v":1,"rules":[{"if":{"city":["Rome"]}}]}"#,
                "city: there is no such field",
            ),
            (r#"{"v":1,"rules":[{"online":"../x"}]}"#, "online"),
        ] {
            let said = table(text).unwrap_err().to_string();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
