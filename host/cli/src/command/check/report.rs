//! What was found out about a module, for programs (`docs/registry.md`, "Checks") and for people.

use comfy_table::{Cell, Table, presets};
use netsonde_probe::sandbox::{Budget, BudgetAsk, Digest, Inside, Verdict};
use serde::Serialize;
use serde_json::{Map, Value};

use super::facts::{in_words, split};
use crate::view::{BAD, ERROR, GOOD, plain, print, tell, verdict};

/// What was found out.
#[derive(Serialize)]
pub(super) struct Report {
    digest: String,
    size: usize,
    #[serde(flatten)]
    pub(super) about: Option<About>,
    passed: bool,
    findings: Vec<Finding>,
    suite: Vec<ScenarioRun>,
    suite_skipped: Option<String>,
}

/// What the module says about itself.
#[derive(Serialize)]
pub(super) struct About {
    name: String,
    version: String,
    kind: String,
    contract: String,
    imports: Vec<String>,
    capabilities: Map<String, Value>,
    destinations: Map<String, Value>,
    fixed: Vec<String>,
    budget: Map<String, Value>,
    manifest: String,
}

/// Something that keeps the module from passing.
#[derive(Serialize)]
struct Finding {
    what: String,
    why: String,
}

/// How the module did in a scenario.
#[derive(Serialize)]
pub(super) struct ScenarioRun {
    pub(super) scenario: String,
    pub(super) verdict: Option<Verdict>,
    pub(super) says: Option<String>,
    pub(super) cpu_s: f64,
    pub(super) wall_s: f64,
}

impl About {
    pub(super) fn of(inside: &Inside, contract: String) -> Self {
        let manifest = &inside.manifest;
        let interfaces = inside.imports.iter().map(|import| split(import).1.to_owned());
        let fixed = manifest.fixed.addresses.iter().map(ToString::to_string);
        Self {
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            kind: manifest.kind.to_string(),
            contract,
            imports: interfaces.collect(),
            capabilities: reasons(&manifest.capabilities),
            destinations: reasons(&manifest.destinations),
            fixed: fixed.chain(manifest.fixed.names.iter().cloned()).collect(),
            budget: in_words(&BudgetAsk::from(&Budget::granted(
                &manifest.budget,
                &Budget::maximum(),
            ))),
            manifest: inside.text.clone(),
        }
    }
}

fn reasons<'a>(of: impl IntoIterator<Item = (&'a (impl ToString + 'a), &'a String)>) -> Map<String, Value> {
    of.into_iter()
        .map(|(what, why)| (what.to_string(), why.as_str().into()))
        .collect()
}

impl Report {
    /// A report of a module of which nothing is known yet.
    pub(super) fn of(digest: &Digest, size: usize) -> Self {
        Self {
            digest: format!("sha256:{digest}"),
            size,
            about: None,
            passed: true,
            findings: Vec::new(),
            suite: Vec::new(),
            suite_skipped: None,
        }
    }

    /// Whether nothing was found so far.
    pub(super) fn passed(&self) -> bool {
        self.passed
    }

    /// Note what is wrong with a part of the module.
    pub(super) fn find(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.passed = false;
        self.findings.push(Finding {
            what: what.into(),
            why: why.into(),
        });
    }

    /// Note how it did in a scenario.
    pub(super) fn ran(&mut self, run: ScenarioRun) {
        self.suite.push(run);
    }

    /// Note why it is not run at all.
    pub(super) fn skip_suite(&mut self, why: impl Into<String>) {
        self.suite_skipped = Some(why.into());
    }

    /// Print it to standard output: an object, or what people want to know. What is wrong goes to standard error.
    pub(super) fn show(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return print(&serde_json::to_string(self)?);
        }
        if let Some(about) = &self.about {
            print(&self.head(about))?;
        }
        if !self.suite.is_empty() {
            print(&format!("In the lab:\n{}", self.table()))?;
        }
        if let Some(why) = &self.suite_skipped {
            tell(&format!("{BAD}It was not run:{BAD:#} {}", plain(why)));
        }
        for Finding { what, why } in &self.findings {
            tell(&format!("{ERROR}error:{ERROR:#} {}: {}", plain(what), plain(why)));
        }
        tell(&if self.passed {
            format!("{GOOD}It passes.{GOOD:#}")
        } else {
            format!("{BAD}It does not pass.{BAD:#}")
        });
        Ok(())
    }

    fn head(&self, about: &About) -> String {
        let About {
            name,
            version,
            kind,
            contract,
            ..
        } = about;
        let mut lines = vec![
            format!("{} {version}, a {}", plain(name), kind.replace('-', " ")),
            format!("{}, {} bytes", self.digest, self.size),
            format!("It imports of {}: {}", plain(contract), about.imports.join(" ")),
        ];
        let reasons = |reasons: &Map<String, Value>| -> Vec<String> {
            let line = |(what, why): (&String, &Value)| {
                format!("  {what:<12} {}", plain(why.as_str().unwrap_or_default()))
            };
            reasons.iter().map(line).collect()
        };
        lines.push("It asks for:".to_owned());
        lines.extend(reasons(&about.capabilities));
        if kind == "nettest" {
            lines.push("It goes to:".to_owned());
            lines.extend(reasons(&about.destinations));
        } else {
            lines.push("It goes where its caller may go.".to_owned());
        }
        if !about.fixed.is_empty() {
            lines.push(format!("  {:<12} {}", "", plain(&about.fixed.join(" "))));
        }
        let budget = about.budget.iter().map(|(what, most)| format!("{what} {most}"));
        lines.push(format!("It may use: {}", budget.collect::<Vec<_>>().join(", ")));
        lines.join("\n")
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        for run in &self.suite {
            let said = verdict(run.verdict, run.says.as_deref()).unwrap_or_else(|| "no verdict".to_owned());
            table.add_row([
                Cell::new(format!("  {}", plain(&run.scenario))),
                Cell::new(format!("{:.1} s, {:.2} s of computing", run.wall_s, run.cpu_s)),
                Cell::new(said),
            ]);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.trim_fmt()
    }
}
