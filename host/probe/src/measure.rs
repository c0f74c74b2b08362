//! One measurement: run the guest, join what it returned with what the host observed, scrub, reduce, sign the envelope.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use netsonde_data::location::Locations;
use netsonde_data::measurement::Measurement;
use netsonde_data::scrub::Scrubber;
use netsonde_net::dns::configured_resolvers;
use netsonde_net::{Clock, Destinations, Meter, Net, NetConfig, Pace, Trace};
use netsonde_sandbox::{Budget, Engine, GuestView, Module, Run, RunError, RunInfo, TranscriptSink, Usage};
use netsonde_script::{MiniTarget, NettestRun, TestHelper};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::assemble;
use crate::destinations::destinations;
use crate::location::{self, LocationError};
use crate::probe::Probe;
use crate::transcript::{self, Facts, ModuleFacts};
use crate::view::{Measured, Refused};

/// The software that made a measurement, as OONI's pipeline reads it.
pub const SOFTWARE_NAME: &str = "netsonde";
/// Its version.
pub const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// The level of OONI's engine whose data format we write. Consumers treat anything below 3.17.2 as an old format.
const ENGINE_VERSION: &str = "3.31.0";

/// What all measurements of a run have in common.
pub(crate) struct Context {
    run_id: String,
    script_sha256: String,
    locations: Locations,
    /// Every address that the probe had since the run began, also before it moved.
    addresses: BTreeSet<IpAddr>,
    /// How fast the measurements of the run may go anywhere, together.
    pace: Pace,
}

impl Context {
    pub(crate) fn new(locations: Locations, script_sha256: String) -> Self {
        let addresses = locations.probe_addresses().into_iter().collect();
        Self {
            run_id: uuid::Uuid::new_v4().to_string(),
            script_sha256,
            locations,
            addresses,
            pace: Pace::default(),
        }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The provider found the location anew. Another address on the same network is fine and is scrubbed from now on;
    /// another network is not.
    pub(crate) fn moved_to(&mut self, locations: Locations) -> Result<(), LocationError> {
        self.addresses.extend(locations.probe_addresses());
        let (old, new) = (
            location::primary(&self.locations)?,
            location::primary(&locations)?,
        );
        if old.probe_asn != new.probe_asn || old.probe_cc != new.probe_cc {
            return Err(LocationError::Changed {
                old_asn: old.probe_asn,
                old_cc: old.probe_cc.clone(),
                new_asn: new.probe_asn,
                new_cc: new.probe_cc.clone(),
            });
        }
        self.locations = locations;
        Ok(())
    }

    pub(crate) fn experiment(&self, nettest: &NettestRun, module: &Arc<Module>) -> Experiment {
        let started = SystemTime::now();
        let report_id = nettest
            .report_id
            .clone()
            .unwrap_or_else(|| self.report_id(nettest, started));
        Experiment {
            module: module.clone(),
            nettest: nettest.clone(),
            report_id,
            started,
        }
    }

    /// A report id of our own, in the form that collectors accept, where the script gives none.
    fn report_id(&self, nettest: &NettestRun, at: SystemTime) -> String {
        let (cc, asn) = location::primary(&self.locations)
            .map_or(("ZZ", 0), |location| (location.country(), location.probe_asn));
        let time = jiff::Timestamp::try_from(at)
            .unwrap_or_default()
            .strftime("%Y%m%dT%H%M%SZ");
        let name = nettest.nettest_name.replace('_', "");
        let nonce: String = uuid::Uuid::new_v4()
            .simple()
            .to_string()
            .chars()
            .take(16)
            .collect();
        format!("{time}_{name}_{cc}_{asn}_n1_{nonce}")
    }
}

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
        let transcripts = probe.transcripts.as_ref();
        let folder = transcripts.and_then(|transcripts| transcripts.measurement(self.nettest_name()));
        let run = Run {
            net: net.clone(),
            grants: probe.grants(),
            budget,
            info: RunInfo {
                annotations: annotations.clone(),
                feature_flags: self.nettest.feature_flags.clone(),
                test_helpers: helpers(&self.nettest.test_helpers),
                software: format!("{SOFTWARE_NAME}/{SOFTWARE_VERSION}"),
                resolver_address: context
                    .locations
                    .primary()
                    .and_then(|location| location.resolver_ip),
                configured_resolvers: configured_resolvers(),
            },
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
            let message =
                format!("the guest may not write `{key}`, which belongs to the observations; ignored");
            view.log(&manifest.name, netsonde_sandbox::Level::Warning, &message);
        }

        let summary = summary(&manifest.summary_keys.texts, &test_keys);
        let anomaly = anomaly(&manifest.summary_keys.anomaly, &test_keys);
        let envelope = Envelope {
            context,
            started,
            runtime,
            input: input.as_deref(),
            options: &options,
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
            input,
            anomaly,
            summary,
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
            software: format!("{SOFTWARE_NAME}/{SOFTWARE_VERSION}"),
            error,
            probe_addresses: envelope.context.addresses.clone(),
            observations,
            instances,
        }
    }

    fn annotations(&self, target: &Target) -> BTreeMap<String, String> {
        let mut annotations = self.nettest.annotations.clone();
        annotations.extend(target.annotations.clone());
        annotations
    }

    /// The measurement without its test keys.
    fn envelope(&self, envelope: &Envelope<'_>, annotations: BTreeMap<String, String>) -> Measurement {
        let manifest = self.module.manifest();
        let mut builder = Measurement::builder(&manifest.name, &manifest.version.to_string())
            .software(SOFTWARE_NAME, SOFTWARE_VERSION)
            .times(self.started, envelope.started, envelope.runtime)
            .input(envelope.input.unwrap_or_default())
            .report_id(&self.report_id)
            .extensions(manifest.extensions.clone())
            .annotations(annotations)
            // Annotations of the engine come last: a script can not forge them.
            .annotations(self.engine_annotations(envelope));
        if let Some(location) = envelope.context.locations.primary() {
            builder = builder.location(location);
        }
        builder.build()
    }

    fn engine_annotations(&self, envelope: &Envelope<'_>) -> Vec<(String, String)> {
        let mut annotations = vec![
            ("architecture", std::env::consts::ARCH.to_owned()),
            ("engine_name", SOFTWARE_NAME.to_owned()),
            ("engine_version", ENGINE_VERSION.to_owned()),
            ("platform", std::env::consts::OS.to_owned()),
            ("netsonde_run_id", envelope.context.run_id.clone()),
            ("netsonde_script_sha256", envelope.context.script_sha256.clone()),
            ("netsonde_module_sha256", self.module.digest().to_string()),
        ];
        if envelope
            .options
            .as_object()
            .is_some_and(|options| !options.is_empty())
        {
            annotations.push(("netsonde_options", envelope.options.to_string()));
        }
        annotations
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

/// What the envelope of a measurement needs to know, apart from its test keys.
struct Envelope<'a> {
    context: &'a Context,
    started: SystemTime,
    runtime: Duration,
    input: Option<&'a str>,
    options: &'a Value,
}

/// Why a run came to no result, for `x_netsonde_error`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Broken {
    kind: String,
    message: String,
}

impl From<&RunError> for Broken {
    fn from(error: &RunError) -> Self {
        Self {
            kind: kind(error).to_owned(),
            message: error.to_string(),
        }
    }
}

/// Test keys, and what went wrong on the way.
pub(crate) struct Keyed {
    pub(crate) test_keys: Map<String, Value>,
    /// Of `run` or of `reduce`.
    pub(crate) error: Option<Broken>,
    /// Keys that the guest tried to write and that are the host's.
    pub(crate) refused: Vec<String>,
}

/// From what a guest returned and what the host observed to test keys. A replay makes them by this, too.
pub(crate) async fn test_keys(
    engine: &Engine,
    module: &Arc<Module>,
    own: Result<Map<String, Value>, Broken>,
    observations: &Value,
    scrubber: &Scrubber,
) -> Result<Keyed, String> {
    let (own, mut error) = match own {
        Ok(own) => (own, None),
        Err(error) => (Map::new(), Some(error)),
    };
    let mut joined =
        assemble::join(own, observations).map_err(|error| format!("serialise observations: {error}"))?;
    scrub(scrubber, &mut joined.test_keys);
    if error.is_none() {
        let test_keys = Value::Object(std::mem::take(&mut joined.test_keys));
        let reduced = engine.reduce(module, &test_keys).await;
        if let Value::Object(test_keys) = test_keys {
            joined.test_keys = test_keys;
        }
        match reduced {
            Ok(mut top_level) => {
                scrub(scrubber, &mut top_level);
                assemble::merge(&mut joined, top_level);
            }
            Err(failed) => error = Some(Broken::from(&failed)),
        }
    }
    if let Some(error) = &error {
        joined.test_keys.insert(
            "x_netsonde_error".into(),
            json!({
                "kind": error.kind,
                "message": scrubber.text(&error.message),
                "module": module.manifest().name,
            }),
        );
    }
    Ok(Keyed {
        test_keys: joined.test_keys,
        error,
        refused: joined.refused,
    })
}

/// The word for an error in `x_netsonde_error`.
fn kind(error: &RunError) -> &'static str {
    match error {
        RunError::Trap { .. } => "trap",
        RunError::Timeout { .. } => "timeout",
        RunError::BudgetExceeded { .. } => "budget_exceeded",
        RunError::InvalidJson { .. } => "invalid_json",
        RunError::Guest { .. } => "guest",
        _ => "host",
    }
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

fn scrub(scrubber: &Scrubber, keys: &mut Map<String, Value>) {
    let mut value = Value::Object(std::mem::take(keys));
    scrubber.measurement(&mut value);
    if let Value::Object(scrubbed) = value {
        *keys = scrubbed;
    }
}

/// The envelope too can hold an address: in an input, an annotation, an option.
fn scrubbed(scrubber: &Scrubber, measurement: &Measurement) -> Result<Measurement, String> {
    let mut value =
        serde_json::to_value(measurement).map_err(|error| format!("serialise a measurement: {error}"))?;
    scrubber.measurement(&mut value);
    serde_json::from_value(value).map_err(|error| format!("scrub a measurement: {error}"))
}

/// What a run might use; seconds and bytes.
fn granted(budget: &Budget) -> Value {
    json!({
        "wall_clock_s": budget.wall_clock.as_secs_f64(),
        "cpu_s": budget.cpu.as_secs_f64(),
        "memory": budget.memory,
        "handles": budget.handles,
        "log_lines": budget.log_lines,
        "connections": budget.net.connections,
        "queries": budget.net.queries,
        "bytes_sent": budget.net.bytes_sent,
        "bytes_received": budget.net.bytes_received,
        "observations": budget.net.observations,
        "addresses": budget.net.addresses,
        "ports": budget.net.ports,
    })
}

/// What a run used, each beside what it might have used where there is a limit.
fn usage(used: &Usage, budget: &Budget) -> Value {
    let mut usage = json!({
        "wall_clock_s": used.wall_clock.as_secs_f64(),
        "cpu_s": used.cpu.as_secs_f64(),
        "memory": used.peak_memory,
        "handles": used.peak_handles,
        "log_lines": used.log_lines,
        "connections": used.net.connections,
        "queries": used.net.queries,
        "bytes_sent": used.net.bytes_sent,
        "bytes_received": used.net.bytes_received,
        "observations": used.net.observations,
        "addresses": used.net.addresses,
        "ports": used.net.ports,
        "host_calls": used.host_calls,
        "host_call_bytes": used.host_call_bytes,
        "instances": used.instances,
    });
    if let (Value::Object(usage), Value::Object(granted)) = (&mut usage, granted(budget)) {
        for (what, most) in granted {
            usage
                .entry(what)
                .and_modify(|used| *used = json!([used.take(), most]));
        }
    }
    usage
}

/// Which destinations were refused; for the user, not for the measurement, because it says what the user's network is.
fn refused(net: &Net) -> Vec<Refused> {
    let (listed, more) = net.refusals();
    let others = (more > 0).then(|| Refused {
        transport: String::new(),
        destination: "others".to_owned(),
        why: "there were too many to list".to_owned(),
        times: more,
    });
    let listed = listed.into_iter().map(|refusal| Refused {
        transport: refusal.transport.to_string(),
        destination: refusal.destination,
        why: refusal.why.to_owned(),
        times: refusal.times,
    });
    listed.chain(others).collect()
}

fn summary(keys: &BTreeMap<String, String>, test_keys: &Map<String, Value>) -> Map<String, Value> {
    keys.keys()
        .filter_map(|key| Some((key.clone(), test_keys.get(key)?.clone())))
        .collect()
}

/// Whether one of the keys that tell an anomaly says so: `true`, or a failure that is not null. None where none of them
/// was computed.
fn anomaly(keys: &[String], test_keys: &Map<String, Value>) -> Option<bool> {
    let says = keys
        .iter()
        .filter_map(|key| test_keys.get(key))
        .map(|value| match value {
            Value::Bool(value) => *value,
            Value::Null => false,
            _ => true,
        });
    says.reduce(|any, one| any || one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anomaly_is_what_the_manifest_names() {
        let keys = ["blocking".to_owned(), "web_failure".to_owned()];
        let test_keys = |value: Value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        assert_eq!(anomaly(&keys, &test_keys(json!({}))), None);
        assert_eq!(
            anomaly(&keys, &test_keys(json!({"blocking": false, "web_failure": null}))),
            Some(false)
        );
        assert_eq!(
            anomaly(
                &keys,
                &test_keys(json!({"blocking": false, "web_failure": "eof_error"}))
            ),
            Some(true)
        );
        assert_eq!(anomaly(&keys, &test_keys(json!({"blocking": true}))), Some(true));
    }
}
