//! An author's suite: a folder with a script, scenarios, and what is expected of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use netsonde_lab::Scenario;
use netsonde_probe::sandbox::Verdict;

use super::linux::Suite;

const SCRIPT: &str = "script.jsonc";
const LOCATION: &str = "location.jsonc";
const EXPECTED: &str = "expected.json";

/// Read the suite in `dir`; `folder` is what a run reads. The error says what is wrong with the suite.
pub(super) fn suite(dir: &Path, folder: &Path) -> Result<Suite, String> {
    copy(&dir.join(SCRIPT), &folder.join(SCRIPT))?;
    if dir.join(LOCATION).exists() {
        copy(&dir.join(LOCATION), &folder.join(LOCATION))?;
    } else {
        write(&folder.join(LOCATION), super::builtin::LOCATION)?;
    }
    let scenarios = scenarios(dir)?;
    let expected = expected(&dir.join(EXPECTED))?;
    if let Some(name) = expected
        .keys()
        .find(|name| !scenarios.iter().any(|(known, _)| known == *name))
    {
        let dir = dir.display();
        return Err(format!(
            "{EXPECTED} names {name}, and there is no {dir}/{name}.toml"
        ));
    }
    Ok(Suite {
        folder: folder.to_owned(),
        scenarios,
        expected,
        is_guessed: false,
        has_verdict: true,
    })
}

/// The files `*.toml`, by name.
fn scenarios(dir: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let read = |error| format!("read {}: {error}", dir.display());
    let mut scenarios = Vec::new();
    for entry in fs::read_dir(dir).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(name) = name
            && path.extension().is_some_and(|extension| extension == "toml")
        {
            check(&path)?;
            scenarios.push((name.to_owned(), path));
        }
    }
    if scenarios.is_empty() {
        return Err(format!("there is no scenario (*.toml) in {}", dir.display()));
    }
    scenarios.sort();
    Ok(scenarios)
}

/// Whoever checks a module runs nothing of its author's outside of the sandbox.
fn check(path: &Path) -> Result<(), String> {
    let scenario = Scenario::load(path).map_err(|error| error.to_string())?;
    match scenario.hosts.iter().find(|host| host.run.is_some()) {
        Some(host) => Err(format!(
            "{}: the host {} runs a program of this machine (`run`), which scenarios for checks may not",
            path.display(),
            host.name
        )),
        None => Ok(()),
    }
}

fn expected(path: &Path) -> Result<BTreeMap<String, Verdict>, String> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let wrong = |error: &dyn std::fmt::Display| format!("read {}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let text = fs::read_to_string(from).map_err(|error| format!("read {}: {error}", from.display()))?;
    write(to, &text)
}

fn write(to: &Path, text: &str) -> Result<(), String> {
    fs::write(to, text).map_err(|error| format!("write {}: {error}", to.display()))
}
