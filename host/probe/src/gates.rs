//! What can be written only where modules may come from elsewhere. Each of these builds with the features `compiler` and `install`
//! and must not build without them; see docs/decisions/0029-ios.md.

/// A module from a file.
#[cfg_attr(feature = "compiler", doc = "```no_run")]
#[cfg_attr(not(feature = "compiler"), doc = "```compile_fail")]
/// fn add(catalog: &mut netsonde_probe::catalog::Catalog, wasm: Vec<u8>) {
///     catalog.add_file(std::path::Path::new("a-module.wasm"), wasm);
/// }
/// ```
struct AddFile;

/// A module from a registry.
#[cfg_attr(feature = "install", doc = "```no_run")]
#[cfg_attr(not(feature = "install"), doc = "```compile_fail")]
/// fn add(catalog: &mut netsonde_probe::catalog::Catalog, wasm: Vec<u8>) {
///     catalog.add_installed("a-registry", "a-module", wasm);
/// }
/// ```
struct AddInstalled;

/// What fetches modules.
#[cfg_attr(feature = "install", doc = "```no_run")]
#[cfg_attr(not(feature = "install"), doc = "```compile_fail")]
/// use netsonde_probe::install::install;
/// ```
struct Install;
