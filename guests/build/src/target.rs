//! The compilation target of guests: is it there, and if not, can it be installed?
//!
//! A `targets` line in `rust-toolchain.toml` would be enough in most places. It is silently ignored where
//! `RUSTUP_AUTO_INSTALL=0` is set, and where Rust did not come from rustup.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::BuildError;

/// The target that guests are built for: no WASI, so a guest imports only what we give it.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The programs of the toolchain that the outer build uses.
pub(crate) struct Toolchain {
    rustc: OsString,
    rustup: OsString,
    /// The toolchain's name, where rustup chose it.
    name: Option<OsString>,
}

impl Toolchain {
    /// As cargo tells its build scripts and tests.
    pub(crate) fn of_environment() -> Self {
        Self {
            rustc: env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
            rustup: "rustup".into(),
            name: env::var_os("RUSTUP_TOOLCHAIN"),
        }
    }

    /// What the compiler says when asked for something.
    pub(crate) fn ask_rustc(&self, arguments: &[&str]) -> Result<String, BuildError> {
        let mut command = Command::new(&self.rustc);
        command.args(arguments);
        let output = command.output();
        let output = output.map_err(|error| BuildError::Start {
            program: display(&command),
            error,
        })?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Make sure that the target's standard library is installed.
    pub(crate) fn ensure_target(&self) -> Result<(), BuildError> {
        if self.has_target()? {
            return Ok(());
        }
        let mut command = Command::new(&self.rustup);
        command.args(["target", "add", TARGET]);
        if let Some(name) = &self.name {
            command.arg("--toolchain").arg(name);
        }
        let output = command.output();
        if self.has_target()? {
            return Ok(());
        }
        let why = match output {
            Err(error) => format!("rustup could not be started: {error}"),
            Ok(output) => last_line(&String::from_utf8_lossy(&output.stderr)),
        };
        Err(BuildError::NoTarget {
            target: TARGET,
            why,
            command: display(&command),
        })
    }

    fn has_target(&self) -> Result<bool, BuildError> {
        let folder = self.ask_rustc(&["--print", "target-libdir", "--target", TARGET])?;
        Ok(!folder.is_empty() && PathBuf::from(folder).is_dir())
    }
}

/// The last thing that a program said, which is usually why it gave up.
fn last_line(said: &str) -> String {
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.unwrap_or("it gave no reason").to_owned()
}

/// A command as one would type it.
pub(crate) fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// A toolchain whose compiler looks for the target in `FOLDER/libdir`, and whose rustup is this script.
    fn toolchain(folder: &Path, rustup: &str) -> Toolchain {
        // A shell writes the programs. Were it this process, another thread that starts a program at the same time could
        // hand the open file to its child, and a file that is open for writing can not be executed.
        let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"";
        let program = |name: &str, script: &str| {
            let path = folder.join(name).into_os_string();
            let status = Command::new("sh")
                .args(["-c", write, "sh"])
                .arg(&path)
                .arg(script)
                .status();
            assert!(status.unwrap().success());
            path
        };
        Toolchain {
            rustc: program("rustc", &format!("echo '{}/libdir'", folder.display())),
            rustup: program("rustup", rustup),
            name: Some("stable-of-somebody".into()),
        }
    }

    #[test]
    fn a_target_that_is_there_is_not_installed_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("libdir")).unwrap();
        let toolchain = toolchain(folder.path(), "touch \"$0.was-called\"");
        toolchain.ensure_target().unwrap();
        assert!(!folder.path().join("rustup.was-called").exists());
    }

    #[test]
    fn a_missing_target_is_installed_into_the_toolchain_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo \"$@\" > \"$0.arguments\"; mkdir \"$(dirname \"$0\")/libdir\"";
        toolchain(folder.path(), script).ensure_target().unwrap();
        let arguments = fs::read_to_string(folder.path().join("rustup.arguments")).unwrap();
        assert_eq!(
            arguments.trim(),
            "target add wasm32-unknown-unknown --toolchain stable-of-somebody"
        );
    }

    #[test]
    fn where_it_can_not_be_installed_one_sentence_says_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let mut toolchain = toolchain(folder.path(), "echo 'error: no network' >&2; exit 1");
        let error = toolchain.ensure_target().unwrap_err().to_string();
        assert!(error.contains("(error: no network)"), "{error}");
        assert!(
            error.contains("rustup target add wasm32-unknown-unknown --toolchain stable-of-somebody`"),
            "{error}"
        );
        assert!(!error.contains('\n'), "{error}");

        toolchain.rustup = folder.path().join("no-rustup-here").into_os_string();
        let error = toolchain.ensure_target().unwrap_err().to_string();
        assert!(error.contains("rustup could not be started"), "{error}");
    }
}
