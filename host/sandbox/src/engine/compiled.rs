//! An engine that compiles: any module becomes machine code, which is kept for the next start.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmtime::component::Component;

use super::Engine;
use crate::cache::Cache;
use crate::compiling::compiling;
use crate::digest::Digest;
use crate::error::{EngineError, ModuleError};
use crate::inspect::{self, Inside};
use crate::manifest::Manifest;
use crate::module::Module;
use crate::settings;

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

/// What an engine that compiles keeps.
#[derive(Default)]
pub(super) struct Compiled {
    cache: Option<Cache>,
    made: AtomicU64,
    found: AtomicU64,
}

impl Engine {
    /// Set an engine up. A cache directory that is not private is not used, and the log says so.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let mut settings = settings::native();
        compiling(&mut settings);
        Self::start(&settings, |wasmtime| Compiled {
            cache: config.cache_dir.and_then(|dir| Cache::open(&dir, wasmtime)),
            ..Compiled::default()
        })
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
        let cache = self.0.compiled.cache.as_ref()?;
        let artefact = cache.load(digest)?;
        // SAFETY: `deserialize` asks for bytes that `Component::serialize` of a compatible engine made. The cache
        // hands out bytes only if their HMAC, under a key that only this user can read, says that this program stored
        // them, for this module and for an engine with the same fingerprint. They are in memory of our own, so
        // nobody can change them after the check.
        #[expect(unsafe_code, reason = "compiled code can not be checked by looking at it")]
        let component = unsafe { Component::deserialize(&self.0.wasmtime, artefact) };
        match component {
            Ok(component) => {
                self.0.compiled.found.fetch_add(1, Relaxed);
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
        self.0.compiled.made.fetch_add(1, Relaxed);
        if let Some(cache) = &self.0.compiled.cache {
            cache.store(digest, &component.serialize().map_err(failed)?);
        }
        Ok(component)
    }

    /// How many modules were compiled, and how many the cache had.
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            compiled: self.0.compiled.made.load(Relaxed),
            loaded_from_cache: self.0.compiled.found.load(Relaxed),
        }
    }
}
