//! What can go wrong while building guests.

use std::io;
use std::path::PathBuf;

/// Why guests could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// [`Request::of_build_script`](crate::Request::of_build_script) was called outside a build script.
    #[error("find the workspace of the guests: {0} is not set; cargo sets it for build scripts")]
    NoVariable(&'static str),
    /// The build script's crate is in no workspace.
    #[error("find the workspace of the guests: no Cargo.toml with a [workspace] at or above {}", .0.display())]
    NoWorkspace(PathBuf),
    /// A guest's folder is in no package that cargo can read.
    #[error("find the workspace of {}: {text}", .folder.display())]
    NoPackage {
        /// The folder.
        folder: PathBuf,
        /// What cargo says.
        text: String,
    },
    /// A file could not be read.
    #[error("read {}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file or folder could not be written.
    #[error("write {}: {error}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A `nettest.toml` or `Cargo.toml` is malformed.
    #[error("read {place}: {text}")]
    Manifest {
        /// The file, or the component whose custom section it is.
        place: String,
        /// What is wrong with it.
        text: String,
    },
    /// A program could not be started.
    #[error("start `{program}`: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// The compilation target is missing and could not be installed.
    #[error(
        "the guests need the Rust target {target}, which is missing and could not be installed ({why}): type `{command}`, \
         or set NETSONDE_GUESTS_DIR to a folder of built guests"
    )]
    NoTarget {
        /// The target.
        target: &'static str,
        /// Why it could not be installed.
        why: String,
        /// What to type.
        command: String,
    },
    /// The nested `cargo build` failed.
    #[error("build the guests with `{command}`:\n{stderr}")]
    Cargo {
        /// The command.
        command: String,
        /// Everything that it said.
        stderr: String,
    },
    /// The core module could not be turned into a component, or is none.
    #[error("make a component of {name}: {text}")]
    Component {
        /// The guest.
        name: String,
        /// What is wrong with it.
        text: String,
    },
    /// The component imports something that is neither `netsonde:probe` nor its twin.
    #[error(
        "{name} imports {import}, which is part of neither netsonde:probe nor netsonde:plain; a guest can import nothing else"
    )]
    ForeignImport {
        /// The guest.
        name: String,
        /// The import.
        import: String,
    },
    /// The component imports an interface that its manifest does not ask for.
    #[error(
        "{name} imports the interface {import}, which its nettest.toml does not ask for: give a reason for it in [capabilities]"
    )]
    Unasked {
        /// The guest.
        name: String,
        /// The interface.
        import: String,
    },
    /// The component's exports are not those of its kind.
    #[error("{name} is a {kind}, which must export {expected}; it exports {found}")]
    Exports {
        /// The guest.
        name: String,
        /// The kind in its manifest.
        kind: &'static str,
        /// What the kind exports.
        expected: String,
        /// What the component exports.
        found: String,
    },
    /// The component has no manifest.
    #[error("{0} has no custom section netsonde:manifest")]
    NoManifest(String),
    /// A packager's folder lacks a guest.
    #[error("take a built guest from NETSONDE_GUESTS_DIR: {}: {error}", .path.display())]
    NoPrebuilt {
        /// The file.
        path: PathBuf,
        /// Why it could not be read.
        error: io::Error,
    },
    /// A packager's guest is a different one.
    #[error("take a built guest from NETSONDE_GUESTS_DIR: {} is {found} by its manifest, not {expected}", .path.display())]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// The name it should have.
        expected: String,
        /// The name it has.
        found: String,
    },
}
