//! What the registries that the probe follows say of what it is about to run: whether it may, and where it is from.
//!
//! Asked each time that a module is handed out, so that what was revoked does not run although it is installed, compiled or
//! preinstalled. Stopping is easier than starting: any registry can stop any module; only its own can let one run.

use std::collections::BTreeMap;

use netsonde_feed::{Feed, Forgotten};
use netsonde_log::words::{Digest, Name};

use crate::catalog::Origin;
use crate::now;

const REGISTRY: &str = "netsonde_registry";
const SCRIPT_SOURCE: &str = "netsonde_script_source";
const SCRIPT_INDEX: &str = "netsonde_script_index";
const MODULE_REGISTRY: &str = "netsonde_module_registry";
const MODULE_INDEX: &str = "netsonde_module_index";

/// How the names of annotations begin that are the probe's own: what it says of itself sometimes, nobody else says at other times.
const OWN: &str = "netsonde_";

/// Leave out what no script, no target and no app may say.
pub(crate) fn without_own(annotations: &mut BTreeMap<String, String>) {
    annotations.retain(|name, _| !name.starts_with(OWN));
}

/// Where the script of a run is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptSource {
    /// How it came: `online`, `cached`, `offline`, `built-in`.
    pub how: &'static str,
    /// The origin of the log that named it, and its leaf there.
    pub log: Option<(String, Option<u64>)>,
}

/// The registries that a probe follows, as they are known when it runs something.
#[derive(Debug, Default)]
pub struct Watch {
    feeds: Vec<Feed>,
    script: Option<ScriptSource>,
}

impl Watch {
    /// These registries, if it is known of each what it has stopped.
    pub fn new(feeds: Vec<Feed>) -> Result<Self, Forgotten> {
        feeds.iter().try_for_each(Feed::check_read)?;
        Ok(Self { feeds, script: None })
    }

    /// The same for a run of a script that is from there.
    #[must_use]
    pub fn with_script(mut self, source: ScriptSource) -> Self {
        self.script = Some(source);
        self
    }

    /// The registries.
    pub fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// Whether a module may run now, and why not.
    pub fn module(&self, origin: &Origin, digest: &str) -> Result<(), String> {
        let digest = log_digest(digest)?;
        for feed in &self.feeds {
            if let Some(index) = feed.client().ledger().revoked(&digest) {
                let name = feed.name();
                return Err(format!(
                    "the registry {name} has revoked it for good, in leaf {index}: remove it"
                ));
            }
        }
        let Origin::Installed { registry } = origin else {
            return Ok(());
        };
        let feed = self.feeds.iter().find(|feed| feed.name() == registry);
        let feed = feed
            .ok_or_else(|| format!("the registry {registry}, which it is from, is not followed any more"))?;
        let may = feed.client().may_run(&digest, now());
        may.map(drop)
            .map_err(|why| format!("the registry {registry} does not let it run: {why}"))
    }

    /// Whether a nettest was switched off by a registry.
    pub fn nettest(&self, nettest: &str) -> Result<(), String> {
        let Ok(name) = nettest.parse::<Name>() else {
            return Ok(());
        };
        for feed in &self.feeds {
            if feed.client().is_switched_on(&name, now()) == Some(false) {
                return Err(format!(
                    "the registry {} has switched `{nettest}` off",
                    feed.name()
                ));
            }
        }
        Ok(())
    }

    /// What the measurements of a run of this script with this module say of where both are from.
    pub(crate) fn annotations(&self, module: &str) -> Vec<(&'static str, String)> {
        let mut annotations = Vec::new();
        if let Some(script) = &self.script {
            annotations.push((SCRIPT_SOURCE, script.how.to_owned()));
            if let Some((origin, index)) = &script.log {
                annotations.push((REGISTRY, origin.clone()));
                annotations.extend(index.map(|index| (SCRIPT_INDEX, index.to_string())));
            }
        }
        let Ok(digest) = log_digest(module) else {
            return annotations;
        };
        for feed in &self.feeds {
            if let (Some(release), Ok(root)) =
                (feed.client().ledger().released(&digest), feed.client().root())
            {
                annotations.push((MODULE_REGISTRY, root.log().origin.clone()));
                annotations.push((MODULE_INDEX, release.index.to_string()));
                break;
            }
        }
        annotations
    }
}

/// The digest that these hexadecimal digits are, as the log writes it.
pub fn log_digest(digest: &str) -> Result<Digest, String> {
    let digest = format!("sha256:{digest}").parse::<Digest>();
    digest.map_err(|error| error.to_string())
}
