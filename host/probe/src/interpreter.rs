//! The interpreter: walks a checked script, asks settings and location, runs nettests, keeps measurements.
//!
//! One instruction after the other, one target after the other. Whatever a module does, the rest of the script goes
//! on; what ends a run early is the user, the clock, the location, or a report that can not be written.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use netsonde_sandbox::{Capability, Verdict};
use netsonde_script::{Instruction, NettestRun, Script, Targets};
use tokio_util::sync::CancellationToken;

use crate::location::{self, LocationError, LocationProvider};
use crate::measure::{Context, Experiment, Finished, Target};
use crate::probe::Probe;
use crate::report::{SaveError, Saver};
use crate::view::{Event, Summary, Thing, View};

/// Why a run ended with an error. What was measured before is in the report.
#[derive(Debug, thiserror::Error)]
pub enum RunScriptError {
    /// The probe does not know where it is.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The report could not take a measurement.
    #[error(transparent)]
    Save(#[from] SaveError),
}

impl Probe {
    /// Run a script to its end. Cancelling `stop` ends the run; the measurement under way is given up then, because an
    /// interrupted operation says nothing about the network.
    pub async fn run_script(
        &self,
        script: &Script,
        digest: &str,
        location: &dyn LocationProvider,
        view: Arc<dyn View>,
        saver: &mut dyn Saver,
        stop: &CancellationToken,
    ) -> Result<Summary, RunScriptError> {
        let locations = location.locations();
        location::primary(&locations)?;
        let context = Arc::new(Context::new(locations, digest.to_owned()));
        view.event(Event::ScriptStarted {
            run_id: context.run_id().to_owned(),
            script_sha256: digest.to_owned(),
        });
        let mut run = Run {
            probe: self,
            location,
            view,
            saver,
            stop,
            started: Instant::now(),
            context,
            range: Range::default(),
            suite_on: true,
            summary: Summary::default(),
        };
        for instruction in &script.instructions {
            if run.must_stop() {
                break;
            }
            run.instruction(instruction).await?;
        }
        let Run { view, summary, .. } = run;
        view.event(Event::ScriptEnded(summary));
        Ok(summary)
    }
}

/// The part of a suite's progress bar that the nettests of a stretch of the script fill.
#[derive(Debug, Clone, Copy)]
struct Range {
    initial: f64,
    max: f64,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            initial: 0.0,
            max: 1.0,
        }
    }
}

impl Range {
    fn value(self, fraction: f64) -> f64 {
        fraction
            .clamp(0.0, 1.0)
            .mul_add(self.max - self.initial, self.initial)
    }
}

struct Run<'a> {
    probe: &'a Probe,
    location: &'a dyn LocationProvider,
    view: Arc<dyn View>,
    saver: &'a mut dyn Saver,
    stop: &'a CancellationToken,
    started: Instant,
    context: Arc<Context>,
    range: Range,
    suite_on: bool,
    summary: Summary,
}

impl Run<'_> {
    async fn instruction(&mut self, instruction: &Instruction) -> Result<(), RunScriptError> {
        let policy = &self.probe.policy;
        match instruction {
            Instruction::DrawCard { suite_name } => {
                self.range = Range::default();
                match policy.suite(suite_name) {
                    Ok(()) => {
                        self.suite_on = true;
                        self.view.event(Event::Card {
                            suite_name: suite_name.clone(),
                        });
                    }
                    Err(_) => self.suite_on = false,
                }
            }
            Instruction::SetProgressBar {
                initial_value,
                max_value,
                suite_name,
            } => {
                if self.draws(suite_name.as_deref()) {
                    self.range = Range {
                        initial: *initial_value,
                        max: *max_value,
                    };
                    self.progress(0.0, "");
                }
            }
            Instruction::SetProgressBarValue { suite_name, value } => {
                if self.draws(suite_name.as_deref()) {
                    self.view.event(Event::Progress {
                        value: *value,
                        message: String::new(),
                    });
                }
            }
            Instruction::RunNettest(nettest) => self.nettest(nettest).await?,
            Instruction::Unknown { name, why } => self.skip(Thing::Instruction, name, why),
        }
        Ok(())
    }

    /// Whether an instruction to draw has effect: the suite that it names, or else the current one, must be on.
    fn draws(&self, suite: Option<&str>) -> bool {
        suite.map_or(self.suite_on, |suite| self.probe.policy.suite(suite).is_ok())
    }

    fn progress(&self, fraction: f64, message: &str) {
        self.view.event(Event::Progress {
            value: self.range.value(fraction),
            message: message.to_owned(),
        });
    }

    fn skip(&mut self, thing: Thing, name: &str, why: &str) {
        self.summary.skipped += 1;
        self.view.event(Event::Skipped {
            thing,
            name: name.to_owned(),
            why: why.to_owned(),
        });
    }

    /// Whether the run is over before the script's end; says so once.
    fn must_stop(&mut self) -> bool {
        if self.summary.stopped {
            return true;
        }
        let limit = self.probe.policy.options.max_runtime;
        let why = if self.stop.is_cancelled() {
            "interrupted".to_owned()
        } else if let Some(limit) = limit.filter(|limit| self.started.elapsed() >= *limit) {
            format!("the maximum runtime of {} s is over", limit.as_secs_f64())
        } else {
            return false;
        };
        self.summary.stopped = true;
        self.view.event(Event::Stopped { why });
        true
    }

    async fn nettest(&mut self, nettest: &NettestRun) -> Result<(), RunScriptError> {
        let name = &nettest.nettest_name;
        if let Err(why) = &nettest.known {
            self.skip(Thing::Nettest, name, why);
            return Ok(());
        }
        if let Err(why) = self.probe.policy.nettest(&nettest.suite_name, name) {
            self.skip(Thing::Nettest, name, &why);
            return Ok(());
        }
        if let Err(why) = self.probe.catalog.may_run(name) {
            self.skip(Thing::Nettest, name, &why);
            return Ok(());
        }
        let catalog = self.probe.catalog.clone();
        let loading = name.clone();
        // Loading may compile: not on a thread that sockets wait for.
        let module = tokio::task::spawn_blocking(move || {
            let module = catalog.nettest(&loading)?;
            if module.manifest().capabilities.contains_key(&Capability::Mini) {
                catalog.load_minis();
            }
            Ok(module)
        })
        .await
        .unwrap_or_else(|error| Err(format!("load module `{name}`: {error}")));
        let module = match module {
            Ok(module) => module,
            Err(why) => {
                self.broken(name, None, why);
                return Ok(());
            }
        };
        let targets = self.targets(nettest);
        let experiment = self.context.experiment(nettest, &module);
        let (budget, destinations) = experiment.asks_for();
        self.view.event(Event::NettestStarted {
            suite_name: nettest.suite_name.clone(),
            nettest_name: name.clone(),
            targets: targets.len(),
            budget,
            destinations,
        });
        self.all(&experiment, targets).await?;
        if !self.summary.stopped {
            self.progress(1.0, "");
        }
        self.view.event(Event::NettestEnded {
            nettest_name: name.clone(),
        });
        Ok(())
    }

    /// The targets to measure; the others are reported as skipped here.
    fn targets(&mut self, nettest: &NettestRun) -> Vec<Target> {
        match &nettest.targets {
            Targets::Mini(minis) => {
                let mut known = Vec::new();
                for mini in minis {
                    match &mini.skipped {
                        None => known.push(mini),
                        Some(why) => self.skip(Thing::MiniNettest, &mini.run, why),
                    }
                }
                if known.is_empty() && !minis.is_empty() {
                    self.skip(
                        Thing::Nettest,
                        &nettest.nettest_name,
                        "none of its mini nettests can run here",
                    );
                    return Vec::new();
                }
                vec![Target::minis(&known)]
            }
            Targets::Generic(generic) => {
                let mut known = Vec::new();
                for target in generic {
                    match &target.skipped {
                        None => known.push(Target::generic(target)),
                        Some(why) => {
                            let name = target.input.as_deref().unwrap_or(&nettest.nettest_name);
                            self.skip(Thing::Target, name, why);
                        }
                    }
                }
                known
            }
            Targets::Unchecked => Vec::new(),
        }
    }

    /// Ask the provider whether the location still holds. Report ids and the script itself belong to the place that
    /// they were made for, so a probe that moved ends the run.
    fn check_location(&mut self) -> Result<(), RunScriptError> {
        if !self.location.is_invalidated() {
            return Ok(());
        }
        let result = self
            .location
            .refresh()
            .and_then(|()| Arc::make_mut(&mut self.context).moved_to(self.location.locations()));
        result.map_err(|error| {
            self.summary.stopped = true;
            self.view.event(Event::Stopped {
                why: error.to_string(),
            });
            self.view.event(Event::ScriptEnded(self.summary));
            error.into()
        })
    }

    /// Measure the targets, as many at a time as the options say. What was found is kept as it comes.
    async fn all(&mut self, experiment: &Experiment, targets: Vec<Target>) -> Result<(), RunScriptError> {
        let (probe, stop) = (self.probe, self.stop);
        let at_a_time = probe.policy.options.parallelism.map_or(1, NonZeroUsize::get);
        let bar = Arc::new(Bar::new(self.range, targets.len()));
        let mut waiting = targets.into_iter().enumerate();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < at_a_time && waiting.len() > 0 && !self.must_stop() {
                let Some((index, target)) = waiting.next() else {
                    break;
                };
                self.check_location()?;
                let view = Arc::new(GuestEvents {
                    view: self.view.clone(),
                    bar: bar.clone(),
                    index,
                    skipped: 0.into(),
                });
                let context = self.context.clone();
                running.push(async move {
                    let input = target.input().map(str::to_owned);
                    let measuring = experiment.measure(&context, probe, target, view.clone());
                    let outcome = tokio::select! {
                        biased;
                        () = stop.cancelled() => None,
                        outcome = measuring => Some(outcome),
                    };
                    view.bar.done(index);
                    (input, view.skipped.load(Ordering::Relaxed), outcome)
                });
            }
            let Some((input, skipped, outcome)) = running.next().await else {
                return Ok(());
            };
            self.summary.skipped += skipped;
            match outcome {
                Some(outcome) => self.keep(experiment, input, outcome)?,
                None => _ = self.must_stop(),
            }
        }
    }

    /// Keep a measurement, or say why there is none.
    fn keep(
        &mut self,
        experiment: &Experiment,
        input: Option<String>,
        outcome: Result<Finished, String>,
    ) -> Result<(), RunScriptError> {
        match outcome {
            Ok(mut finished) => {
                if self.location.is_invalidated() {
                    finished.measurement.annotations.insert(
                        "netsonde_location_invalidated".into(),
                        "while this measurement was made".into(),
                    );
                }
                self.saver.save(&finished.measurement).inspect_err(|error| {
                    self.view.event(Event::Stopped {
                        why: error.to_string(),
                    });
                })?;
                self.summary.measurements += 1;
                let verdict = finished.measured.verdict;
                self.summary.anomalies += usize::from(verdict == Some(Verdict::Anomaly));
                self.summary.unmeasured += usize::from(verdict == Some(Verdict::Unmeasured));
                self.summary.broken += usize::from(finished.measured.error.is_some());
                self.summary.refused += finished.measured.refused.len();
                self.view.event(Event::Measurement(Box::new(finished.measured)));
            }
            Err(why) => self.broken(experiment.nettest_name(), input, why),
        }
        Ok(())
    }

    fn broken(&mut self, nettest: &str, input: Option<String>, why: String) {
        self.summary.broken += 1;
        self.view.event(Event::Broken {
            nettest_name: nettest.to_owned(),
            input,
            why,
        });
    }
}

/// How far the targets of a nettest are, together.
struct Bar {
    range: Range,
    /// Of each target.
    fractions: Mutex<Vec<f64>>,
}

impl Bar {
    fn new(range: Range, targets: usize) -> Self {
        Self {
            range,
            fractions: vec![0.0; targets].into(),
        }
    }

    /// A target is this far, and the value of the progress bar is this.
    fn set(&self, index: usize, fraction: f64) -> f64 {
        let mut fractions = self.fractions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = fractions.get_mut(index) {
            // Nothing goes back, and what is no number is nothing.
            *known = known.max(fraction.clamp(0.0, 1.0));
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a script has far fewer than 2^52 targets"
        )]
        let total = fractions.len().max(1) as f64;
        self.range.value(fractions.iter().sum::<f64>() / total)
    }

    fn done(&self, index: usize) {
        self.set(index, 1.0);
    }
}

/// What a guest shows goes to the view, as part of what all targets show.
struct GuestEvents {
    view: Arc<dyn View>,
    bar: Arc<Bar>,
    /// Of the target.
    index: usize,
    skipped: AtomicUsize,
}

impl netsonde_sandbox::GuestView for GuestEvents {
    fn progress(&self, fraction: f64, message: &str) {
        let value = self.bar.set(self.index, fraction);
        self.view.event(Event::Progress {
            value,
            message: message.to_owned(),
        });
    }

    fn log(&self, module: &str, level: netsonde_sandbox::Level, message: &str) {
        self.view.event(Event::Log {
            module: module.to_owned(),
            level: level.into(),
            message: message.to_owned(),
        });
    }

    fn mini_skipped(&self, name: &str, why: &str) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.view.event(Event::Skipped {
            thing: Thing::MiniNettest,
            name: name.to_owned(),
            why: why.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_share_the_range_of_their_nettest() {
        let range = Range {
            initial: 0.5,
            max: 1.0,
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let bar = Bar::new(range, 2);
        assert!(close(bar.set(0, 0.0), 0.5));
        bar.done(0);
        assert!(close(bar.set(1, 0.0), 0.75));
        assert!(close(bar.set(1, 2.0), 1.0));
    }

    #[test]
    fn targets_that_are_measured_at_a_time_never_set_the_bar_back() {
        let bar = Bar::new(Range::default(), 4);
        assert!(bar.set(3, 0.8) < bar.set(0, 0.4));
        let before = bar.set(3, f64::NAN);
        assert!(before <= bar.set(3, 0.1));
    }
}
