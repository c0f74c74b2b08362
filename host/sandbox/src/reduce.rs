//! From test keys joined with the observations to a nettest's top-level keys.
//!
//! A pure function: the instance is linked with imports that trap, and it is gone afterwards. So a live run, a replay
//! and an analysis of somebody else's measurement can not differ.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::RunError;
use crate::instance::{self, Stopped};
use crate::ledger::Ledger;
use crate::limits::Memory;
use crate::module::{Linked, Module};

/// There is nothing to wait for: only a machine that is busy with other things takes this long.
const WALL_CLOCK: Duration = Duration::from_mins(1);
const CPU: Duration = Duration::from_secs(5);

impl Engine {
    /// Call the guest's `reduce` with a measurement's test keys.
    ///
    /// Needs a tokio runtime with time.
    pub async fn reduce(
        &self,
        module: &Arc<Module>,
        test_keys: &Value,
    ) -> Result<Map<String, Value>, RunError> {
        let text = test_keys.to_string();
        let (engine, theirs) = (self.clone(), module.clone());
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move { reduce(&engine, &theirs, text).await });
        match task.join_next().await {
            Some(joined) => instance::flatten(module.name(), joined),
            None => Err(RunError::Host {
                module: module.name().to_owned(),
                detail: "no task".to_owned(),
            }),
        }
    }
}

async fn reduce(engine: &Engine, module: &Module, test_keys: String) -> Result<Map<String, Value>, RunError> {
    let Linked::Nettest { reduce: linked, .. } = &module.linked else {
        return Err(RunError::WrongKind {
            module: module.name().to_owned(),
            kind: module.kind(),
        });
    };
    let linked = linked.clone();
    let budget = Budget {
        cpu: CPU,
        memory: Budget::maximum().memory,
        ..Budget::default()
    };
    let ledger = Ledger::new(module.name(), budget, None);
    let memory = Memory::new(&ledger);
    let answer = instance::run(
        engine,
        &ledger,
        WALL_CLOCK,
        memory,
        |memory| memory,
        |store| {
            Box::pin(async move {
                let guest = linked
                    .instantiate_async(&mut *store)
                    .await
                    .map_err(Stopped::Starting)?;
                guest
                    .call_reduce(store, &test_keys)
                    .await
                    .map_err(Stopped::Running)
            })
        },
    )
    .await?;
    instance::object(module.name(), answer)
}
