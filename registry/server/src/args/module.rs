//! Modules: what authors, reviewers and operators type.

use super::publish::{Checker, Keys, Registry, Sign};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Module {
    /// Check a module, and write a proposal to publish it.
    Propose(ModulePropose),
    /// Show what a proposal publishes, from its bytes: what it asks for, and how that differs from the release before.
    Review(ModuleReview),
    /// Sign a proposal. It is a file that can be carried to the machine with the key and back.
    Sign(Sign),
    /// Publish a module that enough have signed and somebody else has rebuilt.
    Release(ModuleRelease),
    /// Have nobody choose a module newly. Who has pinned it may go on.
    Yank(ModuleStop),
    /// Have no probe run a module ever again.
    Revoke(ModuleStop),
}

#[derive(Debug, Args)]
pub(crate) struct ModulePropose {
    /// The component. Without it, what the source gives, built as `rebuild` does.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// The folder that it is built from: a guest's, in a clean work tree of git.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: PathBuf,

    /// Where others get that from, if not from where the work tree came: a URL, or a path.
    #[arg(long, value_name = "URL")]
    pub(crate) repo: Option<String>,

    /// The registry's folder: the proposal is written to DIR/proposals, and the release before is compared.
    #[arg(
        long,
        value_name = "DIR",
        env = "NETSONDE_REGISTRY_DIR",
        required_unless_present = "origin"
    )]
    pub(crate) dir: Option<PathBuf>,

    /// What the registry's log is called, where its folder is on another machine.
    #[arg(long, value_name = "NAME", conflicts_with = "dir", requires = "output")]
    pub(crate) origin: Option<String>,

    /// Write the proposal here instead.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The author's own censor suite, in place of the usual one.
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: Option<PathBuf>,

    /// For how many days a probe may run it without news from the log.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub(crate) max_offline_days: u64,

    #[command(flatten)]
    pub(crate) builder: Builder,

    #[command(flatten)]
    pub(crate) checker: Checker,
}

#[derive(Debug, Args)]
pub(crate) struct ModuleReview {
    /// The proposal: its id or NAME@VERSION in the registry, or its file.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// The registry's folder. Without it, ID is a file and nothing is compared.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// The author's own censor suite, in place of the usual one.
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) checker: Checker,
}

#[derive(Debug, Args)]
pub(crate) struct ModuleRelease {
    /// The proposal: its id or NAME@VERSION in the registry, or its file.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) registry: Registry,
}

#[derive(Debug, Args)]
pub(crate) struct ModuleStop {
    /// The module: the id of the proposal that released it, NAME@VERSION, or sha256:….
    #[arg(value_name = "ID")]
    pub(crate) module: String,

    /// Why, for everybody to read.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) registry: Registry,

    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// The proposal: its id or NAME@VERSION in the registry, or its file; or a module that is released: NAME@VERSION, or sha256:….
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// The registry's folder. Without it, ID is a file.
    #[arg(long, value_name = "DIR", env = "NETSONDE_REGISTRY_DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// The secret key (NAME.key) of who says that it came out the same. Without it, only that is found out.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) builder: Builder,
}

/// How modules are built.
#[derive(Debug, Args)]
pub(crate) struct Builder {
    /// The program `netsonde-guest`, which builds modules. Otherwise the one beside this program, or in PATH.
    #[arg(long, value_name = "FILE")]
    pub(crate) netsonde_guest: Option<PathBuf>,

    /// Build without a sandbox, where the system allows none: what the author wrote then does whatever you may do.
    #[arg(long)]
    pub(crate) unsandboxed: bool,
}
