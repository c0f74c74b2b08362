//! One engine for all tests, and short ways to run the hostile guests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use netsonde_data::observation::Observations;
use netsonde_net::{Clock, Meter, Net, NetConfig, Trace};
use netsonde_sandbox::{
    Budget, Engine, EngineConfig, Grants, GuestView, Level, MiniSource, Module, Run, RunError, RunInfo,
    RunReport, TranscriptSink,
};
use serde_json::{Map, Value, json};

/// An engine without a cache.
pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(EngineConfig::default()).unwrap());

/// The nettest that misbehaves on demand.
pub(crate) static HOSTILE: LazyLock<Arc<Module>> =
    LazyLock::new(|| ENGINE.load("hostile", netsonde_test_guests::hostile()).unwrap());

/// The nettest that takes the steps that it is told.
#[cfg(target_os = "linux")]
static STEPS: LazyLock<Arc<Module>> =
    LazyLock::new(|| ENGINE.load("steps", netsonde_test_guests::wasm("steps")).unwrap());

/// The mini nettest that misbehaves on demand.
pub(crate) static HOSTILE_MINI: LazyLock<Arc<Module>> = LazyLock::new(|| {
    ENGINE
        .load("hostile-mini", netsonde_test_guests::hostile_mini())
        .unwrap()
});

/// The nettest over the plain twin of the contract.
pub(crate) static PLAIN: LazyLock<Arc<Module>> =
    LazyLock::new(|| ENGINE.load("plain", netsonde_test_guests::wasm("plain")).unwrap());

/// What a run came to, and all that could be seen of it from outside.
pub(crate) struct Seen {
    pub(crate) report: RunReport,
    pub(crate) observations: Observations,
    pub(crate) view: Arc<Recorder>,
}

impl Seen {
    pub(crate) fn keys(&self) -> &Map<String, Value> {
        self.report.result.as_ref().unwrap()
    }

    pub(crate) fn error(&self) -> &RunError {
        self.report.result.as_ref().unwrap_err()
    }

    /// The text of the budget that was used up, without the module's name.
    pub(crate) fn budget_text(&self) -> String {
        let RunError::BudgetExceeded { module, exceeded } = self.error() else {
            panic!("another error: {:?}", self.report.result)
        };
        assert_eq!(
            (module.as_str(), exceeded.module.as_str()),
            ("hostile", "hostile")
        );
        format!("{}: {}", exceeded.what, exceeded.limit)
    }
}

/// Remembers what the user would have seen.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) lines: Mutex<Vec<(String, Level, String)>>,
    pub(crate) progress: Mutex<Vec<f64>>,
    pub(crate) skipped: Mutex<Vec<(String, String)>>,
}

impl GuestView for Recorder {
    fn progress(&self, fraction: f64, _: &str) {
        self.progress.lock().unwrap().push(fraction);
    }

    fn log(&self, module: &str, level: Level, message: &str) {
        self.lines
            .lock()
            .unwrap()
            .push((module.to_owned(), level, message.to_owned()));
    }

    fn mini_skipped(&self, name: &str, why: &str) {
        self.skipped
            .lock()
            .unwrap()
            .push((name.to_owned(), why.to_owned()));
    }
}

/// Knows `hostile-mini@v1`, and `hostile@v0`, which is none.
struct Minis;

impl MiniSource for Minis {
    fn mini(&self, name: &str) -> Result<Arc<Module>, String> {
        match name {
            "hostile-mini@v1" => Ok(HOSTILE_MINI.clone()),
            "hostile@v0" => Ok(HOSTILE.clone()),
            _ => Err(format!("{name} is not known here")),
        }
    }
}

/// A run of `hostile` that is not started yet.
pub(crate) struct Attempt {
    pub(crate) module: Arc<Module>,
    pub(crate) target: Value,
    pub(crate) budget: Budget,
    pub(crate) grants: Grants,
    pub(crate) trace: Trace,
    pub(crate) transcripts: Option<Arc<dyn TranscriptSink>>,
    pub(crate) state_dir: Option<PathBuf>,
}

/// Run `hostile` with these options, `mode` among them.
pub(crate) fn hostile(options: &Value) -> Attempt {
    attempt(json!({ "input": null, "options": options, "targets": [] }))
}

/// Run `steps` with one list of steps.
#[cfg(target_os = "linux")]
pub(crate) fn steps(list: &Value) -> Attempt {
    Attempt {
        module: STEPS.clone(),
        ..attempt(json!({ "input": null, "options": { "steps": [list] }, "targets": [] }))
    }
}

/// Run `hostile` with mini nettests: each a name and its arguments.
pub(crate) fn with_minis(parallelism: u32, minis: &[(&str, Value)]) -> Attempt {
    let targets: Vec<_> = minis
        .iter()
        .enumerate()
        .map(|(number, (name, with))| json!({ "run": name, "with": with, "tags": [format!("target-{number}")] }))
        .collect();
    attempt(json!({
        "input": null,
        "options": { "mode": "mini", "parallelism": parallelism },
        "targets": targets,
    }))
}

/// Run `plain` with an echo server and three mini nettests.
pub(crate) fn plain(endpoint: &str) -> Attempt {
    let spin = json!({ "run": "hostile-mini@v1", "with": { "mode": "spin", "count": 20 } });
    let unknown = json!({ "run": "unknown@v1", "with": {} });
    Attempt {
        module: PLAIN.clone(),
        ..attempt(json!({
            "input": null,
            "options": { "domain": "localhost", "endpoint": endpoint },
            "targets": [spin, unknown, spin],
        }))
    }
}

fn attempt(target: Value) -> Attempt {
    Attempt {
        module: HOSTILE.clone(),
        target,
        budget: Budget::default(),
        grants: Grants::all(),
        trace: Trace::new(Clock::start()),
        transcripts: None,
        state_dir: None,
    }
}

impl Attempt {
    pub(crate) fn budget(mut self, change: impl FnOnce(&mut Budget)) -> Self {
        change(&mut self.budget);
        self
    }

    /// Start, and wait for the end; a minute is more than any test needs.
    pub(crate) async fn run(self) -> Seen {
        tokio::time::timeout(Duration::from_mins(1), self.unbounded())
            .await
            .expect("the run came to no end")
    }

    async fn unbounded(self) -> Seen {
        let view = Arc::new(Recorder::default());
        let trace = self.trace;
        let meter = Arc::new(Meter::new(self.budget.net.clone()));
        let run = Run {
            net: Net::new(&NetConfig::unrestricted(), trace.clone(), meter).unwrap(),
            grants: self.grants,
            budget: self.budget,
            info: RunInfo {
                annotations: BTreeMap::new(),
                software: "netsonde/0.1.0".to_owned(),
                user_agent: "netsonde/test".into(),
                ..RunInfo::default()
            },
            minis: Arc::new(Minis),
            view: view.clone(),
            transcripts: self.transcripts,
            state_dir: self.state_dir,
        };
        let report = ENGINE.run(&self.module, self.target, run).await;
        Seen {
            report,
            observations: trace.observations(),
            view,
        }
    }
}
