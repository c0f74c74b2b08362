//! The registry's folder: all that a registry is, on one disk.
//!
//! ```text
//! registry.sqlite    the entries of the log, in their order
//! log.key            what the log signs with
//! public/log/        the log as it is served: `checkpoint`, `tile/…`
//! ```
//!
//! What belongs here: that it survives being killed at any point, and several processes at once. What does not: what the
//! entries say.

mod database;
mod files;
mod registry;
mod sequencer;

pub use database::DatabaseError;
pub use files::FileError;
pub use registry::{Registry, RegistryError};
pub use sequencer::{Appended, Sequencer, SequencerError};

/// The entries.
const DATABASE: &str = "registry.sqlite";
/// The log's secret key.
const LOG_KEY: &str = "log.key";
/// Files that have no names yet.
const ASIDE: &str = "new";
/// Who writes holds this.
const LOCK: &str = "lock";
/// What is served of the log.
const LOG: &str = "public/log";
/// What the log has signed last, in there.
const CHECKPOINT: &str = "checkpoint";
