//! Every environment variable that the probe reads, and every path that it uses without being told.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

/// Certificates (PEM) that the probe trusts in addition to Mozilla's. `netsonde lab` sets it to the lab's authority.
pub(crate) const CA_FILE: &str = "NETSONDE_CA_FILE";

/// Where compiled modules are kept. Default: `netsonde/modules` in the user's cache folder.
pub(crate) const CACHE_DIR: &str = "NETSONDE_CACHE_DIR";

/// Where modules keep what they keep from run to run. Default: `netsonde/modules` in the user's folder for state.
pub(crate) const STATE_DIR: &str = "NETSONDE_STATE_DIR";

/// Where registries that the probe follows are kept, with what was installed from them. Default: `netsonde/registries` in the
/// user's folder for data.
pub(crate) const REGISTRIES_DIR: &str = "NETSONDE_REGISTRIES_DIR";

/// What to log, in `tracing-subscriber`'s syntax: `debug`, `netsonde_sandbox=debug`. Default: `warn`.
pub(crate) const LOG: &str = "NETSONDE_LOG";

/// The folder for compiled modules; none where the machine has no home and none was given.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(CACHE_DIR).filter(|dir| !dir.is_empty()) {
        return Some(PathBuf::from(dir));
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("netsonde").join("modules"))
}

/// The folder for what modules keep; none where the machine has no home and none was given.
pub(crate) fn state_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(STATE_DIR).filter(|dir| !dir.is_empty()) {
        return Some(PathBuf::from(dir));
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    // Only XDG tells state from data.
    let parent = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(parent.join("netsonde").join("modules"))
}

/// The folder of registries; none where the machine has no home and none was given.
pub(crate) fn registries_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(REGISTRIES_DIR).filter(|dir| !dir.is_empty()) {
        return Some(PathBuf::from(dir));
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.data_dir().join("netsonde").join("registries"))
}

/// The file of additional certificates, if one is named.
pub(crate) fn ca_file() -> Option<PathBuf> {
    std::env::var_os(CA_FILE)
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
}
