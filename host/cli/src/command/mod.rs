//! The subcommands, one a file.

pub(crate) mod analyze;
pub(crate) mod check;
pub(crate) mod check_script;
pub(crate) mod demo;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod locate;
pub(crate) mod registry;
pub(crate) mod replay;
pub(crate) mod runx;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use netsonde_feed::{Getter, Patience, Registries};
use netsonde_net::{Budget, Clock, Meter, Net, NetConfig, Owners, Trace};
use netsonde_probe::catalog::Catalog;
use netsonde_probe::sandbox::{Engine, EngineConfig};
use netsonde_probe::{SOFTWARE_NAME, SOFTWARE_VERSION};

use crate::args::Modules;
use crate::env;

/// The modules of this probe, and those named on the command line.
fn catalog(modules: &Modules) -> anyhow::Result<Catalog> {
    let engine = Engine::new(EngineConfig {
        cache_dir: env::cache_dir(),
    })
    .context("start the Wasm engine")?;
    let mut catalog = Catalog::preinstalled(engine);
    for file in &modules.files {
        let wasm = read("module", file)?;
        catalog.add_file(file, wasm);
    }
    Ok(catalog)
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

/// The time of this device, in seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
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
