//! The manifest that a guest carries: what it is, what it asks for, what its options look like.
//!
//! TOML, in the component's custom section `netsonde:manifest`, read before anything is compiled.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use netsonde_net::{Class, Named};

use crate::capability::Capability;
use crate::error::ModuleError;

/// The custom section of a component that holds its manifest.
pub const MANIFEST_SECTION: &str = "netsonde:manifest";

/// What a guest says about itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The name, as in scripts: `telegram`, `http-address`.
    pub name: String,
    /// The version; OONI's `test_version` for nettests.
    pub version: Version,
    /// Which of the two worlds it implements.
    pub kind: Kind,
    /// One line for people.
    pub summary: String,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// An SPDX expression.
    pub licence: String,
    /// Where the source is.
    pub source: String,
    /// Whether runs take an input. Mini nettests: always [`InputPolicy::None`].
    pub input: InputPolicy,
    /// The interfaces it asks for, each with the reason that the user is shown.
    pub capabilities: BTreeMap<Capability, String>,
    /// The classes of destinations it asks for, each with the reason that the user is shown. A mini nettest goes where its
    /// caller may go.
    pub destinations: BTreeMap<Class, String>,
    /// The addresses and names of the class `fixed`.
    pub fixed: Named,
    /// How much of everything it asks for.
    pub budget: BudgetAsk,
    /// JSON Schema of a nettest's options.
    pub options: Option<Value>,
    /// JSON Schema of a mini nettest's `with`.
    pub target: Option<Value>,
    /// The top-level test keys that a summary shows.
    pub summary_keys: SummaryKeys,
    /// The envelope's `extensions`.
    pub extensions: BTreeMap<String, i64>,
}

/// Which world a guest implements.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A test as users know it: the world `nettest`.
    Nettest,
    /// One reusable list of steps: the world `mini-nettest`.
    MiniNettest,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nettest => "nettest",
            Self::MiniNettest => "mini-nettest",
        })
    }
}

/// Whether a nettest is run once, or once for each target.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum InputPolicy {
    /// One run; the script's targets, if any, are handed over whole.
    #[default]
    None,
    /// One run for each target, and there must be one.
    Required,
    /// One run for each target, or a single one without input.
    Optional,
}

/// A version of three numbers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Version {
    /// What scripts name: `http-address@v1`.
    pub major: u64,
    /// Grows with what is added.
    pub minor: u64,
    /// Grows with what is mended.
    pub patch: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(format!(
                "`{text}` is not a version: write three numbers, such as \"0.3.1\""
            )),
        }
    }
}

/// What a guest asks for; the host's maximum decides what it gets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetAsk {
    /// Seconds from start to end.
    pub wall_clock_s: Option<u64>,
    /// Seconds of computing.
    pub cpu_s: Option<u64>,
    /// Mebibytes of memory.
    pub memory_mib: Option<u64>,
    /// Handles alive at once.
    pub handles: Option<u64>,
    /// Log lines and progress reports.
    pub log_lines: Option<u64>,
    /// Connections. This and what follows is a nettest's to ask; a mini nettest, which spends its caller's, may not.
    pub connections: Option<u64>,
    /// DNS queries.
    pub queries: Option<u64>,
    /// Bytes sent.
    pub bytes_sent: Option<u64>,
    /// Bytes received.
    pub bytes_received: Option<u64>,
    /// Reads, writes, lookups and HTTP transactions.
    pub observations: Option<u64>,
    /// Different addresses.
    pub addresses: Option<u64>,
    /// Different ports of one address.
    pub ports: Option<u64>,
}

impl BudgetAsk {
    fn asks_for_traffic(&self) -> bool {
        [
            self.connections,
            self.queries,
            self.bytes_sent,
            self.bytes_received,
            self.observations,
            self.addresses,
            self.ports,
        ]
        .iter()
        .any(Option::is_some)
    }
}

/// The top-level test keys that a summary shows.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(try_from = "BTreeMap<String, SummaryEntry>")]
#[non_exhaustive]
pub struct SummaryKeys {
    /// The keys whose being true means an anomaly.
    pub anomaly: Vec<String>,
    /// What each key means, for people.
    pub texts: BTreeMap<String, String>,
}

/// A value of the table `summary_keys`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or for `anomaly` a list of keys")]
enum SummaryEntry {
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

/// The name of a guest: what scripts and files can hold without quoting.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

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
struct File {
    name: Name,
    version: Version,
    kind: Kind,
    summary: String,
    authors: Vec<String>,
    licence: String,
    source: String,
    input: Option<InputPolicy>,
    #[serde(default)]
    capabilities: BTreeMap<String, String>,
    #[serde(default)]
    destinations: BTreeMap<String, Destination>,
    #[serde(default)]
    budget: BudgetAsk,
    options: Option<Value>,
    with: Option<Value>,
    #[serde(default)]
    summary_keys: SummaryKeys,
    #[serde(default)]
    extensions: BTreeMap<String, i64>,
}

/// A value of the table `destinations`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected the reason as a text, or for `fixed` a table of `reason` and `endpoints`"
)]
enum Destination {
    Reason(String),
    Listed { reason: String, endpoints: Vec<String> },
}

/// The classes asked for and what `fixed` is. The error says what is wrong.
fn destinations(table: BTreeMap<String, Destination>) -> Result<(BTreeMap<Class, String>, Named), String> {
    let mut fixed = Named::default();
    let mut classes = BTreeMap::new();
    for (name, asked) in table {
        let class = Class::from_name(&name).ok_or_else(|| {
            let known = Class::ALL.map(Class::as_str).join(", ");
            format!("there is no class of destinations named `{name}`; there are {known}")
        })?;
        let reason = match (class, asked) {
            (Class::Fixed, Destination::Listed { reason, endpoints }) => {
                for endpoint in endpoints {
                    if !fixed.add(&endpoint) {
                        return Err(format!(
                            "destinations.fixed: `{endpoint}` is neither an address nor a name"
                        ));
                    }
                }
                reason
            }
            (Class::Fixed, Destination::Reason(_)) => {
                return Err("destinations.fixed needs `reason` and `endpoints`".to_owned());
            }
            (_, Destination::Reason(reason)) => reason,
            (_, Destination::Listed { .. }) => {
                return Err(format!("destinations.{name} takes a reason and nothing else"));
            }
        };
        classes.insert(class, reason);
    }
    Ok((classes, fixed))
}

/// A manifest that is well-formed, before anybody looked at whether it makes sense.
pub(crate) struct Draft(File);

impl Draft {
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Read a manifest; `module` is what errors call the guest.
    pub(crate) fn parse(module: &str, text: &str) -> Result<Self, ModuleError> {
        toml::from_str(text).map(Self).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            ModuleError::Manifest {
                module: module.to_owned(),
                line,
                column,
                message: error.message().to_owned(),
            }
        })
    }

    /// Check what no single value can tell.
    pub(crate) fn finish(self, module: &str) -> Result<Manifest, ModuleError> {
        let file = self.0;
        let wrong = |message: String| ModuleError::Manifest {
            module: module.to_owned(),
            line: 1,
            column: 1,
            message,
        };
        file.check().map_err(|message| wrong(message.to_owned()))?;
        let (destinations, fixed) = destinations(file.destinations).map_err(wrong)?;
        let capabilities = file
            .capabilities
            .into_iter()
            .map(|(interface, reason)| match Capability::from_name(&interface) {
                Some(capability) => Ok((capability, reason)),
                None => Err(ModuleError::UnknownCapability {
                    module: module.to_owned(),
                    interface,
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Manifest {
            name: file.name.0,
            version: file.version,
            kind: file.kind,
            summary: file.summary,
            authors: file.authors,
            licence: file.licence,
            source: file.source,
            input: file.input.unwrap_or_default(),
            capabilities,
            destinations,
            fixed,
            budget: file.budget,
            options: file.options,
            target: file.with,
            summary_keys: file.summary_keys,
            extensions: file.extensions,
        })
    }
}

impl File {
    /// What no single value can tell: whether a guest of this kind may say this at all.
    fn check(&self) -> Result<(), &'static str> {
        match self.kind {
            Kind::Nettest if self.with.is_some() => {
                Err("`with` is for mini nettests; a nettest has `options`")
            }
            Kind::MiniNettest if self.options.is_some() => {
                Err("`options` is for nettests; a mini nettest has `with`")
            }
            Kind::MiniNettest if self.input.is_some() => {
                Err("`input` is for nettests; a mini nettest has `with`")
            }
            Kind::MiniNettest if self.capabilities.contains_key(Capability::Mini.as_str()) => {
                Err("a mini nettest can not run mini nettests: take `mini` out of `capabilities`")
            }
            Kind::MiniNettest if self.budget.asks_for_traffic() => Err(
                "what a mini nettest uses of the network is its caller's: of `budget`, leave what a mini nettest has of its own",
            ),
            Kind::MiniNettest if !self.destinations.is_empty() => {
                Err("a mini nettest goes where its caller may go: take `destinations` out")
            }
            Kind::Nettest | Kind::MiniNettest => Ok(()),
        }
    }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TELEGRAM: &str = r#"
name = "telegram"
version = "0.3.1"
kind = "nettest"
summary = "Reachability of Telegram"
authors = ["somebody"]
licence = "MIT OR Apache-2.0"
source = "guests/telegram"
input = "none"

[capabilities]
mini = "one mini nettest for each data centre"

[destinations]
targets = "what the script names"

[destinations.fixed]
reason = "where the script names none"
endpoints = ["192.0.2.1", "Web.telegram.org"]

[budget]
wall_clock_s = 60

[options]
type = "object"
[options.properties.Zeta]
type = "string"
json_name = "zeta"
[options.properties.Alpha]
type = "boolean"

[summary_keys]
anomaly = ["telegram_http_blocking"]
telegram_http_blocking = "data centres unreachable over HTTP"

[extensions]
dnst = 0
"#;

    fn parse(text: &str) -> Result<Manifest, ModuleError> {
        Draft::parse("telegram", text)?.finish("telegram")
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_manifest_reads_as_written() {
        let manifest = parse(TELEGRAM).unwrap();
        assert_eq!(manifest.version.to_string(), "0.3.1");
        assert_eq!(manifest.kind, Kind::Nettest);
        assert_eq!(
            manifest.capabilities.keys().copied().collect::<Vec<_>>(),
            [Capability::Mini]
        );
        assert_eq!(manifest.budget.wall_clock_s, Some(60));
        assert_eq!(
            manifest.destinations.keys().copied().collect::<Vec<_>>(),
            [Class::Targets, Class::Fixed]
        );
        assert!(manifest.fixed.names.contains("web.telegram.org") && manifest.fixed.addresses.len() == 1);
        assert_eq!(manifest.summary_keys.anomaly, ["telegram_http_blocking"]);
        assert_eq!(manifest.summary_keys.texts.len(), 1);
        assert_eq!(manifest.extensions["dnst"], 0);
        let options = manifest.options.unwrap();
        let names: Vec<_> = options["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["Zeta", "Alpha"], "options stay in the order of the file");
    }

    #[test]
    fn errors_point_at_the_place() {
        let text = error(&TELEGRAM.replace("\"0.3.1\"", "\"0.3\""));
        assert!(
            text.contains("telegram") && text.contains("line 3, column 11"),
            "{text}"
        );
        assert!(text.contains("is not a version"), "{text}");
        let text = error(&TELEGRAM.replace("wall_clock_s", "wall_clok_s"));
        assert!(
            text.contains("line 22, column 1") && text.contains("wall_clok_s"),
            "{text}"
        );
        let text = error("name = ");
        assert!(text.contains("line 1, column"), "{text}");
    }

    #[test]
    fn what_a_kind_can_not_have_is_refused() {
        let mini = TELEGRAM.replace("kind = \"nettest\"", "kind = \"mini-nettest\"");
        assert!(
            error(&mini).contains("a mini nettest has `with`"),
            "{}",
            error(&mini)
        );
        let mini = mini.replace("[options", "[with").replace("input = \"none\"", "");
        assert!(
            error(&mini).contains("can not run mini nettests"),
            "{}",
            error(&mini)
        );
        assert!(error(&TELEGRAM.replace("[options", "[with")).contains("a nettest has `options`"));
        let mini = mini.replace("mini = \"one", "dns = \"one");
        assert!(
            error(&mini).contains("where its caller may go"),
            "{}",
            error(&mini)
        );
        for ask in ["queries = 1", "observations = 1", "ports = 1"] {
            let mini = mini.replace("wall_clock_s = 60", ask);
            assert!(error(&mini).contains("is its caller's"), "{}", error(&mini));
        }
    }

    #[test]
    fn a_capability_that_is_not_known_is_refused_by_name() {
        let text = error(&TELEGRAM.replace("mini = ", "teleport = "));
        assert!(text.contains("telegram") && text.contains("`teleport`"), "{text}");
    }

    #[test]
    fn destinations_that_make_no_sense_are_refused() {
        for (from, to, says) in [
            (
                "targets =",
                "everything =",
                "no class of destinations named `everything`",
            ),
            ("targets =", "fixed =", "line"),
            ("\"192.0.2.1\"", "\"192.0.2.1:443\"", "`192.0.2.1:443` is neither"),
            (
                "[destinations.fixed]",
                "[destinations.helpers]",
                "takes a reason and nothing else",
            ),
            ("targets = \"what", "any = 3 # \"what", "`reason` and `endpoints`"),
        ] {
            let text = error(&TELEGRAM.replace(from, to));
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn names_are_plain() {
        for name in ["", "Telegram", "a b", "../x"] {
            let text = error(&TELEGRAM.replacen("\"telegram\"", &format!("\"{name}\""), 1));
            assert!(text.contains("is not a name"), "{text}");
        }
    }
}
