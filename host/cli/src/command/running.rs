//! Running a script, wherever it is from: the report, the view, signals, and how the process ends.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use netsonde_data::Measurement;
use netsonde_net::Scope;
use netsonde_probe::catalog::Catalog;
use netsonde_probe::interpreter::RunScriptError;
use netsonde_probe::location::GivenLocation;
use netsonde_probe::report::{Report, SaveError, Saver};
use netsonde_probe::settings::{Policy, RunOptions, Settings};
use netsonde_probe::transcript::Transcripts;
use netsonde_probe::view::View;
use netsonde_probe::{Probe, Software, UnknownDevice};
use netsonde_script::Script;
use tokio_util::sync::CancellationToken;

use crate::args::Running;
use crate::command::{net_config, read};
use crate::exit::Exit;
use crate::view::{JsonView, LoggedView, PeopleView, Stderr};

/// What is run, where, and by what leave.
pub(crate) struct Inputs {
    pub(crate) catalog: Catalog,
    pub(crate) script: Script,
    /// The SHA-256 of the script's bytes, in hexadecimal.
    pub(crate) digest: String,
    pub(crate) location: GivenLocation,
    pub(crate) policy: Policy,
    /// The files that are read, which the report must not be.
    pub(crate) files: Vec<(&'static str, PathBuf)>,
}

/// Run a script to its end.
pub(crate) fn run(args: &Running, inputs: Inputs, json: bool, stderr: Stderr) -> anyhow::Result<Exit> {
    let transcripts = args.record.as_deref().map(Transcripts::create).transpose()?;
    let transcripts = transcripts.map(Arc::new);
    let probe = Probe {
        catalog: Arc::new(inputs.catalog),
        policy: inputs.policy,
        net: net_config(&args.mmdb)?,
        transcripts: transcripts.clone(),
        state_dir: crate::env::state_dir(),
        software: Software::default(),
        device: Arc::new(UnknownDevice),
    };
    let mut saver = saver(&args.output, &inputs.files, json)?;
    let events = Arc::new(JsonView::default());
    let view: Arc<dyn View> = if json {
        events.clone()
    } else {
        Arc::new(PeopleView::new(stderr))
    };
    let view = Arc::new(LoggedView::new(view));
    let stop = CancellationToken::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let (script, digest, location) = (inputs.script, inputs.digest, inputs.location);
    let summary = runtime.block_on(async {
        tokio::spawn(stop_on_signal(stop.clone()));
        probe
            .run_script(&script, &digest, &location, view, saver.as_mut(), &stop)
            .await
    });
    // A name lookup under way can not be cancelled; do not wait for it.
    runtime.shutdown_background();
    let lost = transcripts
        .map(|transcripts| transcripts.lost())
        .unwrap_or_default();
    match summary {
        Ok(summary) if summary.stopped && stop.is_cancelled() => Ok(Exit::Interrupted),
        Ok(_) if events.lost() => Ok(Exit::Failed),
        Ok(_) if !lost.is_empty() => Err(anyhow!(
            "the measurements are whole, but not every one was recorded: {}",
            lost.join("; ")
        )),
        Ok(summary) if summary.broken > 0 => Ok(Exit::Broken),
        Ok(_) => Ok(Exit::Done),
        Err(RunScriptError::Location(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

/// Where the measurements go: a file, or with `-o -` standard output.
fn saver(output: &Path, inputs: &[(&str, PathBuf)], json: bool) -> anyhow::Result<Box<dyn Saver>> {
    if output.as_os_str() == "-" {
        ensure!(
            !json,
            "events and measurements can not both go to standard output: give -o a file, or leave --json out"
        );
        return Ok(Box::new(Stdout));
    }
    for (what, input) in inputs {
        let same = matches!((output.canonicalize(), input.canonicalize()), (Ok(one), Ok(two)) if one == two);
        ensure!(
            !same,
            "the report {} is the {what} file; give -o another name",
            output.display()
        );
    }
    let (report, torn) = Report::open(output)?;
    if let Some(torn) = torn {
        let (report, torn) = (output.display(), torn.display());
        tracing::warn!("{report} ended in a torn line, which is in {torn} now");
    }
    Ok(Box::new(report))
}

/// Measurements, one a line on standard output.
struct Stdout;

impl Saver for Stdout {
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
        let mut line = serde_json::to_vec(measurement)?;
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(&line)
            .and_then(|()| stdout.flush())
            .map_err(|cause| SaveError::Write {
                path: "standard output".into(),
                cause,
            })
    }
}

/// The user's settings.
pub(crate) fn settings(file: Option<&Path>) -> anyhow::Result<Settings> {
    let Some(path) = file else {
        return Ok(Settings::default());
    };
    let text = String::from_utf8(read("settings", path)?)
        .with_context(|| format!("read settings {}", path.display()))?;
    Settings::from_toml(&text).with_context(|| format!("settings {}", path.display()))
}

/// What may run.
pub(crate) fn policy(args: &Running) -> anyhow::Result<Policy> {
    Ok(Policy {
        settings: settings(args.settings_file.as_deref())?,
        options: RunOptions {
            mode: args.run_mode.into(),
            only_suites: args.only_suite.clone(),
            only_nettests: args.only_nettest.clone(),
            allowed_destinations: args
                .allow_destination
                .iter()
                .filter_map(|name| Scope::from_name(name))
                .collect(),
            parallelism: NonZeroUsize::new(args.parallelism.into()),
            max_runtime: (!args.max_runtime.is_zero()).then_some(args.max_runtime),
        },
    })
}

/// The first Ctrl-C, SIGTERM or SIGHUP ends the run in order; a second one ends the process at once.
async fn stop_on_signal(stop: CancellationToken) {
    wait_for_signal().await;
    stop.cancel();
    wait_for_signal().await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut hang_up)) = signals else {
        return drop(tokio::signal::ctrl_c().await);
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    drop(tokio::signal::ctrl_c().await);
}
