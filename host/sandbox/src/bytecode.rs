//! The preinstalled modules as bytecode, made when this program was built: the only code that an engine without a compiler runs.
//!
//! Nothing here takes bytes or a path: a module is asked for by its name, and what it is made of is part of the program.

use std::io::Read as _;

use flate2::read::DeflateDecoder;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use crate::digest::Digest;
use crate::error::ModuleError;
use crate::manifest::{Draft, Manifest};

/// A preinstalled module.
pub(crate) struct Bytecode {
    /// The name in its manifest.
    name: &'static str,
    /// The text of that.
    manifest: &'static str,
    /// The SHA-256 of the Wasm that it was made of, by which the world knows the module.
    module: &'static str,
    /// The SHA-256 of the bytecode.
    sha256: &'static str,
    /// The bytecode itself, deflated: less than half as much to download with an app.
    deflated: &'static [u8],
}

/// All of them: nettests, then mini nettests.
static MODULES: &[Bytecode] = include!(concat!(env!("OUT_DIR"), "/bytecode.in"));

/// The names of the preinstalled modules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.name)
}

/// The preinstalled module of a name.
pub(crate) fn find(name: &str) -> Result<&'static Bytecode, ModuleError> {
    MODULES
        .iter()
        .find(|module| module.name == name)
        .ok_or_else(|| ModuleError::NotPreinstalled {
            module: name.to_owned(),
        })
}

impl Bytecode {
    /// What it says about itself.
    pub(crate) fn inspect(&self) -> Result<(Manifest, Digest), ModuleError> {
        let manifest = Draft::parse(self.name, self.manifest)?.finish(self.name)?;
        Ok((manifest, Digest::known(self.module)))
    }

    /// What runs. The engine has to be one with the settings that the bytecode was made for, and refuses it otherwise.
    pub(crate) fn component(&self, engine: &wasmtime::Engine) -> Result<Component, ModuleError> {
        let refused = |detail: String| ModuleError::Bytecode {
            module: self.name.to_owned(),
            detail,
        };
        let mut code = Vec::new();
        let inflated = DeflateDecoder::new(self.deflated).read_to_end(&mut code);
        inflated.map_err(|error| refused(error.to_string()))?;
        if hex::encode(Sha256::digest(&code)) != self.sha256 {
            return Err(refused(
                "its digest is not the one that this program was built with".to_owned(),
            ));
        }
        // SAFETY: `deserialize` asks for bytes that `Engine::precompile_component` made. This crate's build script made these,
        // with the settings of this engine, and they are a constant of this program, with the digest that was just looked at.
        #[expect(unsafe_code, reason = "bytecode can not be checked by looking at it")]
        let component = unsafe { Component::deserialize(engine, code) };
        component.map_err(|error| refused(format!("{error:#}")))
    }
}
