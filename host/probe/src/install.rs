//! Modules from registries: fetched, held against what the log says of them, and kept with the proofs.
//!
//! What a module is, its bytes say; who may say that they run, the log does. Both have to agree in name, version, interfaces,
//! destinations and budget before anything is kept. Whether it runs is asked again each time (`watch`).

use std::collections::BTreeSet;

use netsonde_feed::file::{Kind, Object, Size};
use netsonde_feed::{Feed, KeepError, NotFetched, Problem, StoreError};
use netsonde_log::leaf::{Change, Leaf, ModuleRelease};
use netsonde_log::ledger::{Release, WhyNot};
use netsonde_log::words::{Digest, KeyId, Name, Version};
use netsonde_sandbox::Inside;
use netsonde_script::{Instruction, Script, Targets};
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::now;

mod inspect;

pub use inspect::granted;
use inspect::inspect;

/// The list of what is installed, among what is kept of a registry.
const INSTALLED: &str = "installed.json";

/// A module that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: Name,
    /// Its version.
    pub version: Version,
    /// Its bytes.
    pub digest: Digest,
    /// Whether somebody asked for it; otherwise a script did, which the settings allow.
    pub by_hand: bool,
}

#[derive(Serialize, Deserialize)]
struct Written {
    v: u64,
    modules: Vec<WrittenModule>,
}

#[derive(Serialize, Deserialize)]
struct WrittenModule {
    name: String,
    version: String,
    sha256: String,
    by_hand: bool,
}

/// Why a module is not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The log does not let it run.
    #[error(transparent)]
    WhyNot(Box<WhyNot>),
    /// Nobody has its bytes.
    #[error(transparent)]
    NotFetched(#[from] NotFetched),
    /// The bytes are no module that can run here.
    #[error("{0}")]
    NotAModule(String),
    /// The bytes say something else than the log.
    #[error(
        "the bytes of {module} are not what the log says: {what} is {found} in them, and {said} in the log"
    )]
    OtherModule {
        /// The module, as the log calls it.
        module: String,
        /// What is otherwise.
        what: &'static str,
        /// What the bytes say.
        found: String,
        /// What the log says.
        said: String,
    },
    /// It is older than what is installed.
    #[error(
        "{name} {installed} is installed, and {version} is older: remove it first, if that is what you want"
    )]
    Downgrade {
        /// The module.
        name: Name,
        /// What is installed.
        installed: Version,
        /// What was to be.
        version: Version,
    },
    /// It can not be proven later.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is kept can not be read.
    #[error("{0} is damaged: remove the registry, and add it again")]
    Damaged(String),
    /// It is not kept.
    #[error("the bytes of {0} are gone, or are others: install it again")]
    NotKept(Name),
}

impl From<WhyNot> for InstallError {
    fn from(why: WhyNot) -> Self {
        Self::WhyNot(Box::new(why))
    }
}

/// A module that may be installed: its bytes, and what they and the log say of it.
#[derive(Debug)]
pub struct Offer {
    /// What the log says.
    pub module: ModuleRelease,
    /// The leaf that releases it, and those who signed that.
    pub released: (u64, Vec<KeyId>),
    /// The leaf that says that somebody else got the same from its source, and those who signed that.
    pub rebuilt: (u64, Vec<KeyId>),
    /// What the bytes say.
    pub inside: Inside,
    wasm: Vec<u8>,
}

impl Offer {
    /// The bytes.
    pub fn wasm(&self) -> &[u8] {
        &self.wasm
    }
}

/// What is installed from a registry, by name.
pub fn installed(feed: &Feed) -> Result<Vec<Installed>, InstallError> {
    let Some(bytes) = feed.kept(INSTALLED)? else {
        return Ok(Vec::new());
    };
    let damaged = || InstallError::Damaged(feed.folder().join(INSTALLED).display().to_string());
    let written: Written = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    let read = |module: &WrittenModule| {
        Some(Installed {
            name: module.name.parse().ok()?,
            version: module.version.parse().ok()?,
            digest: module.sha256.parse().ok()?,
            by_hand: module.by_hand,
        })
    };
    written
        .modules
        .iter()
        .map(|module| read(module).ok_or_else(damaged))
        .collect()
}

fn write(feed: &Feed, mut modules: Vec<Installed>) -> Result<(), StoreError> {
    modules.sort_by(|one, two| one.name.cmp(&two.name));
    let modules = modules.iter().map(|module| WrittenModule {
        name: module.name.to_string(),
        version: module.version.to_string(),
        sha256: module.digest.to_string(),
        by_hand: module.by_hand,
    });
    let written = Written {
        v: 1,
        modules: modules.collect(),
    };
    feed.keep(
        INSTALLED,
        &serde_json::to_vec_pretty(&written).unwrap_or_default(),
    )
}

/// The bytes of a module that is installed.
pub fn bytes(feed: &Feed, module: &Installed) -> Result<Vec<u8>, InstallError> {
    let kept = feed.kept_object(&module.digest)?;
    kept.ok_or_else(|| InstallError::NotKept(module.name.clone()))
}

/// Fetch a module that may run, and hold its bytes against what the log says. Nothing is kept.
pub fn offer(
    feed: &Feed,
    digest: &Digest,
    now: u64,
    problems: &mut Vec<Problem>,
) -> Result<Offer, InstallError> {
    let release = feed.client().may_run(digest, now)?;
    let module = release.module.clone();
    let object = Object {
        kind: Kind::Object,
        digest: *digest,
        size: Size::Exactly(module.size),
    };
    let wasm = feed.object(&object, problems)?;
    let inside = inspect(&module, &wasm)?;
    let attested = feed.client().ledger().attested(release);
    let rebuilt = attested.ok_or(WhyNot::NotRebuilt(*digest))?;
    Ok(Offer {
        released: (release.index, signers(feed, release.index)),
        rebuilt: (rebuilt, signers(feed, rebuilt)),
        module,
        inside,
        wasm,
    })
}

fn signers(feed: &Feed, index: u64) -> Vec<KeyId> {
    let leaf = feed
        .client()
        .ledger()
        .leaf(index)
        .and_then(|bytes| Leaf::parse(bytes).ok());
    let signatures = leaf.map(|leaf| leaf.signatures().to_vec()).unwrap_or_default();
    signatures.iter().map(|signature| signature.keyid).collect()
}

/// Keep a module, with the proofs of what the log says of it, in place of another version of it.
pub fn install(feed: &Feed, offer: &Offer, by_hand: bool) -> Result<(), InstallError> {
    let Offer {
        module,
        released: (released, _),
        rebuilt: (rebuilt, _),
        wasm,
        ..
    } = offer;
    feed.keep_proofs(&module.digest, &[*released, *rebuilt])?;
    let _turn = feed.turn()?;
    let mut modules = installed(feed)?;
    let before = modules
        .iter()
        .position(|known| known.name == module.name)
        .map(|at| modules.remove(at));
    if let Some(before) = before.as_ref().filter(|before| before.version > module.version) {
        return Err(InstallError::Downgrade {
            name: module.name.clone(),
            installed: before.version.clone(),
            version: module.version.clone(),
        });
    }
    feed.keep_object(wasm)?;
    modules.push(Installed {
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest,
        by_hand: by_hand || before.as_ref().is_some_and(|before| before.by_hand),
    });
    write(feed, modules)?;
    if let Some(before) = before.filter(|before| before.digest != module.digest) {
        feed.forget_object(&before.digest)?;
    }
    Ok(())
}

/// Install a module no longer. Its proofs stay, for the measurements that it made.
pub fn remove(feed: &Feed, name: &Name) -> Result<Option<Installed>, InstallError> {
    let _turn = feed.turn()?;
    let mut modules = installed(feed)?;
    let Some(at) = modules.iter().position(|module| module.name == *name) else {
        return Ok(None);
    };
    let module = modules.remove(at);
    write(feed, modules)?;
    feed.forget_object(&module.digest)?;
    Ok(Some(module))
}

/// Everything again, from the bytes on the disk: that they are those that were released, that they are what the log says, that
/// the log says so, and that they may run now.
pub fn verify(feed: &Feed, module: &Installed, now: u64) -> Result<Release, InstallError> {
    let wasm = bytes(feed, module)?;
    let release = feed.client().may_run(&module.digest, now)?;
    inspect(&release.module, &wasm)?;
    Ok(release.clone())
}

/// What a new version asks for otherwise than the one that is installed.
pub fn changes(feed: &Feed, before: &Installed, after: &ModuleRelease) -> Vec<Change> {
    let ledger = feed.client().ledger();
    match ledger.released(&before.digest) {
        Some(before) => after.capabilities.changes_since(&before.module.capabilities),
        None => Vec::new(),
    }
}

/// The nettests and mini nettests that a script names and nobody here knows.
pub fn wanted(script: &Script, catalog: &Catalog) -> BTreeSet<Name> {
    let known: BTreeSet<&str> = catalog.entries().map(|entry| entry.name.as_str()).collect();
    let mut names = BTreeSet::new();
    for instruction in &script.instructions {
        let Instruction::RunNettest(nettest) = instruction else {
            continue;
        };
        names.insert(nettest.nettest_name.as_str());
        if let Targets::Mini(minis) = &nettest.targets {
            let bare = |run: &str| run.split_once('@').map_or(run.len(), |(name, _)| name.len());
            names.extend(
                minis
                    .iter()
                    .map(|mini| mini.run.get(..bare(&mini.run)).unwrap_or_default()),
            );
        }
    }
    let unknown = names.into_iter().filter(|name| !known.contains(name));
    unknown.filter_map(|name| name.parse().ok()).collect()
}

/// Add what is installed from these registries to a catalog. What can not be used is told to the log.
pub fn add_installed(catalog: &mut Catalog, feeds: &[Feed]) {
    for feed in feeds {
        let installed = installed(feed).unwrap_or_else(|error| {
            tracing::warn!(registry = feed.name(), %error, "nothing that is installed from it is used");
            Vec::new()
        });
        for module in installed {
            match bytes(feed, &module) {
                Ok(wasm) => catalog.add_installed(feed.name(), module.name.as_str(), wasm),
                Err(error) => {
                    tracing::warn!(registry = feed.name(), %error, "an installed module is not used");
                }
            }
        }
    }
}

/// Fetch what a script names and nobody here knows, and add it to the catalog. Whether there was any. What can not be had is told,
/// and is skipped with the reason of the script.
pub fn fetch(script: &Script, catalog: &mut Catalog, feeds: &[Feed], tell: &mut dyn FnMut(String)) -> bool {
    let mut fetched = false;
    for module in wanted(script, catalog) {
        let mut whys = Vec::new();
        for feed in feeds {
            let mut problems = Vec::new();
            let offered = feed
                .client()
                .newest(&module, now())
                .map_err(|why| InstallError::from(why.clone()))
                .and_then(|release| offer(feed, &release.module.digest, now(), &mut problems))
                .and_then(|offer| install(feed, &offer, false).map(|()| offer));
            for problem in problems {
                tell(format!("{}: {problem}", feed.name()));
            }
            match offered {
                Ok(offer) => {
                    let (name, version) = (&offer.module.name, &offer.module.version);
                    tell(format!("fetched {name} {version} from {}", feed.name()));
                    catalog.add_installed(feed.name(), module.as_str(), offer.wasm);
                    fetched = true;
                    whys.clear();
                    break;
                }
                Err(why) => whys.push(format!("{module} is not fetched from {}: {why}", feed.name())),
            }
        }
        whys.into_iter().for_each(&mut *tell);
    }
    fetched
}
