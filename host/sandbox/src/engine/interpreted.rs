//! An engine that interprets the preinstalled modules, and knows them by name alone.

use std::sync::Arc;

use super::Engine;
use crate::bytecode;
use crate::digest::Digest;
use crate::error::{EngineError, ModuleError};
use crate::manifest::Manifest;
use crate::module::Module;
use crate::settings;

impl Engine {
    /// Set an engine up that interprets.
    pub fn interpreter() -> Result<Self, EngineError> {
        let config = settings::interpreted().map_err(|error| EngineError(format!("{error:#}")))?;
        #[cfg(feature = "compiler")]
        let config = {
            let mut config = config;
            crate::compiling::compiling(&mut config);
            config
        };
        Self::start(
            &config,
            #[cfg(feature = "compiler")]
            |_| super::compiled::Compiled::default(),
        )
    }

    /// The names of the modules that are in this program as bytecode.
    pub fn preinstalled_names() -> impl Iterator<Item = &'static str> {
        bytecode::names()
    }

    /// What a preinstalled module says about itself, and the digest of the Wasm that its bytecode was made of.
    pub fn inspect_preinstalled(name: &str) -> Result<(Manifest, Digest), ModuleError> {
        bytecode::find(name)?.inspect()
    }

    /// Load a preinstalled module. Only an engine that interprets can.
    pub fn load_preinstalled(&self, name: &str) -> Result<Arc<Module>, ModuleError> {
        let found = bytecode::find(name)?;
        let (manifest, digest) = found.inspect()?;
        let component = found.component(self.wasmtime())?;
        Module::link(name, manifest, digest, &component).map(Arc::new)
    }
}
