//! Scenario documents: TOML to [`Scenario`], with errors that name the file, the line and the remedy.

use super::check::Place;
use super::{Hop, Host, Problem, Resolver, Rule, Scenario};
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// Why a scenario document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("read scenario {file}")]
    Read {
        /// The file, as it was given.
        file: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is not TOML, or has a field, a word or a type that scenarios do not have.
    #[error("{file}:{line}: {message}, in `{text}`")]
    Malformed {
        /// The file, as it was given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong there, and what would be right.
        message: String,
        /// The line itself.
        text: String,
    },
    /// Every part is well formed, but they do not fit together.
    #[error("{file}:{line}: {problem}")]
    Inconsistent {
        /// The file, as it was given.
        file: String,
        /// The line where the part begins, from 1.
        line: usize,
        /// What does not fit, and the remedy.
        problem: Problem,
    },
}

/// The document as written: the parts keep their place, so that errors can point to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    description: String,
    delay_ms: Option<u64>,
    resolver: Option<Spanned<Resolver>>,
    #[serde(default, rename = "hop")]
    hops: Vec<Spanned<Hop>>,
    #[serde(default, rename = "host")]
    hosts: Vec<Spanned<Host>>,
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<Rule>>,
}

impl Scenario {
    /// Reads a scenario document.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&file, &text),
            Err(source) => Err(ScenarioError::Read { file, source }),
        }
    }

    /// Reads the text of a scenario document; `file` is its name in errors.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            ScenarioError::Malformed {
                file: file.to_owned(),
                line,
                message: error.message().to_owned(),
                text: text
                    .lines()
                    .nth(line.saturating_sub(1))
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
            }
        })?;
        let spans = Spans {
            resolver: document.resolver.as_ref().map(Spanned::span),
            hops: document.hops.iter().map(Spanned::span).collect(),
            hosts: document.hosts.iter().map(Spanned::span).collect(),
            rules: document.rules.iter().map(Spanned::span).collect(),
        };
        let usual = Self::default();
        let scenario = Self {
            description: document.description,
            delay_ms: document.delay_ms.unwrap_or(usual.delay_ms),
            resolver: document.resolver.map_or(usual.resolver, Spanned::into_inner),
            hops: document.hops.into_iter().map(Spanned::into_inner).collect(),
            hosts: document.hosts.into_iter().map(Spanned::into_inner).collect(),
            rules: document.rules.into_iter().map(Spanned::into_inner).collect(),
        };
        scenario.check().map_err(|problem| ScenarioError::Inconsistent {
            file: file.to_owned(),
            line: line_of(text, spans.start(problem.place)),
            problem,
        })?;
        Ok(scenario)
    }
}

/// Where each part of a document stands.
struct Spans {
    resolver: Option<Range<usize>>,
    hops: Vec<Range<usize>>,
    hosts: Vec<Range<usize>>,
    rules: Vec<Range<usize>>,
}

impl Spans {
    fn start(&self, place: Place) -> usize {
        let span = match place {
            Place::Document => None,
            Place::Resolver => self.resolver.as_ref(),
            Place::Hop(index) => self.hops.get(index),
            Place::Host(index) => self.hosts.get(index),
            Place::Rule(index) => self.rules.get(index),
        };
        span.map_or(0, |span| span.start)
    }
}

/// The line, from 1, in which a byte stands.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        .saturating_add(1)
}
