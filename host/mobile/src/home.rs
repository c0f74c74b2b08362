//! What lies in a task's `state_dir`, and what it is read with: registries, modules, compiled modules.

use std::path::{Path, PathBuf};

use netsonde_feed::{Feed, Getter, Patience, Registries};
use netsonde_net::{Budget, Clock, Meter, Net, NetConfig, Owners, Trace};
use netsonde_probe::catalog::Catalog;
use netsonde_probe::sandbox::Engine;
use netsonde_probe::{SOFTWARE_NAME, SOFTWARE_VERSION, now};
use netsonde_script::{Diagnostics, Parsed, Script};

use crate::settings::Settings;

/// The folders of a state directory.
const MODULES: &str = "modules";
const REGISTRIES: &str = "registries";

/// A state directory.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The one that the settings name.
    pub(crate) fn of(settings: &Settings) -> Result<Self, String> {
        if settings.state_dir.as_os_str().is_empty() {
            return Err("`state_dir` is missing: name a folder that only this app can write to".into());
        }
        let dir = &settings.state_dir;
        std::fs::create_dir_all(dir)
            .map_err(|error| format!("`state_dir`: make the folder {}: {error}", dir.display()))?;
        Ok(Self(dir.clone()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where modules keep what they keep from run to run.
    pub(crate) fn modules(&self) -> PathBuf {
        self.0.join(MODULES)
    }

    /// An engine that keeps compiled modules there.
    #[cfg(feature = "compiler")]
    pub(crate) fn engine(&self) -> Result<Engine, String> {
        let cache_dir = Some(self.0.join("compiled"));
        let config = netsonde_probe::sandbox::EngineConfig { cache_dir };
        Engine::new(config).map_err(|error| format!("start the Wasm engine: {error}"))
    }

    /// An engine that compiles nothing, and keeps nothing.
    #[cfg(all(feature = "pulley", not(feature = "compiler")))]
    #[expect(clippy::unused_self, reason = "the twin of the other")]
    pub(crate) fn engine(&self) -> Result<Engine, String> {
        Engine::interpreter().map_err(|error| format!("start the Wasm engine: {error}"))
    }

    /// The registries that are followed.
    pub(crate) fn registries(&self, settings: &Settings) -> Result<Registries, String> {
        let user_agent = format!("{SOFTWARE_NAME}/{SOFTWARE_VERSION}");
        let certificates = extra_roots(settings)?;
        let getter = Getter::new(
            &user_agent,
            certificates.join("\n").as_bytes(),
            Patience::default(),
        );
        let getter = getter.map_err(|error| format!("`ca_file`, `extra_roots_pem`: {error}"))?;
        Ok(Registries::new(self.0.join(REGISTRIES), getter))
    }

    /// All registries that are followed. One that can not be read is an error: it may have revoked what would run.
    pub(crate) fn feeds(&self, settings: &Settings) -> Result<Vec<Feed>, String> {
        let folder = self.0.join(REGISTRIES);
        match folder.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(Vec::new()),
            Err(error) => return Err(format!("`state_dir`: look for {}: {error}", folder.display())),
        }
        let feeds = self
            .registries(settings)?
            .all()
            .map_err(|error| error.to_string())?;
        let feeds = feeds.into_iter().collect::<Result<_, _>>();
        feeds.map_err(|error| error.to_string())
    }
}

/// What can not be read any more of registries is to be read from their logs again, if that can be.
pub(crate) fn recall(feeds: &mut [Feed], tell: &mut dyn FnMut(String)) -> Result<(), String> {
    for feed in feeds.iter_mut().filter(|feed| feed.check_read().is_err()) {
        let refreshed = feed.refresh(now()).map_err(|error| error.to_string())?;
        for problem in &refreshed.problems {
            tell(format!("{}: {problem}", feed.name()));
        }
    }
    Ok(())
}

/// The modules in this program, and those that are installed.
#[cfg(feature = "install")]
pub(crate) fn catalog(engine: Engine, feeds: &[Feed]) -> Catalog {
    let mut catalog = Catalog::preinstalled(engine);
    netsonde_probe::install::add_installed(&mut catalog, feeds);
    catalog
}

/// The modules in this program.
#[cfg(not(feature = "install"))]
pub(crate) fn catalog(engine: Engine, _: &[Feed]) -> Catalog {
    Catalog::preinstalled(engine)
}

/// Fetch what a script names and nobody here knows; whether there was any.
#[cfg(feature = "install")]
pub(crate) fn fetch(
    script: &Script,
    catalog: &mut Catalog,
    feeds: &[Feed],
    tell: &mut dyn FnMut(String),
) -> bool {
    netsonde_probe::install::fetch(script, catalog, feeds, tell)
}

#[cfg(not(feature = "install"))]
pub(crate) fn fetch(_: &Script, _: &mut Catalog, _: &[Feed], _: &mut dyn FnMut(String)) -> bool {
    false
}

/// Read a script by what is known here; all errors at once.
pub(crate) fn parse(name: &str, text: &[u8], catalog: &Catalog) -> Result<Parsed, String> {
    let vocabulary = catalog.vocabulary().map_err(|error| error.to_string())?;
    netsonde_script::parse(name, text, &vocabulary).map_err(|errors| plain(&errors))
}

/// Diagnostics as text.
pub(crate) fn plain(errors: &Diagnostics) -> String {
    errors.render(false).trim_end().to_owned()
}

/// What the network primitives need to know.
pub(crate) fn net_config(settings: &Settings) -> Result<NetConfig, String> {
    let mut config = NetConfig::default();
    let mut files = Vec::new();
    for path in settings.geoip_files() {
        let wrong = |error: &dyn std::fmt::Display| format!("`geoip_db`: read {}: {error}", path.display());
        let file = std::fs::read(&path).map_err(|error| wrong(&error))?;
        Owners::new([file.clone()]).map_err(|error| wrong(&error))?;
        files.push(file);
    }
    config.owners = Owners::new(files).map_err(|error| format!("`geoip_db`: {error}"))?;
    config.extra_roots_pem = extra_roots(settings)?;
    if !config.extra_roots_pem.is_empty() {
        // Certificates that can not be used are told before anything runs.
        let nothing = Meter::new(Budget::default());
        Net::new(&config, Trace::new(Clock::start()), nothing.into())
            .map_err(|error| format!("`ca_file`, `extra_roots_pem`: {error}"))?;
    }
    Ok(config)
}

/// Certificates that are trusted besides Mozilla's.
fn extra_roots(settings: &Settings) -> Result<Vec<String>, String> {
    let mut roots = Vec::new();
    if !settings.ca_file.as_os_str().is_empty() {
        let path = settings.ca_file.display();
        let text = std::fs::read_to_string(&settings.ca_file);
        roots.push(text.map_err(|error| format!("`ca_file`: read {path}: {error}"))?);
    }
    if !settings.extra_roots_pem.is_empty() {
        roots.push(settings.extra_roots_pem.clone());
    }
    Ok(roots)
}
