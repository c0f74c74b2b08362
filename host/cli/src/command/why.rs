//! `netsonde why`: what the log says of a module or of a measurement and who signed it, proven by what was kept, without any
//! network.

use std::path::Path;

use anyhow::{Context as _, ensure};
use netsonde_feed::{Feed, Proven};
use netsonde_log::leaf::Payload;
use netsonde_log::root::Root;
use netsonde_log::words::Digest;
use netsonde_probe::catalog::{Catalog, Origin};
use netsonde_probe::now;
use netsonde_probe::watch::log_digest;
use serde_json::{Value, json};

use crate::args::Why;
use crate::command::{catalog, read};
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print};

/// Why a module may run, or why a measurement was made as it was.
pub(crate) fn run(args: &Why, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let catalog = catalog(&args.modules)?;
    let mut all_proven = true;
    for subject in subjects(&args.what, &catalog)? {
        let answer = answer(&catalog, subject);
        all_proven &= answer.why_not.is_none();
        answer.print(json)?;
    }
    Ok(if all_proven { Exit::Done } else { Exit::Failed })
}

/// Something that a registry may have said something of.
struct Subject {
    what: String,
    digest: Digest,
    /// Why there is nothing to prove, if a registry says nothing of it.
    own: Option<&'static str>,
}

/// The module of this name, or the scripts and modules of measurements in a file.
fn subjects(what: &str, catalog: &Catalog) -> anyhow::Result<Vec<Subject>> {
    if let Some(entry) = catalog.entries().find(|entry| entry.name == what) {
        let (_, digest) = entry
            .manifest
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let digest = log_digest(digest.as_str()).map_err(|error| anyhow::anyhow!("{error}"))?;
        let own = match &entry.origin {
            Origin::Preinstalled => Some("it is in this program"),
            Origin::File(_) => Some("it was given as a file"),
            Origin::Installed { .. } => None,
        };
        let what = format!("module {what}");
        return Ok(vec![Subject { what, digest, own }]);
    }
    let path = Path::new(what);
    ensure!(
        path.exists(),
        "{what} is neither a module of this probe nor a file: see `netsonde list`"
    );
    let bytes = read("the measurement", path)?;
    let mut subjects = Vec::new();
    for measurement in serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>() {
        let measurement = measurement.with_context(|| format!("{what} is no file of measurements"))?;
        subjects.extend(of_measurement(&measurement, catalog)?);
    }
    ensure!(!subjects.is_empty(), "{what} has no measurement in it");
    let mut seen = std::collections::BTreeSet::new();
    subjects.retain(|subject| seen.insert(subject.digest));
    Ok(subjects)
}

fn of_measurement(measurement: &Value, catalog: &Catalog) -> anyhow::Result<[Subject; 2]> {
    let annotation = |name: &str| {
        measurement
            .pointer(&format!("/annotations/{name}"))
            .and_then(Value::as_str)
    };
    let test = measurement
        .get("test_name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let digest = |name: &str| -> anyhow::Result<Digest> {
        let hex = annotation(name).with_context(|| {
            format!("the measurement of {test} has no annotation {name}: it was not made by netsonde")
        })?;
        log_digest(hex).map_err(|error| anyhow::anyhow!("the annotation {name}: {error}"))
    };
    let script = Subject {
        what: format!("script of a measurement of {test}"),
        digest: digest("netsonde_script_sha256")?,
        own: match annotation("netsonde_script_source") {
            Some("built-in") => Some("it is in the program that measured"),
            None => Some("somebody gave it as a file"),
            Some(_) => None,
        },
    };
    let digest = digest("netsonde_module_sha256")?;
    let is_preinstalled = |entry: &&netsonde_probe::catalog::Entry| {
        let of_it = entry
            .manifest
            .as_ref()
            .is_ok_and(|(_, own)| log_digest(own.as_str()).as_ref() == Ok(&digest));
        of_it && entry.origin == Origin::Preinstalled
    };
    let module = Subject {
        what: format!("module of a measurement of {test}"),
        digest,
        own: if catalog.entries().any(|entry| is_preinstalled(&entry)) {
            Some("it is in this program")
        } else if annotation("netsonde_module_registry").is_none() {
            Some("no registry that was followed had released it")
        } else {
            None
        },
    };
    Ok([script, module])
}

/// What is known of a subject.
struct Answer<'a> {
    subject: Subject,
    /// The registry that says something of it, and what is proven of that.
    proven: Option<(&'a Feed, Vec<Proven>)>,
    /// Registries that have revoked it, with the leaf.
    revoked: Vec<(&'a str, u64)>,
    /// Why nothing is proven that should be.
    why_not: Option<String>,
}

fn answer(catalog: &Catalog, subject: Subject) -> Answer<'_> {
    let (mut proven, mut why_not, mut revoked) = (None, None, Vec::new());
    for feed in catalog.watch().feeds() {
        let ledger = feed.client().ledger();
        revoked.extend(ledger.revoked(&subject.digest).map(|index| (feed.name(), index)));
        match feed.proven(&subject.digest, now()) {
            Ok(Some(leaves)) if proven.is_none() && !leaves.is_empty() => proven = Some((feed, leaves)),
            Ok(_) => {}
            Err(error) => why_not = Some(format!("{}: {error}", feed.name())),
        }
    }
    if proven.is_some() {
        why_not = None;
    } else if why_not.is_none() && subject.own.is_none() {
        why_not = Some("no registry that is followed has a proof of it here".to_owned());
    }
    Answer {
        subject,
        proven,
        revoked,
        why_not,
    }
}

impl Answer<'_> {
    fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return print(&self.object().to_string());
        }
        let Subject { what, digest, own } = &self.subject;
        say(&format!("{what}: {digest}"))?;
        if let Some((feed, leaves)) = &self.proven {
            for leaf in leaves {
                say(&format!("  leaf {}: {}", leaf.index, told(leaf)))?;
                for signature in leaf.leaf.signatures() {
                    say(&format!(
                        "    signed as {} by {}",
                        signature.role, signature.keyid
                    ))?;
                }
                say(&format!("    holds under root {}", leaf.root_version))?;
                let seen = format!("{} leaves, seen at {} (seconds of Unix)", leaf.size, leaf.seen);
                say(&format!(
                    "    is in the log: proven against its checkpoint of {seen}"
                ))?;
            }
            say(&format!(
                "  registry {}, first root {}",
                feed.name(),
                feed.trusted()
            ))?;
            for root in feed.roots() {
                say(&format!("    root {}: {}", root.version(), root.digest()))?;
            }
        } else if let Some(own) = own {
            say(&format!("  no registry says it runs: {own}"))?;
        }
        for (registry, index) in &self.revoked {
            say(&format!(
                "  REVOKED by {registry} in leaf {index}: it does not run any more"
            ))?;
        }
        if let Some(why_not) = &self.why_not {
            say(&format!("  NOT PROVEN: {why_not}"))?;
        }
        Ok(())
    }

    fn object(&self) -> Value {
        let leaves = self
            .proven
            .as_ref()
            .map(|(_, leaves)| leaves.iter().map(leaf).collect::<Vec<_>>());
        let feed = self.proven.as_ref().map(|(feed, _)| *feed);
        let root = |root: &Root| json!({"version": root.version(), "digest": root.digest().to_string()});
        json!({
            "what": self.subject.what,
            "digest": self.subject.digest.to_string(),
            "proven": self.proven.is_some(),
            "own": self.subject.own,
            "why_not": self.why_not,
            "registry": feed.map(Feed::name),
            "roots": feed.map(|feed| feed.roots().iter().map(root).collect::<Vec<_>>()),
            "leaves": leaves,
            "revoked": self.revoked.iter().map(|(registry, index)| json!({"registry": registry, "index": index})).collect::<Vec<_>>(),
        })
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    print(&plain(line))
}

fn told(proven: &Proven) -> String {
    let payload = proven.leaf.payload();
    let kind = payload.kind();
    match payload {
        Payload::ModuleRelease(module) => format!("{kind} {} {}", module.name, module.version),
        Payload::RebuildAttest(module) => {
            format!(
                "{kind} {} {} from {} commit {}",
                module.name, module.version, module.source.repo, module.source.commit
            )
        }
        Payload::ScriptPublish(script) => {
            format!(
                "{kind} {}, from {} until {} (seconds of Unix)",
                script.name, script.issued, script.expires
            )
        }
        _ => kind.to_owned(),
    }
}

fn leaf(proven: &Proven) -> Value {
    let signatures = proven.leaf.signatures().iter();
    let signatures = signatures
        .map(|signature| json!({"role": signature.role.to_string(), "keyid": signature.keyid.to_string()}));
    let text = String::from_utf8(proven.leaf.to_bytes()).unwrap_or_default();
    json!({
        "index": proven.index,
        "type": proven.leaf.payload().kind(),
        "leaf": serde_json::from_str::<Value>(&text).unwrap_or_default(),
        "signatures": signatures.collect::<Vec<_>>(),
        "root_version": proven.root_version,
        "size": proven.size,
        "seen": proven.seen,
    })
}
