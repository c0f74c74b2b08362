//! How a nettest's summary keys read: the verdict on a measurement, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a measurement came to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// What was measured works, or nobody is kept from it.
    Fine,
    /// Nobody can say.
    Unmeasured,
    /// Something is kept from the user.
    Anomaly,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fine => "fine",
            Self::Unmeasured => "unmeasured",
            Self::Anomaly => "anomaly",
        })
    }
}

/// One `[[reading]]`: what it means that some keys have some values.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub(super) verdict: Verdict,
    /// What it is about. Of the readings about the same thing the first that holds counts.
    pub(super) about: String,
    pub(super) when: Vec<(String, Condition)>,
    pub(super) says: Vec<Piece>,
}

/// What a key must be. A key that is not there is null.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// One of these values.
    OneOf(Vec<Value>),
    /// A value of this shape.
    Is(Shape),
    /// A text that starts with this.
    Starts(String),
    /// A number with all of these bits.
    Has(u64),
    /// A number with none of these bits.
    Lacks(u64),
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shape {
    /// Null, or not there.
    Null,
    /// A text: a failure, for most keys.
    Text,
}

/// A part of what a reading says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// The value of a key.
    Key(String),
}

/// What the readings of a manifest say about a measurement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// The gravest verdict of all things that the readings are about.
    pub verdict: Verdict,
    /// What those readings say, that have this verdict; may be empty.
    pub says: String,
}

impl Told {
    /// Read the keys of a measurement; none where no reading holds.
    pub fn of(readings: &[Reading], test_keys: &Map<String, Value>) -> Option<Self> {
        let mut settled = BTreeSet::new();
        let holding: Vec<_> = readings
            .iter()
            .filter(|reading| reading.holds(test_keys) && settled.insert(&reading.about))
            .collect();
        let verdict = holding.iter().map(|reading| reading.verdict).max()?;
        let mut says: Vec<String> = Vec::new();
        for reading in holding.iter().filter(|reading| reading.verdict == verdict) {
            let told = reading.tell(test_keys);
            // What is true of several things is said once.
            if !told.is_empty() && !says.contains(&told) {
                says.push(told);
            }
        }
        Some(Self {
            verdict,
            says: says.join("; "),
        })
    }
}

impl Reading {
    fn holds(&self, test_keys: &Map<String, Value>) -> bool {
        self.when
            .iter()
            .all(|(key, condition)| condition.holds(test_keys.get(key).unwrap_or(&Value::Null)))
    }

    fn tell(&self, test_keys: &Map<String, Value>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Key(key) => match test_keys.get(key) {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => "null".to_owned(),
            },
        };
        self.says.iter().map(piece).collect()
    }

    /// The keys that it reads.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let told = self.says.iter().filter_map(|piece| match piece {
            Piece::Key(key) => Some(key.as_str()),
            Piece::Text(_) => None,
        });
        self.when.iter().map(|(key, _)| key.as_str()).chain(told)
    }
}

impl Condition {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::OneOf(values) => values.contains(value),
            Self::Is(Shape::Null) => value.is_null(),
            Self::Is(Shape::Text) => value.is_string(),
            Self::Starts(start) => value.as_str().is_some_and(|text| text.starts_with(start)),
            Self::Has(bits) => value.as_u64().is_some_and(|value| value & bits == *bits),
            Self::Lacks(bits) => value.as_u64().is_some_and(|value| value & bits == 0),
        }
    }
}

/// A reading as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadingEntry {
    verdict: Verdict,
    #[serde(default)]
    about: String,
    when: BTreeMap<String, ConditionEntry>,
    #[serde(default)]
    says: String,
}

/// A value of the table `when`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a value, a list of values, or a table of `is` (\"text\" or \"null\"), `starts`, `has`, `lacks`"
)]
enum ConditionEntry {
    Tests(Tests),
    OneOf(Vec<Scalar>),
    Equals(Scalar),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tests {
    is: Option<Shape>,
    starts: Option<String>,
    has: Option<u64>,
    lacks: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Number(i64),
    Text(String),
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Bool(value) => value.into(),
            Scalar::Number(value) => value.into(),
            Scalar::Text(value) => value.into(),
        }
    }
}

impl ConditionEntry {
    fn conditions(self) -> Vec<Condition> {
        match self {
            Self::Equals(value) => vec![Condition::OneOf(vec![value.into()])],
            Self::OneOf(values) => vec![Condition::OneOf(values.into_iter().map(Value::from).collect())],
            Self::Tests(tests) => [
                tests.is.map(Condition::Is),
                tests.starts.map(Condition::Starts),
                tests.has.map(Condition::Has),
                tests.lacks.map(Condition::Lacks),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}

impl TryFrom<ReadingEntry> for Reading {
    type Error = String;

    fn try_from(entry: ReadingEntry) -> Result<Self, String> {
        if entry.says.is_empty() && entry.verdict != Verdict::Fine {
            let verdict = entry.verdict;
            return Err(format!(
                "a reading of the verdict `{verdict}` needs `says`: why is it one?"
            ));
        }
        let mut when = Vec::new();
        for (key, entry) in entry.when {
            let conditions = entry.conditions();
            if conditions.is_empty() {
                return Err(format!(
                    "`when.{key}` says nothing: give it `is`, `starts`, `has` or `lacks`"
                ));
            }
            when.extend(conditions.into_iter().map(|condition| (key.clone(), condition)));
        }
        Ok(Self {
            verdict: entry.verdict,
            about: entry.about,
            when,
            says: pieces(&entry.says)?,
        })
    }
}

/// Take `… {key} …` apart.
fn pieces(says: &str) -> Result<Vec<Piece>, String> {
    let odd = || format!("there is a brace without its twin in `{says}`: write a key as {{key}}");
    let mut pieces = Vec::new();
    let mut rest = says;
    while let Some((text, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}').ok_or_else(odd)?;
        pieces.extend([Piece::Text(text.to_owned()), Piece::Key(key.to_owned())]);
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    let is_odd = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('}'));
    if pieces.iter().any(is_odd) {
        return Err(odd());
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests;
