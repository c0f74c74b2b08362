//! The modules of this probe: the preinstalled ones, those installed from registries and those given by file, found by name,
//! loaded when first needed, if no registry says otherwise.

#[cfg(feature = "compiler")]
use std::borrow::Cow;
use std::collections::BTreeMap;
#[cfg(feature = "compiler")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use netsonde_sandbox::{Digest, Engine, InputPolicy, Kind, Manifest, MiniSource, Module, ModuleError};
use netsonde_script::{Vocabulary, VocabularyError};

use crate::watch::Watch;

/// Where a module came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into the probe.
    Preinstalled,
    /// Given as a file.
    File(PathBuf),
    /// Installed from the registry of this name.
    Installed {
        /// The name that the registry has here.
        registry: String,
    },
}

/// A module that the probe knows of; it may turn out to be none.
pub struct Entry {
    /// The name that scripts use, without version.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// What its manifest says and its SHA-256, or why it can not be used. Names the module.
    pub manifest: Result<(Manifest, Digest), String>,
    code: Code,
    loaded: OnceLock<Result<Arc<Module>, String>>,
}

/// What a module is made of.
enum Code {
    /// Wasm, which is compiled.
    #[cfg(feature = "compiler")]
    Wasm(Cow<'static, [u8]>),
    /// The bytecode of its name in this program.
    #[cfg(feature = "pulley")]
    Bytecode,
}

impl Code {
    fn inspect(&self, name: &str) -> Result<(Manifest, Digest), ModuleError> {
        match self {
            #[cfg(feature = "compiler")]
            Self::Wasm(wasm) => Engine::inspect(name, wasm),
            #[cfg(feature = "pulley")]
            Self::Bytecode => Engine::inspect_preinstalled(name),
        }
    }

    fn load(&self, engine: &Engine, name: &str) -> Result<Arc<Module>, ModuleError> {
        match self {
            #[cfg(feature = "compiler")]
            Self::Wasm(wasm) => engine.load(name, wasm),
            #[cfg(feature = "pulley")]
            Self::Bytecode => engine.load_preinstalled(name),
        }
    }
}

impl Entry {
    fn new(fallback: &str, origin: Origin, code: Code) -> Self {
        let manifest = code.inspect(fallback).map_err(|error| error.to_string());
        let name = manifest
            .as_ref()
            .map_or_else(|_| fallback.to_owned(), |(manifest, _)| manifest.name.clone());
        Self {
            name,
            origin,
            manifest,
            code,
            loaded: OnceLock::new(),
        }
    }

    /// Whether the registries let it run; the error names the module.
    fn check(&self, watch: &Watch) -> Result<(), String> {
        let Ok((_, digest)) = &self.manifest else {
            return Ok(());
        };
        let refused = |why| format!("module `{}` does not run: {why}", self.name);
        watch.module(&self.origin, digest.as_str()).map_err(refused)
    }

    /// Load it, if the registries let it run. That is asked each time, also when it was loaded before.
    fn load(&self, engine: &Engine, watch: &Watch) -> Result<Arc<Module>, String> {
        self.check(watch)?;
        self.loaded
            .get_or_init(|| {
                self.manifest.as_ref().map_err(Clone::clone)?;
                self.code
                    .load(engine, &self.name)
                    .map_err(|error| error.to_string())
            })
            .clone()
    }
}

/// The modules of this probe.
pub struct Catalog {
    engine: Engine,
    watch: Watch,
    nettests: BTreeMap<String, Entry>,
    minis: BTreeMap<String, Entry>,
}

impl Catalog {
    /// The preinstalled modules: as Wasm, or as bytecode where the engine interprets. Nothing is compiled yet.
    pub fn preinstalled(engine: Engine) -> Self {
        let mut catalog = Self {
            engine,
            watch: Watch::default(),
            nettests: BTreeMap::new(),
            minis: BTreeMap::new(),
        };
        for (name, code) in preinstalled(&catalog.engine) {
            catalog.add(name, Origin::Preinstalled, code);
        }
        catalog
    }

    /// Add a module from a file, in place of one of the same name. A file that is no module is kept under the name of
    /// the file, so that a script which names it hears what is wrong with it.
    #[cfg(feature = "compiler")]
    pub fn add_file(&mut self, path: &Path, wasm: Vec<u8>) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        self.add(&name, Origin::File(path.to_owned()), Code::Wasm(Cow::Owned(wasm)));
    }

    /// Add a module that is installed from a registry, in place of one of the same name.
    #[cfg(feature = "install")]
    pub fn add_installed(&mut self, registry: &str, name: &str, wasm: Vec<u8>) {
        let registry = registry.to_owned();
        self.add(name, Origin::Installed { registry }, Code::Wasm(Cow::Owned(wasm)));
    }

    /// Ask these registries, from now on, before any module is handed out.
    pub fn watched_by(&mut self, watch: Watch) {
        self.watch = watch;
    }

    /// What the registries say.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Whether the registries let a nettest run, and why not.
    pub(crate) fn may_run(&self, nettest: &str) -> Result<(), String> {
        self.watch.nettest(nettest)?;
        self.nettests
            .get(nettest)
            .map_or(Ok(()), |entry| entry.check(&self.watch))
    }

    fn add(&mut self, name: &str, origin: Origin, code: Code) {
        let entry = Entry::new(name, origin, code);
        let mini = matches!(&entry.manifest, Ok((manifest, _)) if manifest.kind == Kind::MiniNettest);
        let kind = if mini { &mut self.minis } else { &mut self.nettests };
        kind.insert(entry.name.clone(), entry);
    }

    /// Nettests, then mini nettests, each by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.nettests.values().chain(self.minis.values())
    }

    /// The names of the nettests.
    pub(crate) fn nettest_names(&self) -> impl Iterator<Item = &str> {
        self.nettests.keys().map(String::as_str)
    }

    /// What the script parser must know of the modules.
    pub fn vocabulary(&self) -> Result<Vocabulary, VocabularyError> {
        let mut vocabulary = Vocabulary::new();
        for entry in self.nettests.values() {
            match &entry.manifest {
                Ok((manifest, _)) => vocabulary.add_nettest(
                    &entry.name,
                    manifest.version.major,
                    match manifest.input {
                        InputPolicy::None => netsonde_script::InputPolicy::None,
                        InputPolicy::Optional => netsonde_script::InputPolicy::Optional,
                        InputPolicy::Required => netsonde_script::InputPolicy::Required,
                    },
                    manifest.options.as_ref(),
                )?,
                // Known, so that it is not skipped as unknown: why it can not be used says more.
                Err(_) => {
                    vocabulary.add_nettest(&entry.name, 0, netsonde_script::InputPolicy::Optional, None)?;
                }
            }
        }
        for entry in self.minis.values() {
            if let Ok((manifest, _)) = &entry.manifest {
                vocabulary.add_mini_nettest(&entry.name, manifest.version.major, manifest.target.as_ref())?;
            }
        }
        Ok(vocabulary)
    }

    /// Load a nettest; the error names the module.
    pub fn nettest(&self, name: &str) -> Result<Arc<Module>, String> {
        let entry = self
            .nettests
            .get(name)
            .ok_or_else(|| format!("nettest `{name}` is not known here"))?;
        entry.load(&self.engine, &self.watch)
    }

    /// Load a mini nettest, whatever its version; the error names the module.
    pub(crate) fn mini_of_any_version(&self, name: &str) -> Result<Arc<Module>, String> {
        let entry = self
            .minis
            .get(name)
            .ok_or_else(|| format!("mini nettest `{name}` is not known here"))?;
        entry.load(&self.engine, &self.watch)
    }

    /// Load every mini nettest, so that none is compiled while something is being measured.
    pub fn load_minis(&self) {
        for entry in self.minis.values() {
            if let Err(error) = entry.load(&self.engine, &self.watch) {
                tracing::warn!(module = entry.name, %error, "a mini nettest does not load");
            }
        }
    }

    /// The engine that runs the modules.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The modules that are part of this program.
type Preinstalled = Vec<(&'static str, Code)>;

/// Those of them that the engine can run.
fn preinstalled(engine: &Engine) -> Preinstalled {
    if engine.interprets() { bytecode() } else { wasm() }
}

#[cfg(feature = "pulley")]
fn bytecode() -> Preinstalled {
    Engine::preinstalled_names()
        .map(|name| (name, Code::Bytecode))
        .collect()
}

#[cfg(not(feature = "pulley"))]
fn bytecode() -> Preinstalled {
    Vec::new()
}

#[cfg(feature = "compiler")]
fn wasm() -> Preinstalled {
    netsonde_preinstalled::GUESTS
        .iter()
        .map(|guest| (guest.name, Code::Wasm(Cow::Borrowed(guest.wasm))))
        .collect()
}

#[cfg(not(feature = "compiler"))]
fn wasm() -> Preinstalled {
    Vec::new()
}

impl MiniSource for Catalog {
    fn mini(&self, name: &str) -> Result<Arc<Module>, String> {
        let (bare, version) = name.split_once('@').unwrap_or((name, "v0"));
        let entry = self
            .minis
            .get(bare)
            .ok_or_else(|| format!("mini nettest `{bare}` is not known here"))?;
        let module = entry.load(&self.engine, &self.watch)?;
        let major = module.manifest().version.major;
        if version != format!("v{major}") {
            return Err(format!(
                "mini nettest `{bare}` is known as {bare}@v{major}, not as {name}"
            ));
        }
        Ok(module)
    }
}
