//! Findings on their way: what is alike is told once.

use super::{Finding, Severity};
use serde_json::Value;
use std::{collections::HashMap, fmt};

/// How much of a value is shown.
const SHOWN: usize = 80;

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    /// Where in `findings` something alike stands: the path without indices, and what is wanted.
    alike: HashMap<(String, String), usize>,
}

impl Report {
    /// Against the format.
    pub(super) fn error(&mut self, at: &Path<'_>, found: Option<&Value>, wanted: &str, source: &'static str) {
        self.add(Severity::Error, at, found, wanted, None, source);
    }

    /// Allowed, but worth saying.
    pub(super) fn note(
        &mut self,
        at: &Path<'_>,
        found: Option<&Value>,
        wanted: &str,
        why: &'static str,
        source: &'static str,
    ) {
        self.add(Severity::Note, at, found, wanted, Some(why), source);
    }

    pub(super) fn add(
        &mut self,
        severity: Severity,
        at: &Path<'_>,
        found: Option<&Value>,
        wanted: &str,
        why: Option<&'static str>,
        source: &'static str,
    ) {
        let alike = (format!("{at:#}"), wanted.to_owned());
        if let Some(first) = self
            .alike
            .get(&alike)
            .and_then(|index| self.findings.get_mut(*index))
        {
            first.more += 1;
            return;
        }
        self.alike.insert(alike, self.findings.len());
        self.findings.push(Finding {
            severity,
            path: at.to_string(),
            found: found.map_or_else(|| "nothing".to_owned(), shown),
            wanted: wanted.to_owned(),
            why,
            source,
            more: 0,
        });
    }

    /// Whether there is an error among them.
    pub(super) fn has_error(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// All of them, in the order they were found.
    pub(super) fn findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// A value as JSON, not too much of it.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(list) if !list.is_empty() => format!("a list of {}", list.len()),
        Value::Object(map) if !map.is_empty() => {
            let keys: Vec<&str> = map.keys().map(String::as_str).take(4).collect();
            format!("an object with {}", keys.join(", "))
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A place in a measurement. `{}` writes it in full, `{:#}` as one of its kind: without the indices of lists and the keys
/// of maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    /// A key that the format names.
    Key(&'a str),
    /// A key that is data: a host, an endpoint.
    Entry(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        self.then(Step::Key(key))
    }

    pub(super) fn entry(&'a self, key: &'a str) -> Self {
        self.then(Step::Entry(key))
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&'a self, step: Step<'a>) -> Self {
        Self {
            parent: Some(self),
            step,
        }
    }

    fn is_root(&self) -> bool {
        self.parent.is_none()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else {
            return Ok(());
        };
        parent.fmt(f)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) if parent.is_root() => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Entry(_) | Step::Index(_) if f.alternate() => f.write_str("[]"),
            Step::Entry(key) if is_plain(key) => write!(f, ".{key}"),
            Step::Entry(key) => write!(f, "[{key:?}]"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Whether a key can be written without quotes.
fn is_plain(key: &str) -> bool {
    let mut bytes = key.bytes();
    !key.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
