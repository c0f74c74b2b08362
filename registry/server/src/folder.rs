//! The registry's folder: all that a registry is, on one disk.
//!
//! ```text
//! registry.sqlite    the entries of the log, in their order
//! log.key            what the log signs with; `log.key.next` is to be that from the next root on
//! witnesses.json     who must have seen a checkpoint before others do, if anybody must
//! public/log/        the log as it is served: `checkpoint`, `tile/…`
//! public/roots/      every root that was published, as `N.json`
//! public/scripts/    what its entries name, called by digest; also `lists/` and `objects/`
//! ```
//!
//! What belongs here: that it survives being killed at any point, and several processes at once. What does not: what the
//! entries say.

mod database;
mod files;
mod objects;
mod reader;
mod registry;
mod sequencer;
mod witnesses;

pub use database::DatabaseError;
pub use files::FileError;
pub use objects::{Object, Shelf, hex_of};
pub use reader::Reader;
pub use registry::{Registry, RegistryError};
pub use sequencer::{Appended, Sequencer, SequencerError};
pub use witnesses::{KnownWitness, Witnesses};

/// The entries.
const DATABASE: &str = "registry.sqlite";
/// The log's secret key.
const LOG_KEY: &str = "log.key";
/// The log's secret key from the next root on.
const NEXT_KEY: &str = "log.key.next";
/// The log's public key from before this one.
const KEY_BEFORE: &str = "log.before";
/// Who must have seen a checkpoint before others do.
const WITNESSES: &str = "witnesses.json";
/// Files that have no names yet.
const ASIDE: &str = "new";
/// Who writes holds this.
const LOCK: &str = "lock";
/// What is served.
const PUBLIC: &str = "public";
/// What is served of the log.
const LOG: &str = "public/log";
/// The roots that are served.
const ROOTS: &str = "public/roots";
/// The digest of the document that probes can begin with.
const SNAPSHOT: &str = "public/snapshot";
/// What the log has signed last, in the folder of the log.
const CHECKPOINT: &str = "checkpoint";
