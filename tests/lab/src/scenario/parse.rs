//! Scenario documents: TOML to [`Scenario`], with errors that name the file, the line and the remedy.

use super::check::Place;
use super::{Claim, Hop, Host, Problem, Resolver, Rule, Scenario};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
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
    /// The document that it stands on cannot be read.
    #[error("{file}:{line}: read its base {base}")]
    Base {
        /// The file, as it was given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// Where the base was looked for.
        base: String,
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
    base: Option<Spanned<PathBuf>>,
    delay_ms: Option<u64>,
    resolver: Option<Spanned<ResolverPart>>,
    #[serde(default)]
    names: BTreeMap<String, Claim>,
    #[serde(default)]
    pages: BTreeMap<String, String>,
    #[serde(default, rename = "hop")]
    hops: Vec<Spanned<Hop>>,
    #[serde(default, rename = "host")]
    hosts: Vec<Spanned<Host>>,
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<Rule>>,
}

/// What a document says of the resolver.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ResolverPart {
    address: Option<IpAddr>,
    lies: BTreeMap<String, Claim>,
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

    /// Reads the text of a scenario document; `file` is its name in errors, and where its base is looked for from.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let source = Source { file, text };
        let document = source.read()?;
        let parts = match &document.base {
            None => Parts::of(source, document),
            Some(base) => {
                let below = source.base(base)?;
                Parts::of(source, document).over(below)
            }
        };
        parts.fit()
    }
}

/// A document's name and text.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn read(self) -> Result<Document, ScenarioError> {
        toml::from_str(self.text)
            .map_err(|error| self.malformed(error.span().map_or(0, |span| span.start), error.message()))
    }

    /// The parts of the document that this one stands on.
    fn base(self, named: &Spanned<PathBuf>) -> Result<Parts, ScenarioError> {
        let folder = Path::new(self.file).parent().unwrap_or(Path::new(""));
        let path = folder.join(named.get_ref());
        let file = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|source| ScenarioError::Base {
            file: self.file.to_owned(),
            line: self.line(named.span().start),
            base: file.clone(),
            source,
        })?;
        let source = Source {
            file: &file,
            text: &text,
        };
        let document = source.read()?;
        match &document.base {
            Some(further) => Err(source.malformed(
                further.span().start,
                "a base has no base itself: put what is shared into one file",
            )),
            None => Ok(Parts::of(source, document)),
        }
    }

    fn malformed(self, offset: usize, message: &str) -> ScenarioError {
        let line = self.line(offset);
        let text = self.text.lines().nth(line.saturating_sub(1));
        ScenarioError::Malformed {
            file: self.file.to_owned(),
            line,
            message: message.to_owned(),
            text: text.unwrap_or_default().trim().to_owned(),
        }
    }

    /// The line, from 1, in which a byte stands.
    fn line(self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        before.filter(|byte| *byte == b'\n').count().saturating_add(1)
    }

    fn place<T>(self, part: Spanned<T>) -> Placed<T> {
        Placed {
            at: At {
                file: self.file.to_owned(),
                line: self.line(part.span().start),
            },
            part: part.into_inner(),
        }
    }
}

/// Where a part begins.
#[derive(Clone)]
struct At {
    file: String,
    line: usize,
}

/// A part and where it begins.
struct Placed<T> {
    at: At,
    part: T,
}

/// What one document, or two, say.
struct Parts {
    document: At,
    description: String,
    delay_ms: Option<u64>,
    resolver: Option<Placed<ResolverPart>>,
    names: BTreeMap<String, Claim>,
    pages: BTreeMap<String, String>,
    hops: Vec<Placed<Hop>>,
    hosts: Vec<Placed<Host>>,
    rules: Vec<Placed<Rule>>,
}

impl Parts {
    fn of(source: Source<'_>, document: Document) -> Self {
        Self {
            document: At {
                file: source.file.to_owned(),
                line: 1,
            },
            description: document.description,
            delay_ms: document.delay_ms,
            resolver: document.resolver.map(|part| source.place(part)),
            names: document.names,
            pages: document.pages,
            hops: document.hops.into_iter().map(|part| source.place(part)).collect(),
            hosts: document
                .hosts
                .into_iter()
                .map(|part| source.place(part))
                .collect(),
            rules: document
                .rules
                .into_iter()
                .map(|part| source.place(part))
                .collect(),
        }
    }

    /// Stands on a base: what is said here holds, all else is the base's.
    fn over(self, base: Self) -> Self {
        let mut hosts = base.hosts;
        for host in self.hosts {
            let same = hosts.iter_mut().find(|other| other.part.name == host.part.name);
            match same {
                Some(replaced) => *replaced = host,
                None => hosts.push(host),
            }
        }
        let resolver = match (self.resolver, base.resolver) {
            (Some(own), Some(below)) => Some(Placed {
                at: own.at,
                part: ResolverPart {
                    address: own.part.address.or(below.part.address),
                    lies: with(below.part.lies, own.part.lies),
                },
            }),
            (own, below) => own.or(below),
        };
        Self {
            document: self.document,
            description: self.description,
            delay_ms: self.delay_ms.or(base.delay_ms),
            resolver,
            names: with(base.names, self.names),
            pages: with(base.pages, self.pages),
            hops: if self.hops.is_empty() {
                base.hops
            } else {
                self.hops
            },
            hosts,
            rules: self.rules.into_iter().chain(base.rules).collect(),
        }
    }

    /// The scenario, if its parts fit together.
    fn fit(self) -> Result<Scenario, ScenarioError> {
        let usual = Scenario::default();
        let (resolver_at, resolver) = self.resolver.map_or((None, ResolverPart::default()), |placed| {
            (Some(placed.at), placed.part)
        });
        let (hops_at, hops) = apart(self.hops);
        let (hosts_at, hosts) = apart(self.hosts);
        let (rules_at, rules) = apart(self.rules);
        let scenario = Scenario {
            description: self.description,
            delay_ms: self.delay_ms.unwrap_or(usual.delay_ms),
            resolver: Resolver {
                address: resolver.address.unwrap_or(usual.resolver.address),
                lies: resolver.lies,
            },
            names: self.names,
            pages: self.pages,
            hops,
            hosts,
            rules,
        };
        scenario.check().map_err(|problem| {
            let at = match problem.place {
                Place::Document => None,
                Place::Resolver => resolver_at.as_ref(),
                Place::Hop(index) => hops_at.get(index),
                Place::Host(index) => hosts_at.get(index),
                Place::Rule(index) => rules_at.get(index),
            };
            let At { file, line } = at.unwrap_or(&self.document).clone();
            ScenarioError::Inconsistent { file, line, problem }
        })?;
        Ok(scenario)
    }
}

/// A table with another one's entries in place of its own.
fn with<T>(mut base: BTreeMap<String, T>, own: BTreeMap<String, T>) -> BTreeMap<String, T> {
    base.extend(own);
    base
}

fn apart<T>(placed: Vec<Placed<T>>) -> (Vec<At>, Vec<T>) {
    placed.into_iter().map(|placed| (placed.at, placed.part)).unzip()
}
