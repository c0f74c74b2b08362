//! What a task does, from its first event to its last.
//!
//! The order of the events is OONI's: `status.queued`, `status.started`, what can not start, where the probe is, each target,
//! `status.end`.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use netsonde_feed::Feed;
use netsonde_net::NetConfig;
use netsonde_probe::catalog::Catalog;
use netsonde_probe::report::Report;
use netsonde_probe::settings::{Policy, RunOptions};
use netsonde_probe::view::Level;
use netsonde_probe::watch::Watch;
use netsonde_probe::{Device as _, Probe, Software, sha256};
use netsonde_script::Script;
use serde_json::json;
use tokio::runtime::{self, Runtime};
use tokio_util::sync::CancellationToken;

use crate::app::Shared;
use crate::checkin::{self, name};
use crate::device::TaskDevice;
use crate::events;
use crate::home::{self, Home};
use crate::place::{self, Place};
use crate::queue::Queue;
use crate::script;
use crate::settings::{Settings, What};
use crate::view::{Keeper, TaskView};

/// How long a run that was interrupted has to end in order, before it is dropped where it stands.
const IN_ORDER: Duration = Duration::from_secs(2);
/// How long to wait for what can not be interrupted: a name lookup by the system, a module that is being compiled, a registry that is
/// asked. Each ends by itself, on a thread that does nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How many threads sockets have: guests run on the task's own. Were there two, and the system gave one, tokio would wait for that one
/// for ever.
const THREADS: usize = 1;

/// All that a task needs.
pub(crate) struct Work {
    pub(crate) settings: Arc<Settings>,
    pub(crate) shared: Shared,
    /// How often the network had changed when the settings were given.
    pub(crate) changes_at_start: u64,
    pub(crate) queue: Arc<Queue>,
    pub(crate) stop: CancellationToken,
}

/// Why a task ends before everything was run.
#[derive(Debug)]
enum Early {
    /// It can not start at all: nothing is said at the end.
    NoSession(String),
    /// It can not start.
    Startup(String),
    /// It was interrupted.
    Interrupted,
    /// Events have said why; `status.end` may repeat it.
    Said(String),
}

/// What is ready before it is known where the probe is.
struct Prepared {
    home: Home,
    config: NetConfig,
    policy: Policy,
    software: Software,
    catalog: Catalog,
    feeds: Vec<Feed>,
    /// What to run, where that is known already.
    script: Option<(Script, String)>,
}

impl Work {
    /// Do it all, on this thread. Says nothing after it returns, and does not panic.
    pub(crate) fn run(self) {
        let queue = self.queue.clone();
        to_the_end(&queue, || self.run_or_panic());
    }

    fn run_or_panic(&self) {
        let say = |event| self.queue.push(event);
        if self.settings.version < 1 {
            return say(events::failure(
                "failure.startup",
                "invalid Settings.Version number",
            ));
        }
        say(events::event("status.started", &json!({})));
        let what = match self.settings.what() {
            Ok(what) => what,
            Err(why) => return say(events::failure("failure.startup", &why)),
        };
        let runtime = match start_runtime() {
            Ok(runtime) => runtime,
            Err(why) => {
                let why = format!("start the threads of the task: {why}");
                return say(events::failure("failure.startup", &why));
            }
        };
        let view = Arc::new(TaskView::new(self.queue.clone(), self.settings.clone(), what));
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    ended = self.all(what, &view) => ended,
                    () = self.overdue() => Err(Early::Interrupted),
                }
            })
        }));
        runtime.shutdown_timeout(PATIENCE);
        let failure = match ended {
            Ok(Ok(()) | Err(Early::Interrupted)) => String::new(),
            Ok(Err(Early::Said(why))) => why,
            Ok(Err(Early::Startup(why))) => {
                say(events::failure("failure.startup", &why));
                String::new()
            }
            Ok(Err(Early::NoSession(why))) => return say(events::failure("failure.startup", &why)),
            Err(panic) => {
                let why = defect(&*panic);
                say(match view.subject() {
                    Some(subject) => subject.event("failure.measurement", &[("failure", &why)]),
                    None => events::failure("failure.startup", &why),
                });
                why
            }
        };
        self.queue.end(Some(view.end(&failure)));
    }

    /// Until a run that was interrupted should have ended.
    async fn overdue(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(IN_ORDER).await;
    }

    /// What the future comes to, unless the task is interrupted first.
    async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T, Early> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Early::Interrupted),
            value = future => Ok(value),
        }
    }

    /// The same for what keeps its thread.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Early> {
        let done = self.unless_stopped(tokio::task::spawn_blocking(work)).await?;
        match done {
            Ok(value) => Ok(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Early::Interrupted),
            },
        }
    }

    async fn all(&self, what: What, view: &Arc<TaskView>) -> Result<(), Early> {
        let device = Arc::new(TaskDevice::new(self.shared.phone.clone(), &self.settings));
        self.may_go_on(&device)?;
        let (settings, shared, telling) = (self.settings.clone(), self.shared.clone(), view.clone());
        let mut prepared = self
            .blocking(move || prepare(what, &settings, &shared, &telling))
            .await??;
        self.queue
            .push(events::progress(0.1, "the modules and the registries are read"));
        self.may_go_on(&device)?;
        let place = self.place(&prepared, view).await?;
        self.may_go_on(&device)?;
        if !self.settings.options.no_collector {
            let why = "this probe can not submit measurements yet: set `options.no_collector`, and keep them on this device";
            self.queue.push(events::failure("failure.report_create", why));
            return Err(Early::Said(String::new()));
        }
        let mut source = None;
        if what == What::CheckIn {
            let (settings, shared, telling) = (self.settings.clone(), self.shared.clone(), view.clone());
            let (locations, policy) = (place.locations.clone(), prepared.policy.clone());
            let Prepared { catalog, feeds, .. } = prepared;
            let checked_in = self
                .blocking(move || {
                    let mut tell = |line: String| telling.log(Level::Warning, &line);
                    let ring0 = policy.settings.registry.ring0;
                    checkin::check_in(
                        &settings,
                        &shared.phone,
                        &locations,
                        (catalog, feeds),
                        ring0,
                        &mut tell,
                    )
                })
                .await?
                .map_err(Early::Startup)?;
            view.log(
                Level::Info,
                &format!(
                    "runs {}: {}",
                    checked_in.chosen.how.for_people(),
                    name(&checked_in.chosen)
                ),
            );
            source = Some(checked_in.chosen.source());
            prepared = Prepared {
                catalog: checked_in.catalog,
                feeds: checked_in.feeds,
                script: Some((checked_in.parsed.script, checked_in.chosen.sha256())),
                home: prepared.home,
                config: prepared.config,
                policy: prepared.policy,
                software: prepared.software,
            };
        }
        let mut watch = Watch::new(prepared.feeds).map_err(|error| Early::Startup(error.to_string()))?;
        if let Some(source) = source {
            watch = watch.with_script(source);
        }
        prepared.catalog.watched_by(watch);
        let Some((script, digest)) = prepared.script else {
            return Ok(());
        };
        let probe = Probe {
            catalog: Arc::new(prepared.catalog),
            policy: prepared.policy,
            net: prepared.config,
            transcripts: None,
            state_dir: Some(prepared.home.modules()),
            software: prepared.software,
            device: device.clone(),
        };
        let mut keeper = Keeper {
            view: view.clone(),
            report: report(&self.settings.report_file, view).map_err(Early::Startup)?,
        };
        let done = probe
            .run_script(
                &script,
                &digest,
                &place.provider,
                view.clone(),
                &mut keeper,
                &self.stop,
            )
            .await;
        let why = match done {
            Ok(_) => device.objected(),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            self.queue
                .push(events::event("x_status.stopped", &json!({"why": why})));
            return Err(Early::Said(why));
        }
        Ok(())
    }

    /// Nothing goes over a network, or empties a battery, that the settings want to spare.
    fn may_go_on(&self, device: &TaskDevice) -> Result<(), Early> {
        let Some(why) = device.objection() else {
            return Ok(());
        };
        self.queue
            .push(events::event("x_status.stopped", &json!({"why": why})));
        Err(Early::Said(why))
    }

    /// Where the probe is, and the events about that.
    async fn place(&self, prepared: &Prepared, view: &TaskView) -> Result<Place, Early> {
        let finding = place::find(
            &self.settings,
            prepared.config.clone(),
            self.shared.phone.changes(),
            self.changes_at_start,
        );
        let place = match self.unless_stopped(finding).await? {
            Ok(place) => place,
            Err(why) => {
                for what in ["ip", "asn", "cc", "resolver"] {
                    self.queue
                        .push(events::failure(&format!("failure.{what}_lookup"), &why));
                }
                return Err(Early::Said(String::new()));
            }
        };
        for problem in &place.problems {
            view.log(Level::Warning, problem);
        }
        let (location, geoip_db) = (place.primary(), self.settings.geoip_db());
        self.queue.push(events::progress(0.2, "the location is known"));
        self.queue.push(events::progress(0.3, "the resolver is known"));
        self.queue.push(events::geoip_lookup(&location, &geoip_db));
        self.queue.push(events::resolver_lookup(&location, &geoip_db));
        Ok(place)
    }
}

/// Read everything that can be read before it is known where the probe is.
fn prepare(what: What, settings: &Settings, shared: &Shared, view: &TaskView) -> Result<Prepared, Early> {
    if !settings.proxy.is_empty() {
        return Err(Early::NoSession(
            "`Proxy`: this probe can not measure through a proxy, and does not go around one silently: leave it out".into(),
        ));
    }
    let home = Home::of(settings).map_err(Early::NoSession)?;
    let of_user = settings.of_user().map_err(Early::NoSession)?;
    settings.sources().map_err(Early::NoSession)?;
    place::given(settings).map_err(Early::NoSession)?;
    let software = settings.software().map_err(Early::NoSession)?;
    let config = home::net_config(settings).map_err(Early::NoSession)?;
    let engine = shared.engine(&home).map_err(Early::NoSession)?;
    let mut feeds = home.feeds(settings).map_err(Early::NoSession)?;
    home::recall(&mut feeds, &mut |line| view.log(Level::Warning, &line)).map_err(Early::NoSession)?;
    let catalog = home::catalog(engine, &feeds);
    let text = match what {
        What::Nettest => Some(script::of_nettest(settings).map_err(Early::Startup)?),
        What::Script => Some(settings.script.clone()),
        What::CheckIn => None,
    };
    let mut script = None;
    if let Some(text) = text {
        let named = if what == What::Nettest {
            &settings.name
        } else {
            "`script`"
        };
        let parsed = home::parse(named, text.as_bytes(), &catalog).map_err(Early::Startup)?;
        if let Some(why) = script::unknown(&parsed).filter(|_| what == What::Nettest) {
            return Err(Early::Startup(why));
        }
        script = Some((parsed.script, sha256(text.as_bytes())));
    }
    let options = RunOptions {
        mode: settings.run_type,
        max_runtime: settings.max_runtime(),
        ..RunOptions::default()
    };
    Ok(Prepared {
        home,
        config,
        policy: Policy {
            settings: of_user,
            options,
        },
        software,
        catalog,
        feeds,
        script,
    })
}

/// The file that measurements are appended to, if the settings name one.
fn report(path: &Path, view: &TaskView) -> Result<Option<Report>, String> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    // Whoever reads at the other end of something else may let a task wait for ever.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(format!(
            "`report_file`: {} is there and is no file",
            path.display()
        ));
    }
    let (report, torn) = Report::open(path).map_err(|error| format!("`report_file`: {error}"))?;
    if let Some(torn) = torn {
        let (path, torn) = (path.display(), torn.display());
        view.log(
            Level::Warning,
            &format!("{path} ended in a torn line, which is in {torn} now"),
        );
    }
    Ok(Some(report))
}

/// What sockets and timers wait on.
fn start_runtime() -> Result<Runtime, String> {
    let build = || {
        runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("netsonde-task")
            .enable_all()
            .build()
    };
    // Tokio panics where the system gives it no thread.
    match catch_unwind(build) {
        Ok(runtime) => runtime.map_err(|error| error.to_string()),
        Err(panic) => Err(said(&*panic).to_owned()),
    }
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked")
}

/// What is told of a panic.
pub(crate) fn defect(panic: &(dyn Any + Send)) -> String {
    format!("a defect of the probe: {}; please report it", said(panic))
}

/// Do something, and end the events after it, whatever becomes of it.
fn to_the_end(queue: &Queue, body: impl FnOnce()) {
    let last = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => None,
        Err(panic) => Some(events::failure("failure.startup", &defect(&*panic))),
    };
    queue.end(last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_ends_the_task() {
        let queue = Queue::default();
        to_the_end(&queue, || panic!("it is {}", "dark"));
        let told = queue.pop().unwrap();
        assert!(
            told.contains("failure.startup") && told.contains("it is dark"),
            "{told}"
        );
        assert_eq!(queue.pop(), None);
    }
}
