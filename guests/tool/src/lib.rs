//! What authors of guests need: a build that gives the same bytes everywhere; and if they do not write Rust, the plain twin of the
//! contract as C, and a guest's component out of what their compiler made.
//!
//! The command `netsonde-guest` is this library with arguments.

mod bindings;
mod pack;

pub use bindings::{World, c_bindings};
pub use netsonde_guest_build::{BuildError, BuiltGuest, Standalone, as_rustc, build_standalone};
pub use pack::pack;

/// Why there are no bindings, or there is no component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The contract could not be turned into C: a defect of this tool.
    #[error("make C of the contract: {0}")]
    Bindings(String),
    /// The tool does not find itself, which stands between cargo and the compiler.
    #[error("find this program: {0}")]
    Itself(std::io::Error),
    /// A file could not be read or written, or the component is not one that a probe would load.
    #[error(transparent)]
    Build(#[from] BuildError),
}
