//! `cargo xtask bindings`: the code by which Swift, Kotlin and Python use the library for apps.
//!
//! It is made of the built library by `netsonde-bindgen`, which is a program of its own: nobody who runs another command here has to
//! build what makes it.

use std::env::consts::DLL_EXTENSION;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::Deserialize;

/// Write the code by which Swift, Kotlin and Python use the library for apps.
#[derive(Args)]
pub(crate) struct Bindings {
    /// The folder to write to. It is made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Bindings {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let library = library()?;
        let mut bindgen = Command::new(env!("CARGO"));
        bindgen.args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "netsonde-bindgen",
            "--",
        ]);
        bindgen.arg(&library).arg("--out").arg(&self.out);
        let status = bindgen.status().context("run cargo")?;
        ensure!(status.success(), "netsonde-bindgen: {status}");
        println!("{} has the code for {}", self.out.display(), library.display());
        Ok(())
    }
}

/// Build the shared library, and find it where cargo says that it is.
fn library() -> anyhow::Result<PathBuf> {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--package", "netsonde-mobile", "--lib"]);
    build.arg("--message-format=json-render-diagnostics");
    let output = build.stderr(Stdio::inherit()).output().context("run cargo")?;
    ensure!(output.status.success(), "cargo build: {}", output.status);
    let messages = String::from_utf8(output.stdout).context("read what cargo built")?;
    let library = messages.lines().find_map(shared_library);
    library.context("cargo built no shared library of netsonde-mobile")
}

/// What cargo says that it built, as far as it is needed.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The shared library for apps, if that is what a message of cargo's is about.
fn shared_library(message: &str) -> Option<PathBuf> {
    let built: Artifact = serde_json::from_str(message).ok()?;
    let is_shared = |file: &PathBuf| {
        file.extension()
            .is_some_and(|extension| extension == DLL_EXTENSION)
    };
    let ours = built.target.name == "netsonde_mobile";
    built.filenames.into_iter().find(|file| ours && is_shared(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_library_is_found_in_what_cargo_says() {
        let name = format!("/target/debug/libnetsonde_mobile.{DLL_EXTENSION}");
        let message = |target| {
            let files = ["/target/debug/libnetsonde_mobile.rlib", &name];
            serde_json::json!({"target": {"name": target}, "filenames": files}).to_string()
        };
        assert_eq!(
            shared_library(&message("netsonde_mobile")),
            Some(PathBuf::from(&name))
        );
        assert_eq!(shared_library(&message("netsonde_probe")), None);
        assert_eq!(shared_library("Compiling"), None);
    }
}
