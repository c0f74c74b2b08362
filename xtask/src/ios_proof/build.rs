//! Cargo, as the proof uses it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The target whose library is looked at.
pub(super) const IOS: &str = "aarch64-apple-ios";

/// What cargo built, or why it did not.
pub(super) struct Built {
    success: bool,
    /// Everything it wrote to standard error.
    said: String,
    /// What else than messages it wrote to standard output.
    printed: Vec<String>,
    /// The files that it made, of the package that was asked for and of others.
    files: Vec<PathBuf>,
}

impl Built {
    /// A file that was made, by the end of its name.
    pub(super) fn file(&self, end: &str) -> anyhow::Result<PathBuf> {
        let mut files = self.files.iter().rev();
        let found = files.find(|file| file.to_string_lossy().ends_with(end));
        found.cloned().with_context(|| format!("cargo made no {end}"))
    }

    /// How many tests passed.
    pub(super) fn tests_passed(&self) -> usize {
        let results = self
            .printed
            .iter()
            .filter_map(|line| line.strip_prefix("test result: ok. "));
        let counts = results.filter_map(|result| result.split_once(" passed")?.0.parse::<usize>().ok());
        counts.sum()
    }

    /// How many tests failed.
    pub(super) fn tests_failed(&self) -> usize {
        let results = self
            .printed
            .iter()
            .filter_map(|line| line.strip_prefix("test result: FAILED. "));
        let counts = results.filter_map(|result| {
            result
                .split(" passed; ")
                .nth(1)?
                .split_once(" failed")?
                .0
                .parse::<usize>()
                .ok()
        });
        counts.sum()
    }

    /// An error unless it was built, and what was run ended well.
    pub(super) fn whole(self) -> anyhow::Result<Self> {
        ensure!(
            self.success,
            "cargo says:\n{}\n{}",
            self.said,
            self.printed.join("\n")
        );
        Ok(self)
    }
}

/// The cargo that started this.
pub(super) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// The target that this machine is: named, so that what is built with the features of iOS has a folder of its own.
pub(super) fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("ask rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("rustc does not say what this machine is")?
        .to_owned())
}

/// Run cargo with these arguments and read what it says.
pub(super) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Built> {
    let mut command = cargo();
    let subcommand = arguments.first().copied().unwrap_or_default();
    command
        .args(arguments.iter().take_while(|argument| **argument != "--"))
        .args(["--locked", "--message-format=json-render-diagnostics"])
        .args(arguments.iter().skip_while(|argument| **argument != "--"))
        .envs(environment.iter().copied());
    let output = command
        .output()
        .with_context(|| format!("run cargo {subcommand}"))?;
    let mut files = Vec::new();
    let mut printed = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            printed.push(line.to_owned());
            continue;
        };
        if message["reason"] == "compiler-artifact" {
            let made = message["filenames"].as_array().into_iter().flatten();
            files.extend(made.filter_map(Value::as_str).map(PathBuf::from));
        }
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Built {
        success: output.status.success(),
        said,
        printed,
        files,
    })
}
