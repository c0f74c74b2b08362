//! `netsonde replay`: run the guests of recorded measurements again, without any network, and compare.

use anyhow::Context as _;
use netsonde_probe::transcript::{Recorded, ReplayReport};
use serde_json::{Value, json};

use crate::args::Replay;
use crate::command::catalog;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, escaped, print};

/// Replay every recording in the folder. Test keys go to standard output, one measurement a line; what differs goes to
/// standard error. A recording that can not be read keeps nobody from the others.
pub(crate) fn run(args: &Replay, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    let stderr = Stderr::new();
    log::start(verbose, None, &stderr)?;
    let catalog = catalog(&args.modules)?;
    let recordings = Recorded::all(&args.dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .context("start the runtime")?;
    let (mut same, mut readable) = (true, true);
    for (dir, recorded) in recordings {
        let dir = dir.display().to_string();
        let report = recorded.and_then(|recorded| runtime.block_on(recorded.replay(&catalog)));
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                readable = false;
                if json {
                    let event = json!({"event": "unreadable", "recording": dir, "why": error.to_string()});
                    print(&event.to_string())?;
                }
                stderr.line(&escaped(&error.to_string()));
                continue;
            }
        };
        same &= report.differences.is_empty();
        if json {
            print(&event(&dir, &report).to_string())?;
            continue;
        }
        if let Some(test_keys) = &report.test_keys {
            print(test_keys)?;
        }
        for line in people(&dir, &report) {
            stderr.line(&escaped(&line));
        }
    }
    Ok(match (readable, same) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::Diverged,
        (true, true) => Exit::Done,
    })
}

fn people(dir: &str, report: &ReplayReport) -> Vec<String> {
    let mut lines: Vec<_> = report.notes.iter().map(|note| format!("{dir}: {note}")).collect();
    for difference in &report.differences {
        lines.push(format!("{dir}: {}: {}", difference.instance, difference.what));
    }
    if report.differences.is_empty() {
        lines.push(format!(
            "{dir}: identical: {} calls of {} instances",
            report.calls, report.instances
        ));
    }
    lines
}

fn event(dir: &str, report: &ReplayReport) -> Value {
    let differences: Vec<_> = report
        .differences
        .iter()
        .map(|difference| json!({"instance": difference.instance, "what": difference.what}))
        .collect();
    let test_keys = report.test_keys.as_deref().map(serde_json::from_str::<Value>);
    json!({
        "event": "replayed",
        "recording": dir,
        "identical": differences.is_empty(),
        "calls": report.calls,
        "instances": report.instances,
        "differences": differences,
        "notes": report.notes,
        "test_keys": test_keys.and_then(Result::ok),
    })
}
