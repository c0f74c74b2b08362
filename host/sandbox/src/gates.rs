//! What can be written only where there is a compiler. Each of these builds with the feature `compiler` and must not build without it,
//! so that no way leads from bytes to a module that runs; see docs/decisions/0029-ios.md.

/// An engine that compiles.
#[cfg_attr(feature = "compiler", doc = "```no_run")]
#[cfg_attr(not(feature = "compiler"), doc = "```compile_fail")]
/// use netsonde_sandbox::{Engine, EngineConfig};
/// let _ = Engine::new(EngineConfig::default());
/// ```
struct NewEngine;

/// A module of bytes.
#[cfg_attr(feature = "compiler", doc = "```no_run")]
#[cfg_attr(not(feature = "compiler"), doc = "```compile_fail")]
/// fn load(engine: &netsonde_sandbox::Engine, wasm: &[u8]) {
///     let _ = engine.load("a-module", wasm);
/// }
/// ```
struct Load;

/// A look into bytes.
#[cfg_attr(feature = "compiler", doc = "```no_run")]
#[cfg_attr(not(feature = "compiler"), doc = "```compile_fail")]
/// fn inspect(wasm: &[u8]) {
///     let _ = netsonde_sandbox::Engine::inspect("a-module", wasm);
/// }
/// ```
struct Inspect;
