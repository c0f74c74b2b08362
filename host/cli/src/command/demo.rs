//! `netsonde demo`: the same script on an uncensored and on a censored network, and what differs.
//!
//! The demo is made of what a user could type: `netsonde lab --scenario … -- netsonde runx …`, twice.

use crate::exit::Exit;

#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: bool, _: u8) -> anyhow::Result<Exit> {
    anstream::eprintln!("the demo needs Linux: its internet is made of network namespaces");
    Ok(Exit::NoLab)
}

#[cfg(target_os = "linux")]
pub(crate) use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use anyhow::{Context as _, bail};
    use comfy_table::{Cell, Table, presets};
    use serde::Deserialize;
    use serde_json::{Map, Value};

    use super::Exit;
    use crate::args::Modules;
    use crate::command::{catalog, lab};
    use crate::log;
    use crate::view::{BAD, DIM, GOOD, Stderr, bar, plain, print, set};

    const SCRIPT: &str = include_str!("../../../../examples/scripts/telegram-urlgetter.jsonc");
    const LOCATION: &str = include_str!("../../../../examples/scripts/location.jsonc");
    const CLEAN: &str = include_str!("../../../../examples/scenarios/clean.toml");
    const CENSORED: &str = include_str!("../../../../examples/scenarios/sni-rst.toml");
    const FOLDER: &str = "netsonde-demo";

    /// Run the demo; reports go to `./netsonde-demo/`.
    pub(crate) fn run(json: bool, verbose: u8) -> anyhow::Result<Exit> {
        if let Some(exit) = lab::unavailable() {
            return Ok(exit);
        }
        let stderr = Stderr::new();
        log::start(verbose, None, &stderr)?;
        let folder = Path::new(FOLDER);
        std::fs::create_dir_all(folder).with_context(|| format!("create folder {FOLDER}"))?;
        for (name, text) in [
            ("script.jsonc", SCRIPT),
            ("location.jsonc", LOCATION),
            ("clean.toml", CLEAN),
            ("censored.toml", CENSORED),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
        stderr.line("The same script twice, inside a simulated internet:");
        let clean = Network::run("clean", &stderr, json)?;
        let censored = Network::run("censored", &stderr, json)?;
        if !json {
            let labels = labels()?;
            print(&verdict(&clean, &censored, &labels))?;
        }
        let whole = clean.measurements.len() == censored.measurements.len() && !clean.measurements.is_empty();
        Ok(if whole { Exit::Done } else { Exit::Failed })
    }

    /// One network of the demo, and what was measured on it.
    struct Network {
        report: PathBuf,
        measurements: Vec<Measured>,
    }

    /// The part of the `measurement` event that the verdict needs.
    #[derive(Debug, Deserialize)]
    struct Measured {
        nettest_name: String,
        input: Option<String>,
        summary: Map<String, Value>,
        error: Option<String>,
    }

    impl Network {
        fn run(name: &str, stderr: &Stderr, json: bool) -> anyhow::Result<Self> {
            let folder = Path::new(FOLDER);
            let report = folder.join(format!("{name}.jsonl"));
            // The report is this run's alone: not that of all runs so far, nor of one beside it.
            let under_way = folder.join(format!("{name}.{}.tmp", std::process::id()));
            let this = std::env::current_exe().context("find this program")?;
            let mut child = Command::new(&this)
                .args(["lab", "--scenario"])
                .arg(folder.join(format!("{name}.toml")))
                .arg("--")
                .arg(&this)
                .args(["--json", "runx", "--location-file"])
                .arg(folder.join("location.jsonc"))
                .arg("--script-file")
                .arg(folder.join("script.jsonc"))
                .arg("-o")
                .arg(&under_way)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .context("start `netsonde lab`")?;
            let mut errors = child.stderr.take().context("read the lab's messages")?;
            let said = std::thread::spawn(move || {
                let mut said = String::new();
                errors.read_to_string(&mut said).map(|_| said)
            });
            let events = BufReader::new(child.stdout.take().context("read the lab's events")?);
            let bar = bar(stderr, name);
            let mut measurements = Vec::new();
            for line in events.lines() {
                let line = line.context("read the lab's events")?;
                let Ok(mut event) = serde_json::from_str::<Value>(&line) else {
                    continue;
                };
                if json && let Some(event) = event.as_object_mut() {
                    event.insert("network".into(), name.into());
                    print(&serde_json::to_string(event)?)?;
                }
                match event.get("event").and_then(Value::as_str) {
                    Some("progress") => {
                        set(&bar, event.get("value").and_then(Value::as_f64).unwrap_or(0.0));
                        if let Some(message) = event
                            .get("message")
                            .and_then(Value::as_str)
                            .filter(|m| !m.is_empty())
                        {
                            bar.set_message(plain(message));
                        }
                    }
                    Some("measurement") => measurements.push(serde_json::from_value(event)?),
                    _ => {}
                }
            }
            bar.finish_and_clear();
            let status = child.wait().context("wait for `netsonde lab`")?;
            let said = said.join().ok().and_then(Result::ok).unwrap_or_default();
            // Also when it failed: what was measured is worth keeping.
            if under_way.exists() {
                std::fs::rename(&under_way, &report)
                    .with_context(|| format!("write {}", report.display()))?;
            }
            if !status.success() {
                bail!(
                    "the run on the {name} network ended with {status}:\n{}",
                    said.trim_end()
                );
            }
            stderr.line(&format!(
                "  {name}: {} measurements in {}",
                measurements.len(),
                report.display()
            ));
            Ok(Self { report, measurements })
        }
    }

    /// What the summary keys of the preinstalled nettests mean, from their manifests.
    fn labels() -> anyhow::Result<BTreeMap<String, String>> {
        let catalog = catalog(&Modules { files: Vec::new() })?;
        let manifests = catalog.entries().filter_map(|entry| entry.manifest.as_ref().ok());
        Ok(manifests
            .flat_map(|(manifest, _)| manifest.summary_keys.texts.clone())
            .collect())
    }

    /// Both networks side by side, then a sentence.
    fn verdict(clean: &Network, censored: &Network, labels: &BTreeMap<String, String>) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["WHAT", "CLEAN", "CENSORED"]);
        let mut differing = 0;
        for (left, right) in clean.measurements.iter().zip(&censored.measurements) {
            let subject = left
                .input
                .as_deref()
                .map_or(String::new(), |input| format!(" {input}"));
            for (key, value) in &left.summary {
                let other = right.summary.get(key).unwrap_or(&Value::Null);
                let label = labels.get(key).map_or(key.as_str(), String::as_str);
                let (one, two) = (outcome(value), outcome(other));
                if value != other {
                    differing += 1;
                }
                table.add_row([
                    Cell::new(format!("{}{subject}: {label}", left.nettest_name)),
                    Cell::new(one),
                    Cell::new(two),
                ]);
            }
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let style = if differing == 0 { GOOD } else { BAD };
        let broken = clean
            .measurements
            .iter()
            .chain(&censored.measurements)
            .filter_map(|m| m.error.as_deref());
        let broken: Vec<String> = broken
            .map(|error| format!("broken: {}\n", plain(error)))
            .collect();
        let broken = broken.concat();
        format!(
            "\n{}\n{broken}\n{style}On the censored network {differing} of {} answers differ.{style:#}\n{DIM}The \
             measurements: {} and {}{DIM:#}",
            table.trim_fmt(),
            table.row_count(),
            clean.report.display(),
            censored.report.display(),
        )
    }

    /// An outcome in a word.
    fn outcome(value: &Value) -> String {
        match value {
            Value::Null => "none".into(),
            Value::Bool(false) => "no".into(),
            Value::Bool(true) => "yes".into(),
            Value::String(text) => plain(text),
            other => other.to_string(),
        }
    }
}
