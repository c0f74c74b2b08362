//! The compilation target of guests: is it there, and if not, can it be installed?
//!
//! A `targets` line in `rust-toolchain.toml` would be enough in most places. It is silently ignored where
//! `RUSTUP_AUTO_INSTALL=0` is set, and where Rust did not come from rustup.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::BuildError;

/// The target that guests are built for: no WASI, so a guest imports only what we give it.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Make sure that the target's standard library is installed.
pub(crate) fn ensure() -> Result<(), BuildError> {
    if installed()? {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]);
    if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN") {
        command.arg("--toolchain").arg(toolchain);
    }
    let typed = display(&command);
    let no_target = |why: String| BuildError::NoTarget {
        target: TARGET,
        why,
        command: typed.clone(),
    };
    let output = command
        .output()
        .map_err(|error| no_target(format!("rustup could not be started: {error}")))?;
    if installed()? {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("rustup gave no reason");
    Err(no_target(last.trim().to_owned()))
}

/// The compiler that the outer build uses.
pub(crate) fn rustc() -> Command {
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// What the compiler says when asked to `--print` something.
pub(crate) fn ask_rustc(arguments: &[&str]) -> Result<String, BuildError> {
    let mut command = rustc();
    command.args(arguments);
    let output = command.output().map_err(|error| BuildError::Start {
        program: display(&command),
        error,
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn installed() -> Result<bool, BuildError> {
    let folder = ask_rustc(&["--print", "target-libdir", "--target", TARGET])?;
    Ok(!folder.is_empty() && PathBuf::from(folder).is_dir())
}

/// A command as one would type it.
pub(crate) fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
