//! Running a nettest.
//!
//! A run is a task of its own, so that a defect stays contained; its instances, and whatever they wait for, are tasks
//! that the run knows of. When a run is over, for whatever reason, none of them is left.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netsonde_net::Net;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::budget::{Budget, Usage};
use crate::call::Task;
use crate::capability::Grants;
use crate::engine::Engine;
use crate::error::RunError;
use crate::instance;
use crate::ledger::{Account, Ledger};
use crate::module::{Linked, Module};
use crate::state::{Shared, State};
use crate::tape::record::{Recording, TranscriptSink};
use crate::tape::transcript::End;

/// How long the tasks of a run that is over may take to notice.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// Everything that a run is given.
pub struct Run {
    /// Sockets, trace and meter. The meter's budget is [`Budget::net`] of the same budget.
    pub net: Net,
    /// What the user's policy allows.
    pub grants: Grants,
    /// How much the run may use.
    pub budget: Budget,
    /// What the guest may ask about the run.
    pub info: RunInfo,
    /// Where mini nettests come from.
    pub minis: Arc<dyn MiniSource>,
    /// Where progress and log lines go.
    pub view: Arc<dyn GuestView>,
    /// Where transcripts go, if the run is to be recorded.
    pub transcripts: Option<Arc<dyn TranscriptSink>>,
    /// Where modules keep what they keep from run to run, each in a folder of its own (the interface `cache`). It is made
    /// if need be. Without one, nothing is kept, and modules are told so.
    pub state_dir: Option<PathBuf>,
}

/// What a guest may ask about the run.
#[derive(Clone, Debug, Default)]
pub struct RunInfo {
    /// The target's annotations.
    pub annotations: BTreeMap<String, String>,
    /// The script's feature flags.
    pub feature_flags: BTreeMap<String, bool>,
    /// The script's test helpers: for each kind a JSON array.
    pub test_helpers: BTreeMap<String, Value>,
    /// Name and version of the probe, `netsonde/0.1.0`.
    pub software: String,
    /// The `User-Agent` towards test helpers.
    pub user_agent: String,
    /// The address from which the system's resolver asks, where it is known.
    pub resolver_address: Option<IpAddr>,
    /// The resolvers that the system is configured to ask.
    pub configured_resolvers: Vec<IpAddr>,
}

/// Where mini nettests come from.
pub trait MiniSource: Send + Sync {
    /// The module of a name as in scripts, `http-address@v1`; otherwise why it is skipped.
    fn mini(&self, name: &str) -> Result<Arc<Module>, String>;
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// For the guest's author.
    Debug,
    /// For who watches.
    Info,
    /// Something is odd.
    Warning,
}

/// Where progress and log lines go. Calls come from inside the run and should return quickly.
pub trait GuestView: Send + Sync {
    /// How far the nettest is, from 0 to 1, and what it does.
    fn progress(&self, fraction: f64, message: &str);
    /// A log line of a module.
    fn log(&self, module: &str, level: Level, message: &str);
    /// A mini nettest was asked for and is not known here.
    fn mini_skipped(&self, name: &str, why: &str) {
        let _ = (name, why);
    }
}

/// What a run came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunReport {
    /// The test keys that only the guest knows.
    pub result: Result<Map<String, Value>, RunError>,
    /// What the run used.
    pub usage: Usage,
    /// What it could have used.
    pub budget: Budget,
    /// The test helper that answered last, as the script names it.
    pub helper: Option<Value>,
}

impl Engine {
    /// Run a nettest on one target. Dropping the future ends the run: sockets close, and the trace says
    /// `interrupted`. Observations are in the trace of `run.net`; once this returns, nobody adds to them any more.
    ///
    /// Needs a tokio runtime with time and I/O.
    pub async fn run(&self, module: &Arc<Module>, target: Value, run: Run) -> RunReport {
        let begun = Instant::now();
        let tasks = TaskTracker::new();
        let budget = run.budget;
        let permits = usize::try_from(budget.calls_in_flight).unwrap_or(Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            engine: self.clone(),
            net: run.net,
            grants: run.grants,
            info: run.info,
            minis: run.minis,
            view: run.view,
            state_dir: run.state_dir.map(Into::into),
            tasks: tasks.clone(),
            calls: Arc::new(Semaphore::new(permits)),
            helper: Mutex::default(),
        });
        let ledger = Ledger::new(module.name(), budget.clone(), None);
        let meter = shared.net.meter().clone();
        let task = Task::spawn(
            &shared,
            nettest(
                shared.clone(),
                ledger.clone(),
                module.clone(),
                target.to_string(),
                run.transcripts,
            ),
        );
        let result = instance::flatten(module.name(), task.await);
        shared.net.listened().await;
        tasks.close();
        if tokio::time::timeout(LAST_MOMENTS, tasks.wait()).await.is_err() {
            tracing::warn!(
                module = module.name(),
                "a run is over and some of its tasks are not"
            );
        }
        let usage = Usage {
            wall_clock: begun.elapsed(),
            net: meter.used(),
            ..ledger.usage()
        };
        RunReport {
            result,
            usage,
            budget,
            helper: shared
                .helper
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        }
    }
}

async fn nettest(
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
    module: Arc<Module>,
    target: String,
    transcripts: Option<Arc<dyn TranscriptSink>>,
) -> Result<Map<String, Value>, RunError> {
    let Linked::Nettest { run: linked, .. } = &module.linked else {
        return Err(RunError::WrongKind {
            module: module.name().to_owned(),
            kind: module.kind(),
        });
    };
    module.allowed(&shared.grants)?;
    let wall_clock = ledger.budget().wall_clock;
    let mut state = State::new(
        shared.clone(),
        module.manifest(),
        ledger.clone(),
        Instant::now() + wall_clock,
        None,
    );
    ledger
        .add(Account::Instances, 1)
        .map_err(|exceeded| instance::exceeded(module.name(), exceeded))?;
    let recording =
        transcripts.map(|sink| Recording::start(&sink, "nettest".to_owned(), &module.head(target.clone())));
    state.recording.clone_from(&recording);
    let linked = linked.clone();
    let answer = instance::run(
        &shared.engine,
        &ledger,
        wall_clock,
        state,
        |state| &mut state.memory,
        |store| {
            Box::pin(async move {
                let guest = linked
                    .instantiate_async(&mut *store)
                    .await
                    .map_err(instance::Stopped::Starting)?;
                let called = store
                    .run_concurrent(async |accessor| guest.call_run(accessor, target).await)
                    .await;
                called.flatten().map_err(instance::Stopped::Running)
            })
        },
    )
    .await;
    if let Some(recording) = recording {
        recording.end(End::of(&answer));
    }
    instance::object(module.name(), answer?)
}
