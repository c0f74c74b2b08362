//! The engine: how guests become runnable and are kept within bounds. One serves the whole process.
//!
//! There are two kinds. One makes machine code of any module (`compiled`, with the feature `compiler`); the other interprets the
//! bytecode of the preinstalled ones (`interpreted`, with the feature `pulley`). A program that is built without `compiler` has no
//! way from bytes to a module that runs.

use std::sync::Arc;

use crate::error::EngineError;
use crate::ticker::Ticker;

#[cfg(feature = "compiler")]
mod compiled;
#[cfg(feature = "pulley")]
mod interpreted;

#[cfg(feature = "compiler")]
pub use compiled::{EngineConfig, EngineStats};

#[cfg(all(target_os = "ios", feature = "compiler"))]
compile_error!("on iOS nothing may be compiled: build with --no-default-features --features pulley");

#[cfg(not(any(feature = "compiler", feature = "pulley")))]
compile_error!(
    "an engine needs the feature `compiler`, to compile modules, or `pulley`, to interpret the preinstalled ones"
);

/// Loads and runs guests. Clones are the same engine.
///
/// On a runtime with a single thread, give it `event_interval(1)`: a busy guest then delays others by one tick (5 ms)
/// and not by many.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    ticker: Ticker,
    #[cfg(feature = "compiler")]
    compiled: compiled::Compiled,
}

impl Engine {
    fn start(
        config: &wasmtime::Config,
        #[cfg(feature = "compiler")] compiled: impl FnOnce(&wasmtime::Engine) -> compiled::Compiled,
    ) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(config).map_err(|error| EngineError(format!("{error:#}")))?;
        let ticker = Ticker::start(&wasmtime).map_err(|error| EngineError(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            #[cfg(feature = "compiler")]
            compiled: compiled(&wasmtime),
            wasmtime,
            ticker,
        })))
    }

    /// Whether guests are interpreted, and not machine code.
    pub fn interprets(&self) -> bool {
        self.wasmtime().is_pulley()
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }
}
