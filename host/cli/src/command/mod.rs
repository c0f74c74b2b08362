//! The subcommands, one a file.

pub(crate) mod check_script;
pub(crate) mod demo;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod runx;

use std::path::Path;

use anyhow::Context as _;
use netsonde_probe::catalog::Catalog;
use netsonde_probe::sandbox::{Engine, EngineConfig};

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
        catalog.add_file(file)?;
    }
    Ok(catalog)
}

fn read(what: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {what} {}", path.display()))
}
