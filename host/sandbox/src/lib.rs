//! Loads Wasm modules, links only granted interfaces, enforces budgets.
//!
//! What belongs here: everything that knows wasmtime. An [`Engine`] turns bytes into a [`Module`] ([`Engine::load`]),
//! runs it ([`Engine::run`]) and reduces a measurement with it ([`Engine::reduce`]). What does not: where modules come
//! from and which may run (the probe decides), what the network does (`netsonde-net`), how a measurement is written
//! (`netsonde-data`).
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
mod cache;
mod call;
mod capability;
mod cpu;
mod engine;
mod error;
mod host;
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
mod state;
mod tape;
mod ticker;
mod wire;

pub use budget::{Budget, Usage};
pub use capability::{Capability, Grants};
pub use engine::{Engine, EngineConfig, EngineStats};
pub use error::{BudgetExceeded, EngineError, ModuleError, RunError};
pub use inspect::{Digest, Inside};
pub use manifest::{
    BudgetAsk, InputPolicy, Kind, MANIFEST_SECTION, Manifest, Reading, SummaryKeys, Told, Verdict, Version,
};
pub use module::Module;
pub use replay::Replayed;
pub use run::{GuestView, Level, MiniSource, Run, RunInfo, RunReport};
pub use tape::record::TranscriptSink;
pub use tape::replay::{Called, Divergence};
pub use tape::transcript::{Head, Transcript, TranscriptError};
