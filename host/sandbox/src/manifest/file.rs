//! A manifest as it is written: each value by itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::reading::ReadingEntry;
use super::{BudgetAsk, InputPolicy, Kind, SummaryKeys, Version};

/// The name of a guest: what scripts and files can hold without quoting.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Name(pub(super) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            return Err(format!(
                "`{text}` is not a name: use lower-case letters, digits, `-` and `_`"
            ));
        }
        Ok(Self(text))
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: Name,
    pub(super) version: Version,
    pub(super) kind: Kind,
    pub(super) summary: String,
    pub(super) authors: Vec<String>,
    pub(super) licence: String,
    pub(super) source: String,
    pub(super) input: Option<InputPolicy>,
    #[serde(default)]
    pub(super) capabilities: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) destinations: BTreeMap<String, Destination>,
    #[serde(default)]
    pub(super) budget: BudgetAsk,
    pub(super) options: Option<Value>,
    pub(super) with: Option<Value>,
    #[serde(default)]
    pub(super) summary_keys: SummaryKeys,
    #[serde(default, rename = "reading")]
    pub(super) readings: Vec<Spanned<ReadingEntry>>,
    #[serde(default)]
    pub(super) extensions: BTreeMap<String, i64>,
}

/// A value of the table `destinations`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected the reason as a text, or for `fixed` a table of `reason` and `endpoints`"
)]
pub(super) enum Destination {
    Reason(String),
    Listed { reason: String, endpoints: Vec<String> },
}

/// A value of the table `summary_keys`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or for `anomaly` a list of keys")]
pub(super) enum SummaryEntry {
    Text(String),
    Keys(Vec<String>),
}

impl TryFrom<BTreeMap<String, SummaryEntry>> for SummaryKeys {
    type Error = String;

    fn try_from(table: BTreeMap<String, SummaryEntry>) -> Result<Self, String> {
        let mut keys = Self::default();
        for (name, entry) in table {
            match (name.as_str(), entry) {
                ("anomaly", SummaryEntry::Keys(anomaly)) => keys.anomaly = anomaly,
                ("anomaly", SummaryEntry::Text(_)) => {
                    return Err("`anomaly` must be a list of keys".to_owned());
                }
                (_, SummaryEntry::Text(text)) => _ = keys.texts.insert(name, text),
                (_, SummaryEntry::Keys(_)) => return Err(format!("`{name}` must be a text")),
            }
        }
        Ok(keys)
    }
}
