//! From what a guest returned and what the host observed to test keys.

use std::sync::Arc;

use netsonde_data::scrub::Scrubber;
use netsonde_sandbox::{Engine, Module, RunError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::assemble;

/// Why a run came to no result, for `x_netsonde_error`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Broken {
    kind: String,
    pub(super) message: String,
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

fn scrub(scrubber: &Scrubber, keys: &mut Map<String, Value>) {
    let mut value = Value::Object(std::mem::take(keys));
    scrubber.measurement(&mut value);
    if let Value::Object(scrubbed) = value {
        *keys = scrubbed;
    }
}
