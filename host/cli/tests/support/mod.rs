//! What the end-to-end tests share: the binary, the lab, scripts in a folder of their own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test code")]
#![expect(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The exit code where there is no lab.
const NO_LAB: i32 = 3;

/// A run of a script, which comes next.
pub(crate) const RUNX: [&str; 6] = [
    "runx",
    "--location-file",
    "location.jsonc",
    "-o",
    "report.jsonl",
    "--script-file",
];

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// One of `examples/scenarios`.
pub(crate) fn scenario(name: &str) -> PathBuf {
    root().join("examples/scenarios").join(format!("{name}.toml"))
}

/// A folder with a location and a report-to-be, and a binary that works in it.
pub(crate) struct Probe {
    pub(crate) folder: TempDir,
}

impl Probe {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(
            root().join("examples/scripts/location.jsonc"),
            folder.path().join("location.jsonc"),
        )
        .unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary, working in the folder.
    pub(crate) fn netsonde(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsonde"));
        command
            .current_dir(self.folder.path())
            .env("NETSONDE_CACHE_DIR", cache())
            .env("NETSONDE_STATE_DIR", self.path("state"))
            .env("NETSONDE_REGISTRIES_DIR", self.path("registries"));
        command
    }

    /// `runx` of a script, outside the lab. Its servers are on this machine.
    pub(crate) fn runx(&self, script: &Path) -> Command {
        let mut command = self.strict_runx(script);
        command.args(["--allow-destination", "loopback"]);
        command
    }

    /// The same without leave to go to this machine.
    pub(crate) fn strict_runx(&self, script: &Path) -> Command {
        let mut command = self.netsonde();
        command.args(RUNX).arg(script);
        command
    }

    /// `runx` of a script inside the lab. None, loudly, where there is no lab.
    pub(crate) fn runx_in_lab(&self, scenario: &Path, script: &Path, more: &[&str]) -> Option<Output> {
        let mut command = self.lab(scenario);
        command.arg(env!("CARGO_BIN_EXE_netsonde"));
        command.args(RUNX).arg(script).args(more);
        in_lab(command)
    }

    /// The lab of a scenario, which counts what the censor does; the command to run in it comes next.
    pub(crate) fn lab(&self, scenario: &Path) -> Command {
        let mut command = self.netsonde();
        command
            .arg("lab")
            .arg("--scenario")
            .arg(scenario)
            .args(["--hits-file", "hits.json"])
            .args(["--packets-file", "packets.json", "--"]);
        command
    }

    /// The report, one measurement a line. Each has to be in the formats that we say we write.
    pub(crate) fn report(&self) -> Vec<Value> {
        measurements(&self.path("report.jsonl"))
    }

    /// On how many flows the censor acted.
    pub(crate) fn hits(&self) -> u64 {
        self.counts("hits.json").values().sum()
    }

    /// How many packets the probe sent, by where they went: `udp 192.0.2.1:53`.
    pub(crate) fn packets(&self) -> BTreeMap<String, u64> {
        self.counts("packets.json")
    }

    fn counts(&self, file: &str) -> BTreeMap<String, u64> {
        serde_json::from_slice(&std::fs::read(self.path(file)).unwrap()).unwrap()
    }

    /// A script of urlgetter targets, each an input with options.
    pub(crate) fn urlgetter(&self, targets: &[(&str, Value)]) -> PathBuf {
        let targets: Vec<Value> = targets
            .iter()
            .map(|(input, options)| json!({"input": input, "options": options}))
            .collect();
        self.script(&json!([nettest(
            "urlgetter",
            &json!({"suite_name": "experimental", "targets": targets})
        )]))
    }

    /// A script of instructions.
    pub(crate) fn script(&self, instructions: &Value) -> PathBuf {
        self.write(
            "script.jsonc",
            &json!({"v": 2, "instructions": instructions}).to_string(),
        )
    }
}

/// The measurements in a report, one a line. Each has to be in the formats that we say we write.
pub(crate) fn measurements(report: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(report).unwrap();
    let measurement = |line| {
        let measurement = serde_json::from_str(line).expect("a whole measurement a line");
        assert_in_format(&measurement);
        measurement
    };
    text.lines().map(measurement).collect()
}

/// Fail with what is found, if a measurement is not as the newest probes write it. Scripts of tests may leave out what a
/// nettest needs for its conclusions.
pub(crate) fn assert_in_format(measurement: &Value) {
    let findings = netsonde_data::check::check(measurement).into_iter();
    let findings =
        findings.filter(|finding| finding.why != Some("scripts that do not measure it leave it out"));
    let findings: Vec<String> = findings.map(|finding| finding.to_string()).collect();
    assert!(findings.is_empty(), "{}\n{measurement}", findings.join("\n"));
}

/// A `nettest:run@v1` instruction.
pub(crate) fn nettest(name: &str, with: &Value) -> Value {
    let mut with = with.clone();
    with["nettest_name"] = name.into();
    json!({"run": "nettest:run@v1", "with": with})
}

/// Run a command that needs the lab. None, loudly, where there is no lab.
pub(crate) fn in_lab(mut command: Command) -> Option<Output> {
    let output = command.output().unwrap();
    if output.status.code() == Some(NO_LAB) {
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(
            std::env::var_os("NETSONDE_REQUIRE_LAB").is_none(),
            "there is no lab: {why}"
        );
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
        return None;
    }
    Some(output)
}

/// One cache for all tests, so that each module is compiled once.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("module-cache")
}

/// Fail with what the command said if it did not end as it should.
pub(crate) fn assert_exit(output: &Output, code: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
