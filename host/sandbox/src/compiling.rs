//! The settings of those who compile, which the build script includes as it includes `settings`.

use wasmtime::Config;

/// Add what matters to the compiler only.
pub(crate) fn compiling(config: &mut Config) {
    // The same bits on every machine, so that a transcript replays.
    config.cranelift_nan_canonicalization(true);
}
