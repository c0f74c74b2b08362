//! The probe as a library: location, settings, modules, the interpreter, reports.
//!
//! What belongs here: everything that a command line, an app and a service have in common. What does not: terminals
//! and flags (`netsonde`), Wasm (`netsonde-sandbox`), sockets (`netsonde-net`), the grammar of scripts
//! (`netsonde-script`), data formats (`netsonde-data`).

pub mod analyze;
mod assemble;
pub mod catalog;
pub mod checkin;
mod destinations;
#[cfg(doctest)]
mod gates;
#[cfg(feature = "install")]
pub mod install;
pub mod interpreter;
pub mod locate;
pub mod locating;
pub mod location;
mod measure;
mod probe;
pub mod report;
pub mod settings;
pub mod transcript;
pub mod view;
pub mod watch;

pub use measure::{SOFTWARE_NAME, SOFTWARE_VERSION};
pub use netsonde_sandbox as sandbox;
pub use probe::{Device, Probe, Software, UnknownDevice};

use sha2::Digest as _;

#[cfg(all(target_os = "ios", feature = "install"))]
compile_error!("on iOS no module may be installed: build with --no-default-features --features pulley");

#[cfg(all(feature = "install", not(feature = "compiler"), not(target_os = "ios")))]
compile_error!("what is installed is compiled: the feature `install` needs `compiler`");

/// The time of this device, in seconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}
