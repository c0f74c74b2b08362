//! The log: to standard error as much as asked for, and to a file as much as there is.

use std::fs::OpenOptions;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context as _, anyhow};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::env;
use crate::view::Stderr;

/// Start logging. `verbose` counts `-v`; the variable `NETSONDE_LOG` wins over it.
pub(crate) fn start(verbose: u8, file: Option<&Path>, stderr: &Stderr) -> anyhow::Result<()> {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = match std::env::var(env::LOG) {
        Ok(directives) => EnvFilter::try_new(&directives).map_err(|error| {
            anyhow!(
                "read {}=`{directives}`: {error}; write it as `debug` or `netsonde_sandbox=debug`",
                env::LOG
            )
        })?,
        Err(_) => EnvFilter::default().add_directive(level.into()),
    };
    let terminal = fmt::layer()
        .with_writer(stderr.clone())
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(verbose > 1)
        .without_time()
        .with_filter(filter);
    let file = file
        .map(|path| {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let file = file.with_context(|| format!("open log file {}", path.display()))?;
            let layer = fmt::layer()
                .with_writer(Mutex::new(file))
                .with_ansi(false)
                .with_filter(LevelFilter::DEBUG);
            anyhow::Ok(layer)
        })
        .transpose()?;
    tracing_subscriber::registry().with(terminal).with(file).init();
    Ok(())
}
