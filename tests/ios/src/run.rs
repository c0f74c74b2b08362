//! The program: tasks under the filter, or one offence.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use netsonde_mobile::App;
use serde_json::{Value, json};

use crate::filter::{self, Offence};
use crate::maps;

#[derive(Parser)]
struct Cli {
    /// Settings of tasks, each a JSON file.
    tasks: Vec<PathBuf>,

    /// Do this under the filter, and be killed.
    #[arg(long)]
    offend: Option<Offence>,

    /// Map executable memory between the two looks at the process, which has to be found.
    #[arg(long)]
    map: bool,

    /// Say how long the first task takes to its first event and to its first target, and end.
    #[arg(long)]
    start_up: bool,
}

pub(crate) fn main() -> anyhow::Result<()> {
    let began = Instant::now();
    let cli = Cli::parse();
    if let Some(offence) = cli.offend {
        return filter::offend(offence);
    }
    let tasks: Vec<String> = cli
        .tasks
        .iter()
        .map(|task| read(task))
        .collect::<Result<_, _>>()?;
    let app = App::new();
    if let (true, Some(settings)) = (cli.start_up, tasks.first()) {
        return start_up(&app, settings, began);
    }
    // What the C library loads when a name is looked up for the first time is no doing of ours.
    let _ = std::net::ToSocketAddrs::to_socket_addrs("localhost:1");
    let before = maps::executable()?;
    let mut page = None;
    if cli.map {
        page = Some(region::alloc(4096, region::Protection::READ_EXECUTE)?);
    } else {
        filter::close()?;
    }
    for settings in &tasks {
        run(&app, settings)?;
    }
    let after = maps::executable()?;
    drop(page);
    println!(
        "{}",
        json!({"executable_memory": {"stretches": before.len(), "same": before == after}})
    );
    ensure!(
        before == after,
        "this process has other executable memory than before: {:?}",
        before.symmetric_difference(&after).collect::<Vec<_>>()
    );
    Ok(())
}

/// The settings of a task, with the authority of the lab in which this runs.
fn read(path: &Path) -> anyhow::Result<String> {
    let context = || format!("read {}", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    let mut settings: Value = serde_json::from_str(&text).with_context(context)?;
    if let (Some(settings), Ok(authority)) = (settings.as_object_mut(), std::env::var("NETSONDE_CA_FILE")) {
        settings.insert("ca_file".to_owned(), authority.into());
    }
    Ok(settings.to_string())
}

/// How long a task takes to get going.
fn start_up(app: &App, settings: &str, began: Instant) -> anyhow::Result<()> {
    let task = app.start_task(settings)?;
    task.wait_for_next_event();
    let first = began.elapsed().as_micros();
    loop {
        let event = task.wait_for_next_event();
        ensure!(!event.contains("task_terminated"), "no target was measured");
        if event.contains("status.measurement_start") {
            let target = began.elapsed().as_micros();
            println!("{}", json!({"first_event_us": first, "first_target_us": target}));
            return Ok(());
        }
    }
}

/// Run a task to its end and print its events.
fn run(app: &App, settings: &str) -> anyhow::Result<()> {
    let task = app.start_task(settings)?;
    loop {
        let event = task.wait_for_next_event();
        println!("{event}");
        let event: Value = serde_json::from_str(&event).context("read an event")?;
        if event.get("key") == Some(&Value::from("task_terminated")) {
            return Ok(());
        }
    }
}
