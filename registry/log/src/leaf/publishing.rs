//! What leaves say of modules, scripts, lists and flags, and of the log itself.

use super::{Capabilities, Check, in_order, not_empty};
use crate::canonical::fields::{ToValue as _, record};
use crate::canonical::{Misfit, Unfit};
use crate::tree::Hash;
use crate::words::{Commit, Digest, Name, Version};
use std::collections::BTreeMap;

record! {
    /// A module that may run, once somebody else has built the same from its source.
    pub struct ModuleRelease {
        /// Its name.
        name: Name,
        /// Its version, higher than any before.
        version: Version,
        /// The component.
        digest: Digest,
        /// How long that is, in bytes.
        size: u64,
        /// Its `nettest.toml`.
        manifest: Digest,
        /// The contract that it is written against: `netsonde:probe@0.1.0`.
        contract: String,
        /// What it asks for, as its manifest does.
        capabilities: Capabilities,
        /// What it is built from.
        source: Source,
        /// For how many days a probe may run it without news from the log.
        max_offline_days: u64,
    }
}

record! {
    /// What a module is built from. The same source gives the same bytes.
    pub struct Source {
        /// The URL of the repository.
        repo: String,
        /// The commit.
        commit: Commit,
        /// The folder in it, as `guests/telegram`, or `.`.
        path: String,
        /// The file of locked dependencies.
        lock: Digest,
        /// The compiler.
        toolchain: String,
    }
}

record! {
    /// A module that nobody should newly choose. Who has pinned it may run it.
    pub struct ModuleYank {
        /// Its name.
        name: Name,
        /// Its version.
        version: Version,
        /// The component.
        digest: Digest,
        /// The text that says why, beside the log.
        reason: Digest,
    }
}

record! {
    /// Bytes that may never run again, under whatever name.
    pub struct ModuleRevoke {
        /// The name of the module.
        name: Name,
        /// Its version.
        version: Version,
        /// The component. It alone counts.
        digest: Digest,
        /// The text that says why, beside the log.
        reason: Digest,
    }
}

record! {
    /// That somebody built a module from its source, and got the same bytes.
    pub struct RebuildAttest {
        /// Its name.
        name: Name,
        /// Its version.
        version: Version,
        /// The component.
        digest: Digest,
        /// What it was built from.
        source: Source,
    }
}

record! {
    /// Something that holds for a time: the newest of its name, until it expires.
    pub struct Publication {
        /// Its name.
        name: Name,
        /// Its bytes.
        digest: Digest,
        /// How many they are.
        size: u64,
        /// When it was written: in seconds since 1970, later than the one before it, so that nobody can put that back.
        issued: u64,
        /// The second at which it no longer holds.
        expires: u64,
    }
}

record! {
    /// A script that may never run again, under whatever name.
    pub struct ScriptRevoke {
        /// Its name.
        name: Name,
        /// Its bytes. They alone count.
        digest: Digest,
        /// The text that says why, beside the log.
        reason: Digest,
    }
}

record! {
    /// Which nettests are on and off. The newest holds until it expires.
    pub struct Flags {
        /// By the name of the nettest. Of others nothing is said.
        nettests: BTreeMap<Name, bool>,
        /// When it was written: in seconds since 1970, later than the one before it, so that nobody can put that back.
        issued: u64,
        /// The second at which it no longer holds.
        expires: u64,
    }
}

record! {
    /// What the log had come to after so many leaves: a document from which one can go on without reading those.
    pub struct Snapshot {
        /// How many leaves.
        size: u64,
        /// The root of their tree.
        root: Hash,
        /// The document.
        digest: Digest,
    }
}

record! {
    /// That the log is alive.
    pub struct Heartbeat {
        /// When this was written, in seconds since 1970; later than the one before it.
        time: u64,
    }
}

impl Check for ModuleRelease {
    fn check(&self) -> Result<(), Misfit> {
        not_empty("contract", &self.contract)?;
        self.capabilities
            .check()
            .map_err(|misfit| misfit.within("capabilities"))?;
        self.source.check().map_err(|misfit| misfit.within("source"))
    }
}

impl Check for Source {
    fn check(&self) -> Result<(), Misfit> {
        not_empty("repo", &self.repo)?;
        not_empty("toolchain", &self.toolchain)?;
        if is_folder(&self.path) {
            return Ok(());
        }
        Err(Misfit::new(Unfit::Kind("a folder of the repository, as guests/telegram")).within("path"))
    }
}

/// Whether a path stays in the repository, whatever joins it.
fn is_folder(path: &str) -> bool {
    let is_part = |part: &str| {
        let letters = part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
        !part.is_empty() && letters && !part.starts_with(['.', '-'])
    };
    path == "." || path.len() <= 256 && path.split('/').all(is_part)
}

impl Check for RebuildAttest {
    fn check(&self) -> Result<(), Misfit> {
        self.source.check().map_err(|misfit| misfit.within("source"))
    }
}

impl Check for Publication {
    fn check(&self) -> Result<(), Misfit> {
        in_order("expires", self.issued, self.expires)
    }
}

impl Check for Flags {
    fn check(&self) -> Result<(), Misfit> {
        in_order("expires", self.issued, self.expires)
    }
}

impl Check for ModuleYank {}
impl Check for ModuleRevoke {}
impl Check for ScriptRevoke {}
impl Check for Snapshot {}
impl Check for Heartbeat {}
