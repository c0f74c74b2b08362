//! Loads Wasm modules, links only granted interfaces, enforces budgets.
//!
//! What belongs here: everything that knows wasmtime. An [`Engine`] turns bytes, or the name of a preinstalled module, into a
//! [`Module`], runs it ([`Engine::run`]) and reduces a measurement with it ([`Engine::reduce`]). What does not: where modules
//! come from and which may run (the probe decides), what the network does (`netsonde-net`), how a measurement is written
//! (`netsonde-data`).
//!
//! Two features say what runs: `compiler`, which makes machine code of any module, and `pulley`, which interprets the preinstalled
//! ones, whose bytecode the build script made (`bytecode`). Both may be there, and an [`Engine`] is of one kind or the other. A
//! program without `compiler` has no way from bytes to a module that runs.
//!
//! The way of a module:
//!
//! 1. `inspect`: without compiling, its manifest is read and its imports and exports are checked. What can be refused
//!    by name is refused here.
//! 2. `cache`: compiled code comes from a private, authenticated directory, or from the compiler.
//! 3. `module`: it is linked, by the table in `linking`, with what its manifest asks for, nothing more. What the user
//!    does not grant is not worked around at run time; the module does not start.
//! 4. `kept`: what a module keeps from run to run has a directory of its own.
//! 5. `run`, `reduce`, `host::mini`: each instance has a store of its own (`instance`), inside its own and its caller's
//!    budget (`ledger`, `limits`, `cpu`). `host` has one file for each interface.
//! 5. `tape`: what a run asked and was told can be written down, and [`Engine::replay`] runs a module on that alone.

mod bindings;
mod budget;
#[cfg(feature = "pulley")]
mod bytecode;
#[cfg(feature = "compiler")]
mod cache;
mod call;
mod capability;
#[cfg(feature = "compiler")]
mod compiling;
mod cpu;
mod digest;
mod engine;
mod error;
#[cfg(doctest)]
mod gates;
mod host;
#[cfg(feature = "compiler")]
mod inspect;
mod instance;
mod kept;
mod ledger;
mod limits;
mod linking;
mod manifest;
mod module;
mod reach;
mod reduce;
mod replay;
mod run;
mod settings;
mod state;
mod tape;
mod ticker;
mod wire;

pub use budget::{Budget, Usage};
pub use capability::{Capability, Grants};
pub use digest::Digest;
pub use engine::Engine;
#[cfg(feature = "compiler")]
pub use engine::{EngineConfig, EngineStats};
pub use error::{BudgetExceeded, EngineError, ModuleError, RunError};
#[cfg(feature = "compiler")]
pub use inspect::Inside;
pub use manifest::{
    BudgetAsk, InputPolicy, Kind, MANIFEST_SECTION, Manifest, Reading, SummaryKeys, Told, Verdict, Version,
};
pub use module::Module;
pub use replay::Replayed;
pub use run::{GuestView, Level, MiniSource, Run, RunInfo, RunReport};
pub use tape::record::TranscriptSink;
pub use tape::replay::{Called, Divergence};
pub use tape::transcript::{Head, Transcript, TranscriptError};
