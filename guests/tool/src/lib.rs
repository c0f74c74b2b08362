//! What authors of guests need who do not write Rust: the plain twin of the contract as C, and a guest's component out of
//! what their compiler made.
//!
//! The command `netsonde-guest` is this library with arguments.

mod bindings;
mod pack;

pub use bindings::{World, c_bindings};
pub use netsonde_guest_build::BuildError;
pub use pack::pack;

/// Why there are no bindings, or there is no component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The contract could not be turned into C: a defect of this tool.
    #[error("make C of the contract: {0}")]
    Bindings(String),
    /// A file could not be read or written, or the component is not one that a probe would load.
    #[error(transparent)]
    Build(#[from] BuildError),
}
