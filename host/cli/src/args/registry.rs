//! The arguments of what has to do with registries.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use netsonde_feed::Mirror;

use super::{Modules, RunMode};

#[derive(Debug, Args)]
pub(crate) struct Checkin {
    /// Where the probe is: a JSON file with comments. Without it, the country and the network are not known to any rule.
    #[arg(long, value_name = "FILE")]
    pub(crate) location_file: Option<PathBuf>,

    /// What the user allows: a TOML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings_file: Option<PathBuf>,

    /// Why the probe would run; tables and settings may differ.
    #[arg(long, value_enum, default_value = "manual")]
    pub(crate) run_mode: RunMode,

    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// A module of this probe, or a measurement: a file with one, or with several, one after the other.
    #[arg(value_name = "MODULE|MEASUREMENT-FILE")]
    pub(crate) what: String,

    #[command(flatten)]
    pub(crate) modules: Modules,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Follow a registry. Without --root nothing is followed, and the digest is shown that is to be compared first.
    Add(Box<RegistryAdd>),
    /// List the registries that are followed; with --json, one object a line.
    List,
    /// Follow a registry no longer, and remove all that was kept of it, with what was installed from it.
    Remove {
        /// Its name, or one of its addresses.
        #[arg(value_name = "URL|NAME")]
        which: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RegistryAdd {
    /// Where it is served: https://…, http://…, or file:///… for a copy of it in a folder.
    #[arg(value_name = "URL")]
    pub(crate) url: Mirror,

    /// Its first root: the file, or the digest, as those who run it publish it elsewhere.
    #[arg(long, value_name = "sha256:…|FILE")]
    pub(crate) root: Option<String>,

    /// Ask here too, when the address before it has nothing that can be believed; may be given several times.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Vec<Mirror>,

    /// What to call it. Otherwise as its log is called.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[cfg(feature = "install")]
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// What the name has in it.
    #[arg(value_name = "TEXT")]
    pub(crate) text: Option<String>,
}

#[cfg(feature = "install")]
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// Which one: its newest version, this one, or exactly these bytes.
    #[arg(value_name = "MODULE[@VERSION|@sha256:…]")]
    pub(crate) module: String,

    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[cfg(feature = "install")]
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Which one. Otherwise all.
    #[arg(value_name = "MODULE")]
    pub(crate) module: Option<String>,

    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[cfg(feature = "install")]
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Which one.
    #[arg(value_name = "MODULE")]
    pub(crate) module: String,
}

#[cfg(feature = "install")]
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Which one. Otherwise all.
    #[arg(value_name = "MODULE")]
    pub(crate) module: Option<String>,
}
