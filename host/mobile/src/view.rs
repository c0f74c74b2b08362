//! What the interpreter says, as OONI's events.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::future::{BoxFuture, FutureExt as _};
use netsonde_data::Measurement;
use netsonde_probe::report::{Report, SaveError, Saver};
use netsonde_probe::view::{Event, Level, Measured, Thing, View};
use serde_json::{Value, json};

use crate::events::{self, Subject};
use crate::queue::Queue;
use crate::settings::{Settings, What};

/// Where looking things up ends on the progress bar and measuring starts.
const MEASURING: f64 = 0.4;

/// What happened so far.
#[derive(Debug, Default)]
struct State {
    /// The target that is being measured.
    subject: Option<Subject>,
    /// How many targets the nettest has, and how far the progress bar is.
    targets: usize,
    percentage: f64,
    uploaded: f64,
    downloaded: f64,
    /// Measurements that are kept, and were not told yet.
    kept: VecDeque<String>,
}

/// Turns the interpreter's events into those of a task.
pub(crate) struct TaskView {
    queue: Arc<Queue>,
    settings: Arc<Settings>,
    what: What,
    started: Instant,
    state: Mutex<State>,
}

impl TaskView {
    pub(crate) fn new(queue: Arc<Queue>, settings: Arc<Settings>, what: What) -> Self {
        let state = State {
            percentage: MEASURING,
            ..State::default()
        };
        Self {
            queue,
            settings,
            what,
            started: Instant::now(),
            state: state.into(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The target that is being measured.
    pub(crate) fn subject(&self) -> Option<Subject> {
        self.state().subject.clone()
    }

    /// `status.end`.
    pub(crate) fn end(&self, failure: &str) -> String {
        let state = self.state();
        events::event(
            "status.end",
            &json!({"downloaded_kb": state.downloaded, "failure": failure, "uploaded_kb": state.uploaded}),
        )
    }

    pub(crate) fn log(&self, level: Level, message: &str) {
        if self.settings.wants(level) {
            self.queue.push(events::log(level, message));
        }
    }

    fn is_script(&self) -> bool {
        self.what != What::Nettest
    }

    fn progress(&self, value: f64, message: &str) {
        let mut state = self.state();
        // Of a nettest, nothing goes back; a script draws as it likes.
        let before = if self.is_script() { 0.0 } else { state.percentage };
        let percentage = (MEASURING + (1.0 - MEASURING) * value).max(before);
        state.percentage = percentage;
        // What OONI's engine does not say of a nettest alone is not said: that it begins and ends.
        if self.is_script() || state.subject.is_some() {
            drop(state);
            self.queue.push(events::progress(percentage, message));
        }
    }

    fn target_started(&self, subject: Subject, category: &str, country: &str) {
        let start = subject.event(
            "status.measurement_start",
            &[("category_code", category), ("country_code", country)],
        );
        self.queue.push(start);
        let mut state = self.state();
        if let Some(input) = subject.input.as_ref().filter(|input| !input.is_empty()) {
            if !self.is_script() {
                state.percentage = self.before(subject.index, state.targets).max(state.percentage);
            }
            let message = format!("processing {input}");
            self.queue.push(events::progress(state.percentage, &message));
        }
        state.subject = Some(subject);
    }

    /// How far a nettest is before one of its targets.
    fn before(&self, index: usize, targets: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody gives 2^52 inputs")]
        let of_targets = index as f64 / targets.max(1) as f64;
        let fraction = match self.settings.max_runtime() {
            Some(limit) => self.started.elapsed().as_secs_f64() / (1.1 * limit.as_secs_f64()),
            None => of_targets,
        };
        MEASURING + (1.0 - MEASURING) * fraction.min(1.0)
    }

    fn measured(&self, measured: &Measured) {
        let kilobytes = |what: &str| {
            let used = measured.usage.get(what).map(|used| used.get(0).unwrap_or(used));
            used.and_then(Value::as_f64).unwrap_or_default() / 1024.0
        };
        let mut state = self.state();
        state.uploaded += kilobytes("bytes_sent");
        state.downloaded += kilobytes("bytes_received");
        state.subject = None;
        let json_str = state.kept.pop_front().unwrap_or_default();
        drop(state);
        if let Some(error) = &measured.error {
            self.log(Level::Warning, &format!("{}: {error}", measured.nettest_name));
        }
        let subject = Subject {
            index: measured.index,
            input: measured.input.clone(),
        };
        self.queue
            .push(subject.event("measurement", &[("json_str", &json_str)]));
        self.queue.push(subject.event("status.measurement_done", &[]));
    }

    /// A measurement that the file did not take, after which the run ends.
    fn told(&self, json_str: &str) {
        if let Some(subject) = self.subject() {
            self.queue
                .push(subject.event("measurement", &[("json_str", json_str)]));
        }
    }

    fn broken(&self, nettest: &str, index: Option<usize>, input: Option<String>, why: &str) {
        self.state().subject = None;
        match index {
            Some(index) => {
                let subject = Subject { index, input };
                self.queue
                    .push(subject.event("failure.measurement", &[("failure", why)]));
            }
            // It does not load.
            None => self.skipped(Thing::Nettest, nettest, why),
        }
    }

    fn skipped(&self, thing: Thing, name: &str, why: &str) {
        let message = format!("skipped the {} {name}: {why}", thing.as_str());
        if self.is_script() {
            self.queue.push(events::event(
                "x_status.skipped",
                &json!({"thing": thing, "name": name, "why": why}),
            ));
        } else if thing != Thing::MiniNettest {
            return self.queue.push(events::failure("failure.startup", &message));
        }
        self.log(Level::Warning, &message);
    }

    fn of_script(&self, key: &str, value: &Value) {
        if self.is_script() {
            self.queue.push(events::event(key, value));
        }
    }
}

impl View for TaskView {
    fn event(&self, event: Event) {
        match event {
            Event::Card { suite_name } => self.of_script("x_status.card", &json!({"suite_name": suite_name})),
            Event::Progress { value, message } => self.progress(value, &message),
            Event::NettestStarted {
                suite_name,
                nettest_name,
                targets,
                ..
            } => {
                self.state().targets = targets;
                self.of_script(
                    "x_status.nettest_start",
                    &json!({"suite_name": suite_name, "nettest_name": nettest_name, "targets": targets}),
                );
            }
            Event::TargetStarted {
                index,
                input,
                category_code,
                country_code,
                ..
            } => self.target_started(
                Subject { index, input },
                category_code.as_deref().unwrap_or_default(),
                country_code.as_deref().unwrap_or_default(),
            ),
            Event::Log {
                module,
                level,
                message,
            } => self.log(level, &format!("{module}: {message}")),
            Event::Skipped { thing, name, why } => self.skipped(thing, &name, &why),
            Event::Measurement(measured) => self.measured(&measured),
            Event::Broken {
                nettest_name,
                index,
                input,
                why,
            } => self.broken(&nettest_name, index, input, &why),
            Event::NettestEnded { nettest_name } => {
                self.of_script("x_status.nettest_done", &json!({"nettest_name": nettest_name}));
            }
            Event::Stopped { why } => self.log(Level::Info, &format!("stopped: {why}")),
            _ => {}
        }
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.queue.room().boxed()
    }
}

/// Keeps measurements for the events about them, and in a file if the settings name one.
pub(crate) struct Keeper {
    pub(crate) view: Arc<TaskView>,
    pub(crate) report: Option<Report>,
}

impl Saver for Keeper {
    fn save(&mut self, measurement: &Measurement) -> Result<(), SaveError> {
        let text = serde_json::to_string(measurement)?;
        let saved = self.report.as_mut().map(|report| report.save(measurement));
        match saved.transpose() {
            Ok(_) => self.view.state().kept.push_back(text),
            Err(error) => {
                // The app has it at least.
                self.view.told(&text);
                return Err(error);
            }
        }
        Ok(())
    }
}
