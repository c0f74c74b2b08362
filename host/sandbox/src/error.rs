//! What can go wrong, each kind of cause apart: the host's own set-up, a module, a run.

use std::time::Duration;

use netsonde_data::failure::{Failure, FailureCode, Operation};

use crate::capability::Capability;
use crate::manifest::Kind;

/// The engine could not be set up. A defect of the build or of the machine, never of a guest.
#[derive(Debug, thiserror::Error)]
#[error("set up the Wasm engine: {0}")]
pub struct EngineError(pub(crate) String);

/// A module was refused before it ran.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The bytes are something else, or are damaged.
    #[error("load {module}: not a WebAssembly component: {what}")]
    NotAComponent {
        /// The module.
        module: String,
        /// What it is instead.
        what: String,
    },
    /// The component says nothing about itself.
    #[error(
        "load {module}: no manifest: build it so that nettest.toml is in the custom section `netsonde:manifest`"
    )]
    NoManifest {
        /// The module.
        module: String,
    },
    /// The manifest is malformed.
    #[error("load {module}: manifest, line {line}, column {column}: {message}")]
    Manifest {
        /// The module.
        module: String,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The manifest asks for an interface that this host does not have.
    #[error(
        "load {module}: its manifest asks for `{interface}`, which this version of netsonde does not have"
    )]
    UnknownCapability {
        /// The module.
        module: String,
        /// The interface.
        interface: String,
    },
    /// The manifest says one kind, the exports say another.
    #[error("load {module}: its manifest says {kind}, but {detail}")]
    WrongWorld {
        /// The module.
        module: String,
        /// What the manifest says.
        kind: Kind,
        /// What the component says.
        detail: String,
    },
    /// The component imports something outside the contract.
    #[error(
        "load {module}: it imports `{import}`, and guests may import interfaces of netsonde:probe@0.1 and of its plain twin netsonde:plain@0.1 only"
    )]
    ForeignImport {
        /// The module.
        module: String,
        /// The import.
        import: String,
    },
    /// The component uses an interface that its manifest does not ask for.
    #[error(
        "load {module}: it imports `{interface}` without asking for it: add it to [capabilities] of nettest.toml"
    )]
    NotAsked {
        /// The module.
        module: String,
        /// The interface.
        interface: Capability,
    },
    /// The component does not compile: it is invalid.
    #[error("compile {module}: {detail}")]
    Compile {
        /// The module.
        module: String,
        /// What the compiler said.
        detail: String,
    },
    /// No module of this name is part of this program.
    #[error("load {module}: this program has no module of that name, and runs only what is part of it")]
    NotPreinstalled {
        /// The name.
        module: String,
    },
    /// The bytecode of a preinstalled module is not what this program can run.
    #[error("load {module}: the bytecode in this program is refused: {detail}")]
    Bytecode {
        /// The module.
        module: String,
        /// What does not fit.
        detail: String,
    },
    /// The component's imports have the right names and the wrong types.
    #[error("link {module}: {detail}")]
    Link {
        /// The module.
        module: String,
        /// What does not fit.
        detail: String,
    },
}

/// A budget was used up.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{module} used up its budget: {what}: more than {limit}")]
pub struct BudgetExceeded {
    /// Whose budget it was: the guest itself, or the nettest that ran it as a mini nettest.
    pub module: String,
    /// What there was too much of.
    pub what: &'static str,
    /// How much would have been allowed.
    pub limit: u64,
}

/// A run came to no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The user's policy does not grant an interface that the guest asks for.
    #[error("run {module}: it asks for `{interface}`, which is not granted")]
    NotGranted {
        /// The module.
        module: String,
        /// The interface.
        interface: Capability,
    },
    /// The module is of the other kind.
    #[error("run {module}: it is a {kind}")]
    WrongKind {
        /// The module.
        module: String,
        /// What it is.
        kind: Kind,
    },
    /// The guest could not be started.
    #[error("start {module}: {detail}")]
    Instantiate {
        /// The module.
        module: String,
        /// What went wrong.
        detail: String,
    },
    /// The guest trapped: it panicked, divided by zero, broke a rule of the component model.
    #[error("run {module}: it trapped: {detail}")]
    Trap {
        /// The module.
        module: String,
        /// The trap.
        detail: String,
    },
    /// The guest took longer than its wall clock allows.
    #[error("run {module}: not done after {limit:?}")]
    Timeout {
        /// The module.
        module: String,
        /// The wall clock it had.
        limit: Duration,
    },
    /// The guest used up a budget.
    #[error("run {module}: {exceeded}")]
    BudgetExceeded {
        /// The module.
        module: String,
        /// Which budget, and whose.
        exceeded: BudgetExceeded,
    },
    /// What the guest returned, or was given, is no JSON object.
    #[error("run {module}: {what} is not a JSON object: {detail}")]
    InvalidJson {
        /// The module.
        module: String,
        /// Which document.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The guest itself said that its arguments make no sense.
    #[error("run {module}: {failure}")]
    Guest {
        /// The module.
        module: String,
        /// What it said.
        failure: Failure,
    },
    /// The host has a defect; it was contained to this run.
    #[error("run {module}: defect in netsonde: {detail}")]
    Host {
        /// The module.
        module: String,
        /// The panic's text.
        detail: String,
    },
}

impl RunError {
    /// The module that the error is about.
    pub fn module(&self) -> &str {
        match self {
            Self::NotGranted { module, .. }
            | Self::WrongKind { module, .. }
            | Self::Instantiate { module, .. }
            | Self::Trap { module, .. }
            | Self::Timeout { module, .. }
            | Self::BudgetExceeded { module, .. }
            | Self::InvalidJson { module, .. }
            | Self::Guest { module, .. }
            | Self::Host { module, .. } => module,
        }
    }

    /// As a failure in OONI's terms, for measurements and for the caller of a mini nettest.
    pub fn failure(&self) -> Failure {
        let code = match self {
            Self::Guest { failure, .. } => return failure.clone(),
            Self::Timeout { .. } => FailureCode::GENERIC_TIMEOUT_ERROR,
            _ => FailureCode::unknown(self.to_string()),
        };
        Failure {
            code,
            operation: Operation::TopLevel,
            detail: self.to_string(),
        }
    }
}
