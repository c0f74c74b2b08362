//! The engine: how guests are compiled and kept within bounds. One serves the whole process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmtime::component::Component;

use crate::cache::Cache;
use crate::error::{EngineError, ModuleError};
use crate::inspect::{self, Digest, Inside};
use crate::manifest::Manifest;
use crate::module::Module;
use crate::ticker::Ticker;

/// How an engine is set up.
#[derive(Clone, Debug, Default)]
pub struct EngineConfig {
    /// A directory for compiled modules, private to this user; it is created if need be. Without one, every start
    /// compiles.
    pub cache_dir: Option<PathBuf>,
}

/// How modules came to be compiled so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineStats {
    /// Compiled by this engine.
    pub compiled: u64,
    /// Taken from the cache.
    pub loaded_from_cache: u64,
}

/// Loads and runs guests. Clones are the same engine.
///
/// On a runtime with a single thread, give it `event_interval(1)`: a busy guest then delays others by one tick (5 ms)
/// and not by many.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    ticker: Ticker,
    cache: Option<Cache>,
    compiled: AtomicU64,
    loaded_from_cache: AtomicU64,
}

impl Engine {
    /// Set an engine up. A cache directory that is not private is not used, and the log says so.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let wasmtime =
            wasmtime::Engine::new(&settings()).map_err(|error| EngineError(format!("{error:#}")))?;
        let ticker = Ticker::start(&wasmtime).map_err(|error| EngineError(error.to_string()))?;
        let cache = config.cache_dir.and_then(|dir| Cache::open(&dir, &wasmtime));
        let (compiled, loaded_from_cache) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self(Arc::new(Inner {
            wasmtime,
            ticker,
            cache,
            compiled,
            loaded_from_cache,
        })))
    }

    /// Read a module's manifest and check what it imports and exports, without compiling it. `name` is what errors
    /// call the module.
    pub fn inspect(name: &str, wasm: &[u8]) -> Result<(Manifest, Digest), ModuleError> {
        let inside = Self::look_inside(name, wasm)?;
        Ok((inside.manifest, inside.digest))
    }

    /// The same, with all that the module says about itself.
    pub fn look_inside(name: &str, wasm: &[u8]) -> Result<Inside, ModuleError> {
        inspect::inspect(name, wasm)
    }

    /// Check a module and compile it, or take it from the cache. Takes time: call it where blocking is allowed.
    pub fn load(&self, name: &str, wasm: &[u8]) -> Result<Arc<Module>, ModuleError> {
        let (manifest, digest) = Self::inspect(name, wasm)?;
        let component = match self.cached(&digest) {
            Some(component) => component,
            None => self.compile(name, wasm, &digest)?,
        };
        Module::link(name, manifest, digest, &component).map(Arc::new)
    }

    fn cached(&self, digest: &Digest) -> Option<Component> {
        let cache = self.0.cache.as_ref()?;
        let artefact = cache.load(digest)?;
        // SAFETY: `deserialize` asks for bytes that `Component::serialize` of a compatible engine made. The cache
        // hands out bytes only if their HMAC, under a key that only this user can read, says that this program stored
        // them, for this module and for an engine with the same fingerprint. They are in memory of our own, so
        // nobody can change them after the check.
        #[expect(unsafe_code, reason = "compiled code can not be checked by looking at it")]
        let component = unsafe { Component::deserialize(&self.0.wasmtime, artefact) };
        match component {
            Ok(component) => {
                self.0.loaded_from_cache.fetch_add(1, Relaxed);
                Some(component)
            }
            Err(error) => {
                tracing::warn!(%digest, %error, "a compiled module does not fit this engine; compiling it again");
                cache.forget(digest);
                None
            }
        }
    }

    fn compile(&self, name: &str, wasm: &[u8], digest: &Digest) -> Result<Component, ModuleError> {
        let failed = |error: wasmtime::Error| ModuleError::Compile {
            module: name.to_owned(),
            detail: format!("{error:#}"),
        };
        let component = Component::from_binary(&self.0.wasmtime, wasm).map_err(failed)?;
        self.0.compiled.fetch_add(1, Relaxed);
        if let Some(cache) = &self.0.cache {
            cache.store(digest, &component.serialize().map_err(failed)?);
        }
        Ok(component)
    }

    /// How many modules were compiled, and how many the cache had.
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            compiled: self.0.compiled.load(Relaxed),
            loaded_from_cache: self.0.loaded_from_cache.load(Relaxed),
        }
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }
}

/// wasmtime's settings. All of them are part of the cache's fingerprint.
fn settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        // The same bits on every machine, so that a transcript replays.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true);
    config
}
