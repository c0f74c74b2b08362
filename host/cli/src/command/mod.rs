//! The subcommands, one a file.

pub(crate) mod analyze;
pub(crate) mod check;
pub(crate) mod check_script;
pub(crate) mod checkin;
pub(crate) mod demo;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod locate;
#[cfg(feature = "install")]
pub(crate) mod modules;
pub(crate) mod registry;
pub(crate) mod replay;
pub(crate) mod run;
mod running;
pub(crate) mod runx;
pub(crate) mod why;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use netsonde_feed::{Feed, Getter, Patience, Registries};
use netsonde_net::{Budget, Clock, Meter, Net, NetConfig, Owners, Trace};
use netsonde_probe::catalog::{Catalog, Origin};
#[cfg(feature = "install")]
use netsonde_probe::install;
use netsonde_probe::sandbox::{Engine, EngineConfig};
use netsonde_probe::watch::Watch;
use netsonde_probe::{SOFTWARE_NAME, SOFTWARE_VERSION, now};
use netsonde_script::{Diagnostics, Parsed, Script};

use crate::view::{plain, tell};
use crate::{args, env};

/// The modules of this probe, and those named on the command line, as far as the registries that it follows let them run.
fn catalog(modules: &args::Modules) -> anyhow::Result<Catalog> {
    let mut feeds = feeds()?;
    // What can not be read any more is to be read from the log again, if that can be.
    for feed in feeds.iter_mut().filter(|feed| feed.check_read().is_err()) {
        for problem in &feed.refresh(now())?.problems {
            tell(&plain(&format!("{}: {problem}", feed.name())));
        }
    }
    let watch = Watch::new(feeds)?;
    Ok(Modules::new(modules, watch.feeds())?.watched_by(watch))
}

/// Modules before it is settled which registries are asked about them: for reading scripts, and for adding more.
struct Modules(Catalog);

impl Modules {
    /// Those of this probe, those that are installed, and above them those named on the command line.
    fn new(modules: &args::Modules, feeds: &[Feed]) -> anyhow::Result<Self> {
        let engine = Engine::new(EngineConfig {
            cache_dir: env::cache_dir(),
        })
        .context("start the Wasm engine")?;
        let mut catalog = Catalog::preinstalled(engine);
        #[cfg(feature = "install")]
        install::add_installed(&mut catalog, feeds);
        #[cfg(not(feature = "install"))]
        let _ = feeds;
        for file in &modules.files {
            let wasm = read("module", file)?;
            catalog.add_file(file, wasm);
        }
        Ok(Self(catalog))
    }

    /// Read a script by what is known here.
    fn parse(&self, name: &str, text: &[u8]) -> anyhow::Result<Result<Parsed, Diagnostics>> {
        Ok(netsonde_script::parse(name, text, &self.0.vocabulary()?))
    }

    /// Whether a script can be read here, and what is wrong with it first.
    fn check(&self, text: &[u8]) -> Result<(), String> {
        let parsed = self.parse("script", text).map_err(|error| error.to_string())?;
        let Err(errors) = parsed else { return Ok(()) };
        let first = errors.into_iter().next();
        let what = first.map(|error| format!("line {}: {}", error.line(), error.message()));
        Err(format!("it can not be read here: {}", what.unwrap_or_default()))
    }

    /// Where a module is from, for people.
    fn state(&self, name: &str) -> String {
        let bare = name.split_once('@').map_or(name, |(bare, _)| bare);
        let entry = self.0.entries().find(|entry| entry.name == bare);
        match entry.map(|entry| &entry.origin) {
            Some(Origin::Preinstalled) => "preinstalled".to_owned(),
            Some(Origin::File(path)) => format!("from {}", path.display()),
            Some(Origin::Installed { registry }) => format!("installed from {registry}"),
            None => "not known here".to_owned(),
        }
    }

    /// Fetch what a script names and nobody here knows; whether there was any.
    #[cfg(feature = "install")]
    fn fetch(&mut self, script: &Script, feeds: &[Feed]) -> bool {
        install::fetch(script, &mut self.0, feeds, &mut |line| tell(&plain(&line)))
    }

    #[cfg(not(feature = "install"))]
    #[expect(clippy::unused_self, reason = "the twin of the other")]
    fn fetch(&mut self, _: &Script, _: &[Feed]) -> bool {
        false
    }

    /// The modules, of which each is handed out only if these registries let it run.
    fn watched_by(mut self, watch: Watch) -> Catalog {
        self.0.watched_by(watch);
        self.0
    }
}

/// The largest file that is read: more than any script, location, settings or certificates need.
const LARGEST: u64 = 64 << 20;

/// Read a file whose path the user gave.
fn read(what: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    let context = || format!("read {what} {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(context)?;
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(context)?;
    if bytes.len() as u64 > LARGEST {
        bail!(
            "read {what} {}: it is larger than {} MiB",
            path.display(),
            LARGEST >> 20
        );
    }
    Ok(bytes)
}

/// The registries that this probe follows.
fn registries() -> anyhow::Result<Registries> {
    let folder = env::registries_dir().with_context(|| {
        format!(
            "there is no home to keep registries in: set {}",
            env::REGISTRIES_DIR
        )
    })?;
    let certificates = match env::ca_file() {
        Some(path) => read(&format!("the certificates that {} names,", env::CA_FILE), &path)?,
        None => Vec::new(),
    };
    let user_agent = format!("{SOFTWARE_NAME}/{SOFTWARE_VERSION}");
    let getter = Getter::new(&user_agent, &certificates, Patience::default()).context(env::CA_FILE)?;
    Ok(Registries::new(folder, getter))
}

/// All registries that this probe follows, each with what is kept of it; none where there is no home. One that can not be read is
/// an error: it may have revoked what would run.
fn feeds() -> anyhow::Result<Vec<Feed>> {
    if !env::registries_dir().is_some_and(|folder| folder.exists()) {
        return Ok(Vec::new());
    }
    let feeds = registries()?.all()?.into_iter();
    Ok(feeds.collect::<Result<_, _>>()?)
}

/// What the network primitives need to know: the files of `--mmdb`, and the environment.
fn net_config(mmdb: &[PathBuf]) -> anyhow::Result<NetConfig> {
    let mut config = NetConfig::default();
    let mut files = Vec::with_capacity(mmdb.len());
    for path in mmdb {
        let file = read("the networks", path)?;
        Owners::new([file.clone()]).with_context(|| format!("--mmdb {}", path.display()))?;
        files.push(file);
    }
    config.owners = Owners::new(files)?;
    if let Some(path) = env::ca_file() {
        let pem = read(&format!("the certificates that {} names,", env::CA_FILE), &path)?;
        config
            .extra_roots_pem
            .push(String::from_utf8_lossy(&pem).into_owned());
        // Certificates that can not be used are told before anything runs.
        let nothing = Meter::new(Budget::default());
        Net::new(&config, Trace::new(Clock::start()), Arc::new(nothing))
            .with_context(|| format!("{}={}", env::CA_FILE, path.display()))?;
    }
    Ok(config)
}
