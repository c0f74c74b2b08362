//! The nested `cargo build`.
//!
//! Two things make its output the same everywhere: an environment with nothing in it but what cargo needs to find
//! its tools and its registry, and paths that are remapped to fixed names before they can reach the bytes.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BuildError;
use crate::target::{TARGET, Toolchain, display};
use crate::wrapper::Wrapper;

/// The profile in the workspace's `Cargo.toml`.
pub(crate) const PROFILE: &str = "guest";

/// Variables that the nested build keeps: where tools, caches and temporary files are, and what the operating system
/// and its linker need.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "USERPROFILE",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTC",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "PROGRAMDATA",
    "LIB",
    "INCLUDE",
    "DEVELOPER_DIR",
    "SDKROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
];

/// Families of variables that the nested build keeps: how to reach the registry.
const KEPT_PREFIXES: &[&str] = &[
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_SOURCE_",
];

/// What a workspace that is not ours needs besides.
#[derive(Default)]
pub(crate) struct Foreign<'a> {
    /// Whether it lacks the profile.
    pub(crate) lacks_profile: bool,
    /// Who stands between cargo and the compiler.
    pub(crate) wrapper: Option<Wrapper<'a>>,
}

/// The profile, for a workspace that lacks it: as in ours.
const PROFILE_SAYS: [&str; 6] = [
    "inherits = 'release'",
    "opt-level = 'z'",
    "lto = true",
    "codegen-units = 1",
    "panic = 'abort'",
    "strip = true",
];

/// Build the packages; the folder with the core modules.
pub(crate) fn build(
    root: &Path,
    target_dir: &Path,
    packages: &[&str],
    foreign: &Foreign<'_>,
) -> Result<PathBuf, BuildError> {
    let write = |path: &Path| {
        let path = path.to_path_buf();
        move |error| BuildError::Write { path, error }
    };
    fs::create_dir_all(target_dir).map_err(write(target_dir))?;
    // Two build scripts may get here at once: installing the target twice at the same time breaks rustup.
    let lock_path = target_dir.join(".lock-of-netsonde");
    let lock = File::create(&lock_path).map_err(write(&lock_path))?;
    lock.lock().map_err(write(&lock_path))?;
    let toolchain = Toolchain::of_environment();
    toolchain.ensure_target()?;

    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root)
        .args(["build", "--locked", "--profile", PROFILE, "--target", TARGET]);
    for package in packages {
        command.args(["-p", package]);
    }
    let typed = display(&command);
    command.arg("--lib").arg("--target-dir").arg(target_dir);
    if foreign.lacks_profile {
        let says = PROFILE_SAYS.iter();
        command.args(says.flat_map(|says| ["--config".to_owned(), format!("profile.{PROFILE}.{says}")]));
    }
    command
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())));
    command.env(
        "CARGO_ENCODED_RUSTFLAGS",
        rustflags(root, target_dir, &toolchain)?,
    );
    if let Some(wrapper) = &foreign.wrapper {
        wrapper.stand_in(&mut command, root);
    }
    let output = command.output().map_err(|error| BuildError::Start {
        program: typed.clone(),
        error,
    })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(BuildError::Cargo {
            command: typed,
            stderr,
        });
    }
    Ok(target_dir.join(TARGET).join(PROFILE))
}

fn is_kept(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    KEPT.contains(&upper.as_str())
        || KEPT_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || upper.ends_with("_PROXY")
        || (upper.starts_with("CARGO_TARGET_")
            && upper.ends_with("_LINKER")
            && !upper.starts_with("CARGO_TARGET_WASM32_"))
}

/// Flags that give every folder of this machine a name that is the same on all machines. Later flags win over earlier
/// ones, so a folder stands after those that can contain it.
fn rustflags(root: &Path, target_dir: &Path, toolchain: &Toolchain) -> Result<OsString, BuildError> {
    let home = env::var_os("HOME")
        .or_else(|| env::var_os("USERPROFILE"))
        .map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home?.join(".cargo")));
    let sysroot = PathBuf::from(toolchain.ask_rustc(&["--print", "sysroot"])?);
    let version = toolchain.ask_rustc(&["-vV"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    // The standard library comes with such names already, except where the component rust-src is installed.
    let library = (sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{commit}"));

    let mut folders = Vec::new();
    if let Some(cargo_home) = cargo_home {
        // The folder of a registry's crates is named after the registry, and a mirror gives it another name.
        let registries = fs::read_dir(cargo_home.join("registry/src"))
            .into_iter()
            .flatten()
            .flatten();
        let registries: Vec<_> = registries
            .map(|entry| (entry.path(), "/crates".to_owned()))
            .collect();
        folders.push((cargo_home, "/cargo".to_owned()));
        folders.extend(registries);
    }
    folders.push((sysroot, "/rust".to_owned()));
    folders.push(library);
    folders.push((root.to_path_buf(), "/netsonde".to_owned()));
    folders.push((target_dir.to_path_buf(), "/target".to_owned()));

    let mut flags = OsString::new();
    for (folder, name) in folders {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(folder);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_change_the_bytes_is_kept() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "RUSTC_WORKSPACE_WRAPPER",
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
        ] {
            assert!(!is_kept(name), "{name}");
        }
    }

    #[test]
    fn what_cargo_needs_to_reach_its_registry_is_kept() {
        for name in [
            "PATH",
            "CARGO_HOME",
            "https_proxy",
            "NO_PROXY",
            "CARGO_REGISTRIES_MINE_INDEX",
            "CARGO_NET_OFFLINE",
            "Path",
        ] {
            assert!(is_kept(name), "{name}");
        }
    }

    #[test]
    fn a_workspace_without_the_profile_gets_ours() {
        let ours = include_str!("../../../Cargo.toml");
        let (_, profile) = ours.split_once("[profile.guest]\n").unwrap();
        let ours: Vec<String> = profile
            .lines()
            .take(6)
            .map(|line| line.replace('"', "'"))
            .collect();
        assert_eq!(ours, PROFILE_SAYS);
    }

    #[test]
    fn every_folder_gets_a_fixed_name_and_the_innermost_wins() {
        let flags = rustflags(
            Path::new("/w"),
            Path::new("/w/target/guests"),
            &Toolchain::of_environment(),
        )
        .unwrap();
        let flags = flags.to_string_lossy().into_owned();
        let at = |flag: &str| flags.split('\u{1f}').position(|found| found == flag).unwrap();
        assert!(at("--remap-path-prefix=/w=/netsonde") < at("--remap-path-prefix=/w/target/guests=/target"));
    }
}
