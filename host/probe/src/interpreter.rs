//! The interpreter: walks a checked script, asks settings and location, runs nettests, keeps measurements.
//!
//! One instruction after the other, one target after the other. Whatever a module does, the rest of the script goes
//! on; what ends a run early is the user, the clock, the location, or a report that can not be written.

mod progress;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
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
use progress::{Bar, GuestEvents, Range};

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
            targets_started: 0,
            summary: Summary::default(),
        };
        let done = run.instructions(&script.instructions).await;
        let Run { view, summary, .. } = run;
        view.event(Event::ScriptEnded(summary));
        done.map(|()| summary)
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
    targets_started: usize,
    summary: Summary,
}

impl Run<'_> {
    async fn instructions(&mut self, instructions: &[Instruction]) -> Result<(), RunScriptError> {
        for instruction in instructions {
            if self.must_stop() {
                break;
            }
            self.instruction(instruction).await?;
        }
        Ok(())
    }

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
        } else if let Some(objection) = self.probe.device.objection() {
            objection
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
                self.broken(name, None, None, why);
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
        let done = self.all(&experiment, targets).await;
        if done.is_ok() && !self.summary.stopped {
            self.progress(1.0, "");
        }
        self.view.event(Event::NettestEnded {
            nettest_name: name.clone(),
        });
        done
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

    /// Whether the next target may start. Who watches and where the probe is are asked when nothing is being measured, which could
    /// not wait for the answers.
    async fn may_start(&mut self, idle: bool) -> Result<bool, RunScriptError> {
        if idle {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = self.view.ready() => {}
            }
            // Whoever is to start nothing asks nobody either.
            if self.must_stop() {
                return Ok(false);
            }
            self.check_location().await?;
        } else if self.location.is_invalidated() {
            return Ok(false);
        }
        Ok(!self.must_stop())
    }

    /// Ask the provider whether the location still holds. Report ids and the script itself belong to the place that
    /// they were made for, so a probe that moved ends the run. Stopping the run gives the answer up.
    async fn check_location(&mut self) -> Result<(), RunScriptError> {
        while self.location.is_invalidated() {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                refreshed = self.location.refresh() => self.moved(refreshed)?,
            }
        }
        Ok(())
    }

    fn moved(&mut self, refreshed: Result<(), LocationError>) -> Result<(), RunScriptError> {
        let result =
            refreshed.and_then(|()| Arc::make_mut(&mut self.context).moved_to(self.location.locations()));
        result.map_err(|error| {
            self.summary.stopped = true;
            self.view.event(Event::Stopped {
                why: error.to_string(),
            });
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
            while running.len() < at_a_time && waiting.len() > 0 && self.may_start(running.is_empty()).await?
            {
                let Some((index, target)) = waiting.next() else {
                    break;
                };
                let started = self.started(experiment, &target);
                let view = Arc::new(GuestEvents {
                    view: self.view.clone(),
                    bar: bar.clone(),
                    index,
                    skipped: 0.into(),
                });
                let context = self.context.clone();
                running.push(async move {
                    let input = target.input().map(str::to_owned);
                    let measuring = experiment.measure(&context, probe, started, target, view.clone());
                    let outcome = tokio::select! {
                        biased;
                        () = stop.cancelled() => None,
                        outcome = measuring => Some(outcome),
                    };
                    view.bar.done(index);
                    (started, input, view.skipped.load(Ordering::Relaxed), outcome)
                });
            }
            let Some((started, input, skipped, outcome)) = running.next().await else {
                return Ok(());
            };
            self.summary.skipped += skipped;
            match outcome {
                Some(outcome) => self.keep(experiment, started, input, outcome)?,
                None => _ = self.must_stop(),
            }
        }
    }

    /// Say that a target is about to be measured. Its index is returned.
    fn started(&mut self, experiment: &Experiment, target: &Target) -> usize {
        let index = self.targets_started;
        self.targets_started += 1;
        let attribute = |name| target.attribute(name).map(str::to_owned);
        self.view.event(Event::TargetStarted {
            nettest_name: experiment.nettest_name().to_owned(),
            index,
            input: target.input().map(str::to_owned),
            category_code: attribute("category_code"),
            country_code: attribute("country_code"),
        });
        index
    }

    /// Keep a measurement, or say why there is none.
    fn keep(
        &mut self,
        experiment: &Experiment,
        index: usize,
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
            Err(why) => self.broken(experiment.nettest_name(), Some(index), input, why),
        }
        Ok(())
    }

    fn broken(&mut self, nettest: &str, index: Option<usize>, input: Option<String>, why: String) {
        self.summary.broken += 1;
        self.view.event(Event::Broken {
            nettest_name: nettest.to_owned(),
            index,
            input,
            why,
        });
    }
}
