//! The program that runs the library in the lab, and what it printed.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::build::{self, cargo, host};

/// Its package, `tests/ios`.
pub(super) const PROVER: &str = "netsonde-ios-proof";
/// How a process ends that the filter killed.
const SIGSYS: i32 = 31;
/// How the lab ends where there is none.
const NO_LAB: i32 = 3;

pub(super) fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("find the workspace")?.to_owned())
}

/// The program that is run, in a folder of its own.
pub(super) struct Prover {
    program: PathBuf,
    folder: TempDir,
}

impl Prover {
    pub(super) fn build(profile: &str, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let target = host()?;
        let arguments = [
            "build",
            "--package",
            PROVER,
            "--profile",
            profile,
            "--target",
            &target,
        ];
        let program = build::run(&arguments, environment)?.whole()?.file(PROVER)?;
        let folder = tempfile::tempdir().context("make a folder")?;
        Ok(Self { program, folder })
    }

    /// Whether the filter kills for this.
    pub(super) fn offends(&self, offence: &str) -> anyhow::Result<String> {
        let status = Command::new(&self.program).args(["--offend", offence]).output();
        let status = status.context("start it")?.status;
        ensure!(status.signal() == Some(SIGSYS), "it ended with {status}");
        Ok(String::new())
    }

    /// Whether executable memory that is there afterwards, and was not before, is found.
    pub(super) fn notices(&self) -> anyhow::Result<String> {
        let output = Command::new(&self.program)
            .arg("--map")
            .output()
            .context("start it")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            !output.status.success() && said.contains("other executable memory"),
            "it was not: {said}"
        );
        Ok(String::new())
    }

    /// Run tasks in the lab.
    pub(super) fn run(&self, scenario: &str, tasks: &[Value]) -> anyhow::Result<Seen> {
        let mut command = Command::new(program("netsonde")?);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let helper = program("netsonde-registry")?;
        let folders = helper
            .parent()
            .map(Path::to_owned)
            .into_iter()
            .chain(std::env::split_paths(&path));
        command
            .args(["lab", "--scenario"])
            .arg(root()?.join(format!("examples/scenarios/{scenario}.toml")))
            .arg("--")
            .arg(&self.program)
            .env("PATH", std::env::join_paths(folders)?)
            .current_dir(self.folder.path());
        for (number, task) in tasks.iter().enumerate() {
            let path = self.folder.path().join(format!("task-{number}.json"));
            let mut task = task.clone();
            task["state_dir"] = self.folder.path().join("state").to_string_lossy().into();
            fs::write(&path, task.to_string()).context("write the settings of a task")?;
            command.arg(path);
        }
        let output = command.output().context("start the lab")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() == Some(NO_LAB) {
            bail!("there is no lab on this machine, and nothing was shown: {said}");
        }
        ensure!(output.status.success(), "it ended with {}: {said}", output.status);
        Seen::read(&output)
    }
}

/// What the program printed.
pub(super) struct Seen(Vec<Value>);

impl Seen {
    fn read(output: &Output) -> anyhow::Result<Self> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        Ok(Self(lines.context("read what it printed")?))
    }

    /// The value of the first event of a key.
    pub(super) fn event(&self, key: &str) -> anyhow::Result<Value> {
        let found = self.0.iter().find(|event| event["key"] == key);
        let found = found.with_context(|| format!("there is no {key} among {}", self.keys()))?;
        Ok(found["value"].clone())
    }

    fn keys(&self) -> String {
        let keys = self.0.iter().filter_map(|event| event["key"].as_str());
        keys.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn measurements(&self) -> anyhow::Result<Vec<Value>> {
        let events = self.0.iter().filter(|event| event["key"] == "measurement");
        let text = |event: &Value| event["value"]["json_str"].as_str().map(str::to_owned);
        events
            .map(|event| {
                let text = text(event).context("a measurement has no json_str")?;
                serde_json::from_str(&text).context("read a measurement")
            })
            .collect()
    }

    /// How many stretches of executable memory there were, which are the same as before.
    pub(super) fn stretches(&self) -> anyhow::Result<u64> {
        let found = self.0.iter().find_map(|line| line.get("executable_memory"));
        let found = found.context("it did not say which executable memory it has")?;
        ensure!(found["same"] == true, "the executable memory is another: {found}");
        found["stretches"].as_u64().context("read the stretches")
    }
}

/// A program of ours that is beside this one; built if it is not there.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("find this program")?;
    let path = this.with_file_name(name);
    if !path.is_file() {
        let status = cargo()
            .args(["build", "--locked", "--quiet", "--package", name, "--bin", name])
            .args(
                this.parent()
                    .filter(|folder| folder.ends_with("release"))
                    .map(|_| "--release"),
            )
            .status();
        ensure!(
            status.context("run cargo")?.success() && path.is_file(),
            "{name} does not build"
        );
    }
    Ok(path)
}

/// What all tasks have in common.
pub(super) fn settings() -> Value {
    json!({
        "version": 1,
        "options": {"no_collector": true, "software_name": "ios-proof", "software_version": "0"},
        "location": {"ipv4": {"probe_ip": "198.51.100.7", "probe_asn": 64500, "probe_cc": "ZZ"}},
    })
}

/// A task that runs these instructions.
pub(super) fn script(instructions: &Value) -> Value {
    let mut task = settings();
    task["script"] = json!({"v": 2, "instructions": instructions}).to_string().into();
    task
}

pub(super) fn nettest(name: &str, with: Value) -> Value {
    let mut with = with;
    with["nettest_name"] = name.into();
    json!({"run": "nettest:run@v1", "with": with})
}
