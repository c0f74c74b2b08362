//! One measurement: run the guest, join what it returned with what the host observed, scrub, reduce, sign the envelope.
//!
//! `context` is what all measurements of a run share. What becomes of a guest's run is in `keys` (test keys), `envelope` (all
//! around them), `spent` (budgets and refusals) and `short` (for the summary).

mod context;
mod envelope;
mod keys;
mod short;
mod spent;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use netsonde_data::measurement::Measurement;
use netsonde_data::scrub::Scrubber;
use netsonde_net::dns::configured_resolvers;
use netsonde_net::{Clock, Destinations, Meter, Net, NetConfig, Trace};
use netsonde_sandbox::{Budget, GuestView, Module, Run, RunError, RunInfo, TranscriptSink};
use netsonde_script::{MiniTarget, NettestRun, TestHelper};
use serde_json::{Value, json};

pub(crate) use context::Context;
use envelope::{ENGINE_VERSION, Envelope, scrubbed};
pub(crate) use keys::{Broken, Keyed, test_keys};
pub(crate) use short::Short;
use spent::{granted, refused, usage};

use crate::destinations::destinations;
use crate::probe::Probe;
use crate::transcript::{self, Facts, ModuleFacts};
use crate::view::Measured;
use crate::watch::without_own;

/// The software that made a measurement where no other is named, as OONI's pipeline reads it.
pub const SOFTWARE_NAME: &str = "netsonde";
/// Its version.
pub const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// One `nettest:run` instruction: its measurements share a report and a start time.
pub(crate) struct Experiment {
    module: Arc<Module>,
    nettest: NettestRun,
    report_id: String,
    started: SystemTime,
}

/// One target, as the guest gets it.
pub(crate) struct Target {
    document: Value,
    annotations: BTreeMap<String, String>,
}

impl Target {
    /// A target of a nettest that measures one input at a time.
    pub(crate) fn generic(target: &netsonde_script::Target) -> Self {
        Self {
            document: json!({
                "input": target.input,
                "options": target.options,
                "attributes": target.attributes,
                "targets": [],
            }),
            annotations: target.annotations.clone(),
        }
    }

    /// The mini nettests of a nettest that runs them all in one measurement.
    pub(crate) fn minis(minis: &[&MiniTarget]) -> Self {
        let targets: Vec<Value> = minis.iter().map(|mini| mini.to_json()).collect();
        Self {
            document: json!({"input": null, "options": {}, "attributes": {}, "targets": targets}),
            annotations: BTreeMap::new(),
        }
    }

    pub(crate) fn input(&self) -> Option<&str> {
        self.document.get("input").and_then(Value::as_str)
    }

    /// What the script says of the target.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.document.get("attributes")?.get(name)?.as_str()
    }
}

/// A measurement, whole and in short.
pub(crate) struct Finished {
    pub(crate) measurement: Measurement,
    pub(crate) measured: Measured,
}

impl Experiment {
    pub(crate) fn nettest_name(&self) -> &str {
        &self.nettest.nettest_name
    }

    /// Measure a target. The error says, and names the module, why there is no measurement.
    pub(crate) async fn measure(
        &self,
        context: &Context,
        probe: &Probe,
        index: usize,
        target: Target,
        view: Arc<dyn GuestView>,
    ) -> Result<Finished, String> {
        let manifest = self.module.manifest();
        let budget = Budget::granted(&manifest.budget, &Budget::maximum());
        let clock = Clock::start();
        let started = clock.started_at();
        let trace = Trace::new(clock.clone());
        let meter = Meter::new(budget.net.clone());
        let config = self.net_config(context, probe, &target)?;
        let net = Net::new(&config, trace.clone(), Arc::new(meter)).map_err(|error| error.to_string())?;
        let annotations = self.annotations(&target);
        let device = of_device(probe);
        let transcripts = probe.transcripts.as_ref();
        let folder = transcripts.and_then(|transcripts| transcripts.measurement(self.nettest_name()));
        let run = Run {
            net: net.clone(),
            grants: probe.grants(),
            budget,
            info: self.info(context, probe, &annotations),
            minis: probe.catalog.clone(),
            view: view.clone(),
            transcripts: folder.clone().map(|folder| folder as Arc<dyn TranscriptSink>),
            state_dir: probe.state_dir.clone(),
        };
        let input = target.input().map(str::to_owned);
        let options = target.document.get("options").cloned().unwrap_or_default();
        let engine = probe.catalog.engine();
        let report = engine.run(&self.module, target.document, run).await;
        let runtime = clock.now();

        let own = match report.result {
            // The guest itself says that there is nothing to measure.
            Err(refused @ (RunError::Guest { .. } | RunError::NotGranted { .. })) => {
                if let Some(folder) = folder {
                    folder.discard();
                }
                return Err(refused.to_string());
            }
            own => own.map_err(|error| Broken::from(&error)),
        };
        let scrubber = Scrubber::new(context.addresses.iter().copied());
        let mut observations = trace.take_observations();
        probe.net.owners.annotate(&mut observations.queries);
        let observations =
            serde_json::to_value(observations).map_err(|error| format!("serialise observations: {error}"))?;
        let broken = own.as_ref().err().cloned();
        let Keyed {
            test_keys,
            error,
            refused: not_theirs,
        } = test_keys(engine, &self.module, own, &observations, &scrubber).await?;
        for key in &not_theirs {
            view.log(&manifest.name, netsonde_sandbox::Level::Warning, &not_yours(key));
        }

        let short = Short::of(manifest, &test_keys, error.is_some());
        let envelope = Envelope {
            context,
            software: &probe.software,
            device,
            started,
            runtime,
            input: input.as_deref(),
            options: &options,
            helper: report.helper.as_ref(),
            from: probe.catalog.watch().annotations(self.module.digest()),
        };
        let usage = usage(&report.usage, &report.budget);
        let mut measurement = scrubbed(&scrubber, &self.envelope(&envelope, annotations))?;
        measurement
            .annotations
            .insert("netsonde_usage".into(), usage.to_string());
        measurement.test_keys = Value::Object(test_keys);
        if let (Some(folder), Some(transcripts)) = (&folder, &probe.transcripts) {
            let facts = self.facts(&envelope, broken, observations, folder.instances());
            if let Err(error) = folder.finish(&facts, &measurement.test_keys) {
                transcripts.lose(&error);
            }
        }
        let measured = Measured {
            nettest_name: self.nettest.nettest_name.clone(),
            index,
            input,
            anomaly: short.anomaly,
            verdict: short.verdict,
            says: short.says,
            summary: short.summary,
            error: error.map(|error| error.message),
            runtime: runtime.as_secs_f64(),
            usage,
            refused: refused(&net),
        };
        Ok(Finished {
            measurement,
            measured,
        })
    }

    /// What the guest is told.
    fn info(&self, context: &Context, probe: &Probe, annotations: &BTreeMap<String, String>) -> RunInfo {
        let location = context.locations.primary();
        RunInfo {
            annotations: annotations.clone(),
            feature_flags: self.nettest.feature_flags.clone(),
            test_helpers: helpers(&self.nettest.test_helpers),
            software: probe.software.to_string(),
            // As OONI's clients write it: helpers under load serve them first.
            user_agent: format!("{} ooniprobe-engine/{ENGINE_VERSION}", probe.software),
            resolver_address: location.and_then(|location| location.resolver_ip),
            configured_resolvers: configured_resolvers(),
        }
    }

    /// What the guest may use and where it may go, for people to read before it starts.
    pub(crate) fn asks_for(&self) -> (Value, BTreeMap<String, String>) {
        let manifest = self.module.manifest();
        let budget = Budget::granted(&manifest.budget, &Budget::maximum());
        let reasons = manifest.destinations.iter();
        let destinations = reasons
            .map(|(class, reason)| (class.to_string(), reason.clone()))
            .collect();
        (granted(&budget), destinations)
    }

    /// The network as this measurement may use it.
    fn net_config(&self, context: &Context, probe: &Probe, target: &Target) -> Result<NetConfig, String> {
        let destinations = match &probe.net.destinations {
            Destinations::Unrestricted => Destinations::Unrestricted,
            Destinations::Ruled(_) => destinations(
                self.module.manifest(),
                &target.document,
                &self.nettest.test_helpers,
                probe.policy.allowed_destinations(),
                &context.addresses,
                &context.pace,
            )?,
        };
        Ok(NetConfig {
            destinations,
            ..probe.net.clone()
        })
    }

    /// What a recording says about the measurement.
    fn facts(
        &self,
        envelope: &Envelope<'_>,
        error: Option<Broken>,
        observations: Value,
        instances: Vec<String>,
    ) -> Facts {
        let manifest = self.module.manifest();
        Facts {
            recording: transcript::FORMAT,
            nettest_name: self.nettest.nettest_name.clone(),
            module: ModuleFacts {
                name: manifest.name.clone(),
                version: manifest.version.to_string(),
                sha256: self.module.digest().to_owned(),
            },
            input: envelope.input.map(str::to_owned),
            started_at: jiff::Timestamp::try_from(envelope.started)
                .unwrap_or_default()
                .to_string(),
            runtime: envelope.runtime.as_secs_f64(),
            software: envelope.software.to_string(),
            error,
            probe_addresses: envelope.context.addresses.clone(),
            observations,
            instances,
        }
    }
}

/// What the device says of a measurement that starts. What the probe says itself is not its to say.
fn of_device(probe: &Probe) -> BTreeMap<String, String> {
    let mut annotations = probe.device.annotations();
    without_own(&mut annotations);
    annotations
}

/// What a guest hears that wrote a key of the archive.
pub(crate) fn not_yours(key: &str) -> String {
    format!("the guest may not write `{key}`, which belongs to the observations; ignored")
}

/// Test helpers as the guest reads them.
fn helpers(helpers: &BTreeMap<String, Vec<TestHelper>>) -> BTreeMap<String, Value> {
    let list = |list: &Vec<TestHelper>| -> Vec<Value> {
        list.iter()
            .map(|helper| match &helper.front {
                Some(front) => json!({"address": helper.address, "type": helper.kind, "front": front}),
                None => json!({"address": helper.address, "type": helper.kind}),
            })
            .collect()
    };
    helpers
        .iter()
        .map(|(kind, helpers)| (kind.clone(), list(helpers).into()))
        .collect()
}
