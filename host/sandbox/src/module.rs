//! A module that is ready to run: compiled, and linked with the interfaces that its manifest asks for.

use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::{mini_nettest::MiniNettestPre, nettest::NettestPre};
use crate::capability::Grants;
use crate::digest::Digest;
use crate::error::{ModuleError, RunError};
use crate::limits::Memory;
use crate::linking;
use crate::manifest::{Kind, Manifest};
use crate::state::State;
use crate::tape::transcript::Head;

/// A guest that is ready to run.
pub struct Module {
    /// What errors call it.
    name: String,
    manifest: Manifest,
    digest: Digest,
    pub(crate) component: Component,
    pub(crate) linked: Linked,
}

/// The module with its imports resolved, of one world or the other.
pub(crate) enum Linked {
    Nettest {
        /// With what was asked for.
        run: NettestPre<State>,
        /// With nothing: every import traps.
        reduce: NettestPre<Memory>,
    },
    MiniNettest(MiniNettestPre<State>),
}

impl Module {
    /// Resolve the imports. Only what the manifest asks for is in the linker.
    pub(crate) fn link(
        name: &str,
        manifest: Manifest,
        digest: Digest,
        component: &Component,
    ) -> Result<Self, ModuleError> {
        let link = || -> wasmtime::Result<Linked> {
            let run = linker(component, &manifest)?.instantiate_pre(component)?;
            Ok(match manifest.kind {
                Kind::Nettest => Linked::Nettest {
                    run: NettestPre::new(run)?,
                    reduce: NettestPre::new(pure(component)?)?,
                },
                Kind::MiniNettest => Linked::MiniNettest(MiniNettestPre::new(run)?),
            })
        };
        let linked = link().map_err(|error| ModuleError::Link {
            module: name.to_owned(),
            detail: format!("{error:#}"),
        })?;
        Ok(Self {
            name: name.to_owned(),
            manifest,
            digest,
            component: component.clone(),
            linked,
        })
    }

    /// What the module says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The SHA-256 of the module's bytes, in hexadecimal.
    pub fn digest(&self) -> &str {
        self.digest.as_str()
    }

    /// Which world it implements.
    pub fn kind(&self) -> Kind {
        self.manifest.kind
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How a transcript of this module begins, when it is called with `argument`.
    pub(crate) fn head(&self, argument: String) -> Head {
        Head::new(
            self.manifest.name.clone(),
            self.digest.as_str().to_owned(),
            argument,
        )
    }

    /// Whether everything that the module asks for is granted. Nothing else decides: what is not asked for is not in
    /// the linker, and what is asked for and not granted keeps the module from starting.
    pub(crate) fn allowed(&self, grants: &Grants) -> Result<(), RunError> {
        match self
            .manifest
            .capabilities
            .keys()
            .find(|asked| !grants.contains(**asked))
        {
            Some(&interface) => Err(RunError::NotGranted {
                module: self.name.clone(),
                interface,
            }),
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// What the manifest asks for, and nothing more.
fn linker(component: &Component, manifest: &Manifest) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(component.engine());
    linking::live(&mut linker, manifest)?;
    Ok(linker)
}

/// No import at all, for `reduce`.
fn pure(component: &Component) -> wasmtime::Result<InstancePre<Memory>> {
    let mut linker = Linker::new(component.engine());
    linker.define_unknown_imports_as_traps(component)?;
    linker.instantiate_pre(component)
}
