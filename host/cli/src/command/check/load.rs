//! Compiling, in a process of its own: a module that is too much for the compiler ends that one.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use netsonde_probe::sandbox::{Engine, EngineConfig};

use super::process;
use super::report::Report;
use crate::env;
use crate::exit::Exit;

/// Set for the process that compiles.
const LOADING: &str = "NETSONDE_CHECK_LOADING";
/// How long it has.
const TIME: Duration = Duration::from_mins(2);

/// Whether this process is to compile, and nothing else.
pub(super) fn is_asked() -> bool {
    std::env::var_os(LOADING).is_some()
}

/// Compile and link a module.
pub(super) fn run(path: &Path, wasm: &[u8]) -> anyhow::Result<Exit> {
    let engine = Engine::new(EngineConfig {
        cache_dir: env::cache_dir(),
    })?;
    engine.load(&path.display().to_string(), wasm)?;
    Ok(Exit::Done)
}

/// Compile and link a module in another process. What is compiled is kept in `kept`.
pub(super) fn in_child(path: &Path, kept: &Path, report: &mut Report) -> anyhow::Result<()> {
    let mut command = process::this(kept)?;
    command.env(LOADING, "1").args(["check", "--"]).arg(path);
    let ended = process::run(command, TIME).context("start netsonde to compile the module")?;
    if !ended.status.is_some_and(|status| status.success()) {
        report.find("load", ended.why());
    }
    Ok(())
}
