//! wasmtime's settings, in one place: the build script, which makes the bytecode of the preinstalled modules, includes this
//! file, so that what is made and what runs it can not differ. All of them are part of the fingerprint of the cache.

use wasmtime::Config;

/// What every engine has.
fn common() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        // The same bits on every machine, so that a transcript replays.
        .relaxed_simd_deterministic(true);
    config
}

/// Guests are machine code.
#[cfg(feature = "compiler")]
pub(crate) fn native() -> Config {
    common()
}

/// Guests are bytecode of Pulley, wasmtime's interpreter: no page of memory becomes executable, no signal is caught, no address
/// space is taken that is not used, which phones do not give away.
#[cfg(feature = "pulley")]
pub(crate) fn interpreted() -> wasmtime::Result<Config> {
    let mut config = common();
    config
        .target("pulley64")?
        .signals_based_traps(false)
        .memory_init_cow(false)
        .memory_guard_size(0)
        .memory_reservation(0)
        // Only a debugger wants to know where in the Wasm an instruction of the bytecode is from.
        .generate_address_map(false);
    Ok(config)
}
