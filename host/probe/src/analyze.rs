//! Somebody's measurement, judged again: the same `reduce` as in a live run, on what was archived.

use netsonde_sandbox::{RunError, Verdict};
use serde_json::{Map, Value};

use crate::assemble::{self, Joined};
use crate::catalog::Catalog;
use crate::measure::{Short, not_yours};

/// What a measurement comes to.
#[derive(Debug)]
pub struct Analysis {
    /// The nettest.
    pub nettest_name: String,
    /// The measurement's input, if it has one.
    pub input: Option<String>,
    /// The top-level keys that `reduce` computed.
    pub keys: Map<String, Value>,
    /// The verdict of the manifest's readings on them, if there is one.
    pub verdict: Option<Verdict>,
    /// Why, in words; may be empty.
    pub says: Option<String>,
    /// What the user should know: the module tried to write an observation.
    pub notes: Vec<String>,
}

/// Why a measurement can not be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// It is not a measurement.
    #[error("analyze the measurement: {0}")]
    NotAMeasurement(&'static str),
    /// There is no module for it.
    #[error("analyze the measurement: {why}; known are {known}. Give a module for it with --module FILE")]
    Unknown {
        /// What is not known, or why it can not be used.
        why: String,
        /// The names of the nettests that are known.
        known: String,
    },
    /// The module can not read it.
    #[error("analyze the measurement: {0}")]
    Unreadable(RunError),
    /// The module broke.
    #[error("analyze the measurement: {0}")]
    Broken(RunError),
}

/// Compute the top-level keys of a measurement again.
///
/// Needs a tokio runtime with time.
pub async fn analyze(catalog: &Catalog, mut measurement: Value) -> Result<Analysis, AnalyzeError> {
    let wrong = AnalyzeError::NotAMeasurement;
    let Some(fields) = measurement.as_object_mut() else {
        return Err(wrong("it is not a JSON object"));
    };
    let Some(Value::String(name)) = fields.get("test_name") else {
        return Err(wrong("it has no `test_name`, which says what was measured"));
    };
    let name = name.clone();
    let input = fields.get("input").and_then(Value::as_str).map(str::to_owned);
    let Some(test_keys @ Value::Object(_)) = fields.get_mut("test_keys").map(Value::take) else {
        return Err(wrong("it has no `test_keys`, which hold what was observed"));
    };
    let module = catalog.nettest(&name).map_err(|why| AnalyzeError::Unknown {
        why,
        known: catalog.nettest_names().collect::<Vec<_>>().join(", "),
    })?;
    let reduced = catalog.engine().reduce(&module, &test_keys).await;
    let reduced = reduced.map_err(|error| match error {
        RunError::Guest { .. } => AnalyzeError::Unreadable(error),
        error => AnalyzeError::Broken(error),
    })?;
    let mut joined = Joined::default();
    assemble::merge(&mut joined, reduced);
    let mut all = match test_keys {
        Value::Object(test_keys) => test_keys,
        _ => Map::new(),
    };
    all.extend(joined.test_keys.clone());
    let short = Short::of(module.manifest(), &all, false);
    Ok(Analysis {
        nettest_name: name,
        input,
        keys: joined.test_keys,
        verdict: short.verdict,
        says: short.says,
        notes: joined.refused.iter().map(|key| not_yours(key)).collect(),
    })
}
