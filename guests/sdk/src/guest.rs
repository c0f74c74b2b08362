//! The two kinds of guest as traits, and the way from them to the worlds of the contract.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::{mini_nettest, nettest};
use crate::steps::Patience;
use crate::{Failure, Outcome, Steps, Target};

/// A test as users know it. Export it with [`export_nettest!`](crate::export_nettest).
#[expect(async_fn_in_trait, reason = "a guest has one thread")]
pub trait Nettest {
    /// The options, which the host has checked against the manifest.
    type Options: DeserializeOwned;

    /// Measure one target; the test keys that only the guest knows. An error means that there is no measurement,
    /// because the input makes no sense: whatever the network did belongs into the test keys.
    async fn run(target: Target<Self::Options>) -> Result<Map<String, Value>, Failure>;

    /// From test keys joined with the observations to the top-level keys. Pure: no primitive may be called.
    fn reduce(test_keys: &Map<String, Value>) -> Result<Map<String, Value>, Failure>;
}

/// One reusable list of steps. Export it with [`export_mini_nettest!`](crate::export_mini_nettest).
#[expect(async_fn_in_trait, reason = "a guest has one thread")]
pub trait MiniNettest {
    /// The arguments, which the host has checked against the manifest.
    type With: DeserializeOwned;

    /// Run the steps; the output that the caller sees, a JSON object or null. An error is the first fatal failure, and
    /// part of the outcome.
    async fn run(with: Self::With, steps: &Steps) -> Result<Value, Failure>;
}

/// Implements a world for a guest.
#[doc(hidden)]
pub struct Export<T>(PhantomData<T>);

impl<T: Nettest> nettest::Guest for Export<T> {
    async fn run(target: String) -> Result<String, Failure> {
        let target = Target::read(&target).map_err(|error| malformed("target", &error))?;
        Ok(Value::Object(T::run(target).await?).to_string())
    }

    fn reduce(test_keys: String) -> Result<String, Failure> {
        let test_keys = serde_json::from_str(&test_keys).map_err(|error| malformed("test keys", &error))?;
        Ok(Value::Object(T::reduce(&test_keys)?).to_string())
    }
}

impl<T: MiniNettest> mini_nettest::Guest for Export<T> {
    async fn run(with: String) -> Result<Outcome, Failure> {
        let unread = |error: serde_json::Error| malformed("arguments", &error);
        let steps = serde_json::from_str::<Patience>(&with).map_err(unread)?.begin();
        let with = serde_json::from_str(&with).map_err(unread)?;
        let (failure, output) = match T::run(with, &steps).await {
            Ok(Value::Null) => (None, Value::Object(Map::new())),
            Ok(output) => (None, output),
            Err(failure) => (Some(failure), Value::Object(Map::new())),
        };
        Ok(Outcome {
            failure,
            transactions: steps.transactions(),
            output: output.to_string(),
        })
    }
}

fn malformed(what: &str, error: &dyn Display) -> Failure {
    Failure::top_level("invalid_argument", format!("read the {what}: {error}"))
}

/// Export a [`Nettest`] as the component's world.
#[macro_export]
macro_rules! export_nettest {
    ($guest:ident) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::Export<$guest>;
            $crate::bindings::nettest::export_world_nettest!(Exported with_types_in $crate::bindings::nettest);
        };
    };
}

/// Export a [`MiniNettest`] as the component's world.
#[macro_export]
macro_rules! export_mini_nettest {
    ($guest:ident) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::Export<$guest>;
            $crate::bindings::mini_nettest::export_world_mini_nettest!(
                Exported with_types_in $crate::bindings::mini_nettest
            );
        };
    };
}
