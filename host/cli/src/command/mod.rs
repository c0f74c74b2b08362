//! The subcommands, one a file.

pub(crate) mod check_script;
pub(crate) mod demo;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod replay;
pub(crate) mod runx;

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
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
