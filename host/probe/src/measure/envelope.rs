//! The envelope of a measurement: everything but its test keys.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use netsonde_data::measurement::Measurement;
use netsonde_data::scrub::Scrubber;
use serde_json::Value;

use super::{Context, Experiment, SOFTWARE_NAME, Target};
use crate::probe::Software;
use crate::watch::without_own;

/// The level of OONI's engine whose data format we write. Consumers treat anything below 3.17.2 as an old format.
pub(super) const ENGINE_VERSION: &str = "3.31.0";

/// What the envelope of a measurement needs to know, apart from its test keys.
pub(super) struct Envelope<'a> {
    pub(super) context: &'a Context,
    pub(super) software: &'a Software,
    /// What the device says.
    pub(super) device: BTreeMap<String, String>,
    pub(super) started: SystemTime,
    pub(super) runtime: Duration,
    pub(super) input: Option<&'a str>,
    pub(super) options: &'a Value,
    /// The test helper that answered.
    pub(super) helper: Option<&'a Value>,
    /// Where the script and the module are from, if registries say.
    pub(super) from: Vec<(&'static str, String)>,
}

impl Experiment {
    /// The script's annotations, and the target's above them.
    pub(super) fn annotations(&self, target: &Target) -> BTreeMap<String, String> {
        let mut annotations = self.nettest.annotations.clone();
        annotations.extend(target.annotations.clone());
        // What is not annotated here is not to be made up there.
        without_own(&mut annotations);
        annotations
    }

    /// The measurement without its test keys.
    pub(super) fn envelope(
        &self,
        envelope: &Envelope<'_>,
        annotations: BTreeMap<String, String>,
    ) -> Measurement {
        let manifest = self.module.manifest();
        let mut builder = Measurement::builder(&manifest.name, &manifest.version.to_string())
            .software(&envelope.software.name, &envelope.software.version)
            .times(self.started, envelope.started, envelope.runtime)
            .input(envelope.input.unwrap_or_default())
            .report_id(&self.report_id)
            .extensions(manifest.extensions.clone())
            .annotations(annotations)
            .annotations(envelope.device.clone())
            // Annotations of the engine come last: a script can not forge them.
            .annotations(self.engine_annotations(envelope));
        if let Some(helper) = envelope.helper {
            builder = builder.test_helper("backend", helper.clone());
        }
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
        annotations.extend(envelope.from.iter().cloned());
        annotations
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

/// The envelope too can hold an address: in an input, an annotation, an option.
pub(super) fn scrubbed(scrubber: &Scrubber, measurement: &Measurement) -> Result<Measurement, String> {
    let mut value =
        serde_json::to_value(measurement).map_err(|error| format!("serialise a measurement: {error}"))?;
    scrubber.measurement(&mut value);
    serde_json::from_value(value).map_err(|error| format!("scrub a measurement: {error}"))
}
