//! Steps that keep values from run to run.

use netsonde_guest::{Failure, Json, cache, json};
use serde::Deserialize;

/// `{"do": "keep", "key": "seen", "value": "once"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keep {
    key: String,
    value: String,
}

/// `{"do": "recall", "key": "seen"}`, and `forget`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    key: String,
}

impl Keep {
    pub(crate) async fn take(&self) -> Result<Json, Failure> {
        cache::set(self.key.clone(), self.value.clone().into_bytes()).await?;
        Ok(json!({}))
    }
}

impl Key {
    pub(crate) async fn recall(&self) -> Result<Json, Failure> {
        let value = cache::get(self.key.clone()).await?;
        let text = value.map(|value| String::from_utf8_lossy(&value).into_owned());
        Ok(json!({ "value": text }))
    }

    pub(crate) async fn forget(&self) -> Result<Json, Failure> {
        cache::remove(self.key.clone()).await?;
        Ok(json!({}))
    }
}

/// `{"do": "keys"}`.
pub(crate) async fn keys() -> Result<Json, Failure> {
    Ok(json!({ "keys": cache::keys().await? }))
}
