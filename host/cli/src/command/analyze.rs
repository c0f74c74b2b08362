//! `netsonde analyze`: compute the top-level keys of measurements from anywhere again.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context as _, bail};
use netsonde_probe::analyze::{Analysis, AnalyzeError, analyze};
use serde_json::{Deserializer, Value, json};

use crate::args::Analyze;
use crate::command::catalog;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, escaped, plain, print, verdict};

/// The first bytes of a compressed file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Analyse every measurement of a file. The keys go to standard output, one measurement a line; the verdict in words goes
/// to standard error. A measurement that can not be analysed keeps nobody from the others.
pub(crate) fn run(args: &Analyze, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    let stderr = Stderr::new();
    log::start(verbose, None, &stderr)?;
    let catalog = catalog(&args.modules)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        .build()
        .context("start the runtime")?;
    let file = args.measurement.display().to_string();
    let (mut readable, mut whole, mut count) = (true, true, 0_u64);
    for measurement in Deserializer::from_reader(open(&args.measurement)?).into_iter::<Value>() {
        let measurement = measurement.with_context(|| format!("read the measurements of {file}"))?;
        count += 1;
        match runtime.block_on(analyze(&catalog, measurement)) {
            Ok(analysis) if json => print(&event(count, &analysis).to_string())?,
            Ok(analysis) => {
                print(&Value::Object(analysis.keys.clone()).to_string())?;
                stderr.line(&people(&analysis));
                for note in &analysis.notes {
                    stderr.line(&escaped(&format!("{file}: measurement {count}: {note}")));
                }
            }
            Err(error) => {
                let is_broken = matches!(error, AnalyzeError::Broken(_));
                whole &= !is_broken;
                readable &= is_broken;
                if json {
                    let event =
                        json!({"event": "not_analyzed", "measurement": count, "why": error.to_string()});
                    print(&event.to_string())?;
                }
                stderr.line(&escaped(&format!("{file}: measurement {count}: {error}")));
            }
        }
    }
    if count == 0 {
        bail!("read the measurements of {file}: there is none");
    }
    Ok(match (readable, whole) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::Broken,
        (true, true) => Exit::Done,
    })
}

/// The file, or with `-` standard input.
fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(stdin().lock()));
    }
    let context = || format!("read the measurements of {}", path.display());
    let mut file = BufReader::new(File::open(path).with_context(context)?);
    if file.fill_buf().with_context(context)?.starts_with(&GZIP) {
        let path = path.display();
        bail!("read the measurements of {path}: it is compressed; try zcat {path} | netsonde analyze -");
    }
    Ok(Box::new(file))
}

fn people(analysis: &Analysis) -> String {
    let what = match &analysis.input {
        Some(input) => format!("{} {}", plain(&analysis.nettest_name), plain(input)),
        None => plain(&analysis.nettest_name),
    };
    match verdict(analysis.verdict, analysis.says.as_deref()) {
        Some(verdict) => format!("{what}  {verdict}"),
        None => what,
    }
}

fn event(count: u64, analysis: &Analysis) -> Value {
    json!({
        "event": "analyzed",
        "measurement": count,
        "nettest_name": analysis.nettest_name,
        "input": analysis.input,
        "keys": analysis.keys,
        "verdict": analysis.verdict,
        "says": analysis.says,
        "notes": analysis.notes,
    })
}
