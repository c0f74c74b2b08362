//! The language that the tables of formats are written in, and what reads it.

use super::Severity;
use super::{
    observations,
    report::{Path, Report},
    together,
};
use serde_json::{Map, Value};

/// An object of JSON.
pub(super) type Object = Map<String, Value>;

/// What a value has to be.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// `false`, where early probes wrote it for "none".
    False,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number from the first to the second.
    Number(f64, f64),
    /// A text.
    Text,
    /// One of these texts.
    Word(&'static [&'static str]),
    /// A text of which this holds; first in words.
    Like(&'static str, fn(&str) -> bool),
    /// This, or `null`.
    OrNull(&'static Shape),
    /// The one or the other; which one is meant shows in the type of the value.
    Either(&'static Shape, &'static Shape),
    /// The first; the second is a note, with the reason why it occurs.
    Formerly(&'static Shape, &'static Shape, &'static str),
    /// A list of these.
    List(&'static Shape),
    /// A list of two of these.
    Pair(&'static Shape),
    /// An object with any keys and values of this shape.
    Map(&'static Shape),
    /// An object with certain keys.
    Record(&'static Record),
    /// An object with any keys, below which observations stand under the keys of their kinds.
    Observations,
}

/// An object with certain keys.
pub(super) struct Record {
    /// The page that describes it.
    pub(super) source: &'static str,
    /// Its keys.
    pub(super) fields: &'static [&'static [Field]],
    /// What other keys are.
    pub(super) others: Others,
    /// What one field means for another.
    pub(super) rules: &'static [Rule],
}

/// Keys that a record's table does not have. Such that begin with `x_` are always allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Are noted.
    Strange,
    /// Are observations, or contain some, or are noted.
    Observations,
}

/// One key of a record.
pub(super) struct Field {
    key: &'static str,
    need: Need,
    shape: Shape,
}

/// A nettest that came to no result says so under this key, and lacks what it would have computed.
const UNFINISHED: &str = "x_netsonde_error";

/// What is wanted where there should be nothing.
const NO_KEY: &str = "no key of this name";

/// Whether a key has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    May,
    /// It has to, but is left out sometimes, for this reason: a note.
    Usually(&'static str),
    /// It may, but newer probes do not write it: a note.
    Older,
}

/// A key that has to be there.
pub(super) const fn must(key: &'static str, shape: Shape) -> Field {
    let need = Need::Must;
    Field { key, need, shape }
}

/// A key that may be left out.
pub(super) const fn may(key: &'static str, shape: Shape) -> Field {
    let need = Need::May;
    Field { key, need, shape }
}

/// A key that older probes left out.
pub(super) const fn newer(key: &'static str, shape: Shape) -> Field {
    let need = Need::Usually("older probes leave it out");
    Field { key, need, shape }
}

/// A key with a conclusion about something that not every script measures.
pub(super) const fn concluded(key: &'static str, shape: Shape) -> Field {
    let need = Need::Usually("scripts that do not measure it leave it out");
    Field { key, need, shape }
}

/// A key that only older probes write.
pub(super) const fn older(key: &'static str, shape: Shape) -> Field {
    let need = Need::Older;
    Field { key, need, shape }
}

/// What has to hold between the fields of a record.
pub(super) struct Rule {
    severity: Severity,
    /// The field that is shown where it does not.
    key: &'static str,
    wanted: &'static str,
    holds: fn(&Object) -> bool,
}

/// It is an error if this does not hold.
pub(super) const fn rule(key: &'static str, wanted: &'static str, holds: fn(&Object) -> bool) -> Rule {
    let severity = Severity::Error;
    Rule {
        severity,
        key,
        wanted,
        holds,
    }
}

/// It is a note if this does not hold.
pub(super) const fn custom(key: &'static str, wanted: &'static str, holds: fn(&Object) -> bool) -> Rule {
    let severity = Severity::Note;
    Rule {
        severity,
        key,
        wanted,
        holds,
    }
}

/// Where a check is, and where it writes.
pub(super) struct Check<'a> {
    pub(super) report: &'a mut Report,
    pub(super) at: Path<'a>,
    pub(super) source: &'static str,
}

impl Check<'_> {
    fn under<'b>(&'b mut self, at: Path<'b>) -> Check<'b> {
        Check {
            report: self.report,
            at,
            source: self.source,
        }
    }
}

impl Shape {
    /// Check a value.
    pub(super) fn check(&self, value: &Value, check: &mut Check<'_>) {
        self.check_within(self, value, check);
    }

    /// Check a value, of which `whole` is what is wanted.
    fn check_within(&self, whole: &Shape, value: &Value, check: &mut Check<'_>) {
        match (self, value) {
            (Self::OrNull(shape), _) => {
                if !value.is_null() {
                    shape.check_within(whole, value, check);
                }
            }
            (Self::Either(one, other), _) => {
                let shape = if other.is_kind(value) { other } else { one };
                shape.check_within(whole, value, check);
            }
            (Self::Formerly(now, then, why), _) => {
                if then.accepts(value) && !now.accepts(value) {
                    let wanted = now.words();
                    check
                        .report
                        .note(&check.at, Some(value), &wanted, why, check.source);
                } else {
                    now.check_within(whole, value, check);
                }
            }
            (Self::List(shape), Value::Array(list)) => each(shape, list, check),
            (Self::Pair(shape), Value::Array(list)) if list.len() == 2 => each(shape, list, check),
            (Self::Map(shape), Value::Object(map)) => {
                for (key, value) in map {
                    let at = check.at;
                    shape.check(value, &mut check.under(at.entry(key)));
                }
            }
            (Self::Record(record), Value::Object(object)) => record.check(object, check),
            (Self::Observations, Value::Object(object)) => {
                observations::walk(object, check.report, &check.at);
            }
            _ => {
                if !self.is_leaf_of(value) {
                    check
                        .report
                        .error(&check.at, Some(value), &whole.words(), check.source);
                }
            }
        }
    }

    /// Whether a value that contains nothing else is this.
    fn is_leaf_of(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Null, Value::Null)
            | (Self::Bool, Value::Bool(_))
            | (Self::Text, Value::String(_)) => true,
            (Self::False, Value::Bool(flag)) => !flag,
            (Self::Integer(from, to), Value::Number(number)) => number
                .as_i64()
                .is_some_and(|number| (*from..=*to).contains(&number)),
            (Self::Number(from, to), Value::Number(number)) => number
                .as_f64()
                .is_some_and(|number| (*from..=*to).contains(&number)),
            (Self::Word(words), Value::String(text)) => words.contains(&text.as_str()),
            (Self::Like(_, holds), Value::String(text)) => holds(text),
            _ => false,
        }
    }

    /// Whether there would be no error.
    fn accepts(&self, value: &Value) -> bool {
        let mut report = Report::default();
        let mut check = Check {
            report: &mut report,
            at: Path::ROOT,
            source: "",
        };
        self.check(value, &mut check);
        !report.has_error()
    }

    /// Whether the type of a value is that of this shape.
    fn is_kind(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Null => value.is_null(),
            Self::Bool | Self::False => value.is_boolean(),
            Self::Integer(..) | Self::Number(..) => value.is_number(),
            Self::Text | Self::Word(_) | Self::Like(..) => value.is_string(),
            Self::OrNull(shape) => value.is_null() || shape.is_kind(value),
            Self::Either(one, other) => one.is_kind(value) || other.is_kind(value),
            Self::Formerly(now, then, _) => now.is_kind(value) || then.is_kind(value),
            Self::List(_) | Self::Pair(_) => value.is_array(),
            Self::Map(_) | Self::Record(_) | Self::Observations => value.is_object(),
        }
    }

    /// The shape in words, for people.
    fn words(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::False => "false".to_owned(),
            Self::Integer(from, i64::MAX) => format!("a whole number from {from}"),
            Self::Integer(from, to) => format!("a whole number from {from} to {to}"),
            Self::Number(from, f64::MAX) => format!("a number from {from}"),
            Self::Number(from, to) => format!("a number from {from} to {to}"),
            Self::Text => "a text".to_owned(),
            Self::Word(words) => words
                .iter()
                .map(|word| format!("{word:?}"))
                .collect::<Vec<_>>()
                .join(" or "),
            Self::Like(words, _) => (*words).to_owned(),
            Self::OrNull(shape) => format!("{} or null", shape.words()),
            Self::Either(one, other) => format!("{} or {}", one.words(), other.words()),
            Self::Formerly(now, ..) => now.words(),
            Self::List(_) => "a list".to_owned(),
            Self::Pair(_) => "a list of two".to_owned(),
            Self::Map(_) | Self::Record(_) | Self::Observations => "an object".to_owned(),
        }
    }
}

fn each(shape: &Shape, list: &[Value], check: &mut Check<'_>) {
    for (index, value) in list.iter().enumerate() {
        let at = check.at;
        shape.check(value, &mut check.under(at.index(index)));
    }
}

impl Record {
    /// Check an object.
    pub(super) fn check(&self, object: &Object, check: &mut Check<'_>) {
        let at = check.at;
        let check = &mut Check {
            report: check.report,
            at,
            source: self.source,
        };
        self.check_fields(object, check);
        for (key, value) in object {
            if self.field(key).is_some() {
                continue;
            }
            let at = at.key(key);
            let known =
                self.others == Others::Observations && observations::at_key(key, value, check.report, &at);
            if !known && !key.starts_with("x_") {
                check
                    .report
                    .add(Severity::Note, &at, Some(value), NO_KEY, None, self.source);
            }
        }
        if self.others == Others::Observations {
            together::check(object, check.report, &at);
        }
        for rule in self.rules {
            if !(rule.holds)(object) {
                let at = at.key(rule.key);
                check.report.add(
                    rule.severity,
                    &at,
                    object.get(rule.key),
                    rule.wanted,
                    None,
                    self.source,
                );
            }
        }
    }

    fn check_fields(&self, object: &Object, check: &mut Check<'_>) {
        let at = check.at;
        for field in self.fields.iter().copied().flatten() {
            let at = at.key(field.key);
            match (object.get(field.key), field.need) {
                (None, _) if object.contains_key(UNFINISHED) => {}
                (None, Need::Must) => {
                    check.report.error(&at, None, &field.shape.words(), self.source);
                }
                (None, Need::Usually(why)) => {
                    let wanted = field.shape.words();
                    check.report.note(&at, None, &wanted, why, self.source);
                }
                (None, Need::May | Need::Older) => {}
                (Some(value), need) => {
                    if need == Need::Older {
                        let why = "older probes write it, and backends";
                        check.report.note(&at, Some(value), NO_KEY, why, self.source);
                    }
                    field.shape.check(value, &mut check.under(at));
                }
            }
        }
    }

    fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields
            .iter()
            .copied()
            .flatten()
            .find(|field| field.key == key)
    }
}

/// What rules ask of an object.
pub(super) trait Ask {
    /// The text under a key.
    fn text(&self, key: &str) -> Option<&str>;
    /// The number under a key.
    fn number(&self, key: &str) -> Option<f64>;
    /// The whole number under a key.
    fn integer(&self, key: &str) -> Option<i64>;
    /// The flag under a key.
    fn flag(&self, key: &str) -> Option<bool>;
    /// Whether there is nothing under a key, or `null`; or `false`, as early probes wrote it.
    fn is_none(&self, key: &str) -> bool;
    /// The list under a key; empty where there is none.
    fn list(&self, key: &str) -> &[Value];
    /// The object under a key.
    fn object(&self, key: &str) -> Option<&Object>;
}

impl Ask for Object {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_f64()
    }

    fn integer(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    fn is_none(&self, key: &str) -> bool {
        matches!(self.get(key), None | Some(Value::Null | Value::Bool(false)))
    }

    fn list(&self, key: &str) -> &[Value] {
        self.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn object(&self, key: &str) -> Option<&Object> {
        self.get(key)?.as_object()
    }
}
