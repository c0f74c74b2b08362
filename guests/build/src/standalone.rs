//! One guest of a workspace that is not ours: its author's.
//!
//! Such a workspace needs no profile, and its dependencies may be anywhere on the disk. That it gives the same bytes from
//! another folder is the wrapper's doing.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde::Deserialize;

use crate::cargo::{self, Foreign};
use crate::wrapper::Wrapper;
use crate::{BuildError, BuiltGuest, Source};

/// A guest to build.
#[derive(Clone, Debug)]
pub struct Standalone {
    /// The folder with its `Cargo.toml` and its `nettest.toml`.
    pub folder: PathBuf,
    /// Where cargo puts its files. Without it: a folder `guests` in the target directory of the workspace.
    pub target_dir: Option<PathBuf>,
    /// A program that begins with [`as_rustc`](crate::as_rustc).
    pub wrapper: PathBuf,
}

/// Build one guest, whatever workspace it is in.
pub fn build_standalone(guest: &Standalone) -> Result<BuiltGuest, BuildError> {
    let folder = fs::canonicalize(&guest.folder).map_err(|error| BuildError::Read {
        path: guest.folder.clone(),
        error,
    })?;
    let root = workspace_of(&folder)?;
    let source = Source::read(&folder, ".")?;
    let near = near(&root)?;
    let target_dir = guest.target_dir.clone().unwrap_or_else(|| {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        target.join("guests")
    });
    let target_dir = std::path::absolute(&target_dir).map_err(|error| BuildError::Write {
        path: target_dir,
        error,
    })?;
    let foreign = Foreign {
        lacks_profile: lacks_profile(&root)?,
        wrapper: Some(Wrapper {
            program: &guest.wrapper,
            near: &near,
        }),
    };
    let artefacts = cargo::build(&root, &target_dir, &[&source.package], &foreign)?;
    source.component(&artefacts)
}

/// The root of the workspace that a package is in, as cargo finds it.
fn workspace_of(folder: &Path) -> Result<PathBuf, BuildError> {
    let said = ask_cargo(
        folder,
        &["locate-project", "--workspace", "--message-format", "plain"],
    )?;
    let manifest = Path::new(said.trim());
    Ok(manifest.parent().unwrap_or(folder).to_path_buf())
}

/// What cargo says of the package in a folder.
fn ask_cargo(folder: &Path, arguments: &[&str]) -> Result<String, BuildError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(folder).args(arguments);
    let output = command.output().map_err(|error| BuildError::Start {
        program: crate::target::display(&command),
        error,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(BuildError::NoPackage {
        folder: folder.to_path_buf(),
        text: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// The members of a workspace, as far as they are of interest here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    version: String,
}

/// The packages that come from folders, if one of these is outside of the workspace.
fn near(root: &Path) -> Result<Vec<String>, BuildError> {
    let near = lock(root)?;
    let said = ask_cargo(root, &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Metadata = serde_json::from_str(&said).map_err(|error| BuildError::NoPackage {
        folder: root.to_path_buf(),
        text: format!("what `cargo metadata` says can not be read: {error}"),
    })?;
    let members: HashSet<String> = metadata
        .packages
        .into_iter()
        .map(|Member { name, version }| format!("{name}-{version}"))
        .collect();
    let all_inside = near.iter().all(|package| members.contains(package));
    Ok(if all_inside { Vec::new() } else { near })
}

/// A lock file, as far as it is of interest here.
#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

/// The packages of the lock file that come from folders, as `NAME-VERSION`.
fn lock(root: &Path) -> Result<Vec<String>, BuildError> {
    let lock: Lock = parse(&root.join("Cargo.lock"))?;
    let near = lock
        .package
        .into_iter()
        .filter(|package| package.source.is_none());
    Ok(near
        .map(|package| format!("{}-{}", package.name, package.version))
        .collect())
}

fn lacks_profile(root: &Path) -> Result<bool, BuildError> {
    let manifest: toml::Table = parse(&root.join("Cargo.toml"))?;
    let profile = manifest.get("profile").and_then(toml::Value::as_table);
    Ok(profile.is_none_or(|profile| !profile.contains_key(cargo::PROFILE)))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, BuildError> {
    let text = fs::read_to_string(path).map_err(|error| BuildError::Read {
        path: path.to_path_buf(),
        error,
    })?;
    toml::from_str(&text).map_err(|error| BuildError::Manifest {
        place: path.display().to_string(),
        text: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_folders_is_told_from_what_comes_from_registries() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "Cargo.lock",
            "version = 4\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\
             source = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
        );
        assert_eq!(lock(folder.path()).unwrap(), ["a-0.1.0"]);
        write("Cargo.toml", "[package]\nname = \"a\"\n");
        assert!(lacks_profile(folder.path()).unwrap());
        write("Cargo.toml", "[profile.guest]\ninherits = \"release\"\n");
        assert!(!lacks_profile(folder.path()).unwrap());
    }

    #[test]
    fn a_folder_without_a_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let guest = Standalone {
            folder: folder.path().to_owned(),
            target_dir: None,
            wrapper: PathBuf::from("unused"),
        };
        let error = build_standalone(&guest).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml"), "{error}");
    }
}
