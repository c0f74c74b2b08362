//! The probe as a library: location, settings, modules, the interpreter, reports.
//!
//! What belongs here: everything that a command line, an app and a service have in common. What does not: terminals
//! and flags (`netsonde`), Wasm (`netsonde-sandbox`), sockets (`netsonde-net`), the grammar of scripts
//! (`netsonde-script`), data formats (`netsonde-data`).

pub mod analyze;
mod assemble;
pub mod catalog;
mod destinations;
pub mod interpreter;
pub mod locate;
pub mod location;
mod measure;
mod probe;
pub mod report;
pub mod settings;
pub mod transcript;
pub mod view;

pub use measure::{SOFTWARE_NAME, SOFTWARE_VERSION};
pub use netsonde_sandbox as sandbox;
pub use probe::Probe;

use sha2::Digest as _;

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}
