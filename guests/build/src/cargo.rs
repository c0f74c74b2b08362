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
use crate::target::{self, TARGET};

/// The profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "guest";

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

/// Build the packages; the folder with the core modules.
pub(crate) fn build(root: &Path, target_dir: &Path, packages: &[&str]) -> Result<PathBuf, BuildError> {
    let write = |path: &Path| {
        let path = path.to_path_buf();
        move |error| BuildError::Write { path, error }
    };
    fs::create_dir_all(target_dir).map_err(write(target_dir))?;
    // Two build scripts may get here at once: installing the target twice at the same time breaks rustup.
    let lock_path = target_dir.join(".lock-of-netsonde");
    let lock = File::create(&lock_path).map_err(write(&lock_path))?;
    lock.lock().map_err(write(&lock_path))?;
    target::ensure()?;

    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root)
        .args(["build", "--locked", "--profile", PROFILE, "--target", TARGET]);
    for package in packages {
        command.args(["-p", package]);
    }
    let typed = target::display(&command);
    command.arg("--lib").arg("--target-dir").arg(target_dir);
    command
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())));
    command.env("CARGO_ENCODED_RUSTFLAGS", rustflags(root, target_dir)?);
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
fn rustflags(root: &Path, target_dir: &Path) -> Result<OsString, BuildError> {
    let home = env::var_os("HOME")
        .or_else(|| env::var_os("USERPROFILE"))
        .map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home?.join(".cargo")));
    let sysroot = PathBuf::from(target::ask_rustc(&["--print", "sysroot"])?);
    let version = target::ask_rustc(&["-vV"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    // The standard library comes with such names already, except where the component rust-src is installed.
    let library = (sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{commit}"));

    let mut flags = OsString::new();
    let fixed = |name: &str| name.to_owned();
    let folders = [
        cargo_home.map(|folder| (folder, fixed("/cargo"))),
        Some((sysroot, fixed("/rust"))),
        Some(library),
        Some((root.to_path_buf(), fixed("/netsonde"))),
        Some((target_dir.to_path_buf(), fixed("/target"))),
    ];
    for (folder, name) in folders.into_iter().flatten() {
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
