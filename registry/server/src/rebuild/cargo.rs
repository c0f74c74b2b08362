//! The compiler, and the dependencies, which are got while there is a network. Nothing of the author's runs here: cargo is asked
//! from an empty folder, so that it reads no settings of the repository, and getting a package builds nothing.

use super::{RebuildError, Work, git, run};
use crate::process::{self, Ended, Limits};
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What getting the dependencies may take.
const LIMITS: Limits = Limits {
    time: Duration::from_mins(10),
    output: 4 << 20,
};

/// What is handed on: where programs and compilers are, and the way to registries.
const KEPT: [&str; 13] = [
    "PATH",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];
/// Settings of cargo that say where registries are. Secrets end in `_TOKEN`.
const KEPT_OF_CARGO: [&str; 4] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_SOURCE_"];

/// A compiler and its cargo.
pub(super) struct Toolchain {
    /// As `rustc --version` says.
    pub(super) version: String,
    /// Where it is.
    pub(super) sysroot: PathBuf,
    /// An empty folder to ask it from.
    aside: PathBuf,
    /// Where this user's settings would be, if there were any.
    home: PathBuf,
}

impl Toolchain {
    /// The one that is used here.
    pub(super) fn find(work: &Work) -> Result<Self, RebuildError> {
        let (aside, home) = (work.path("aside"), work.path("home"));
        let ask = |arguments: &[&str]| {
            let mut command = Command::new("rustc");
            alone(&mut command, &home);
            said(
                command.current_dir(&aside).args(arguments),
                "ask the compiler what it is",
            )
        };
        Ok(Self {
            version: ask(&["--version"])?,
            sysroot: PathBuf::from(ask(&["--print", "sysroot"])?),
            aside: aside.clone(),
            home: home.clone(),
        })
    }

    /// Where programs are found in the sandbox: its own, and those of the system, of which one links build scripts.
    pub(super) fn path(&self) -> OsString {
        let folders = [self.sysroot.join("bin"), "/usr/bin".into(), "/bin".into()];
        env::join_paths(folders).unwrap_or_default()
    }

    /// The lock file of the workspace that the guest is in, which has to be in the source.
    pub(super) fn lock_file(&self, guest: &Path, root: &Path) -> Result<PathBuf, RebuildError> {
        let mut cargo = self.cargo(
            guest,
            &["locate-project", "--workspace", "--message-format", "plain"],
        );
        let manifest = said(&mut cargo, "find the workspace of the guest")?;
        let lock = Path::new(&manifest).with_file_name("Cargo.lock");
        let wrong = |problem: String| RebuildError::Path {
            path: lock.display().to_string(),
            problem,
        };
        let about = fs::symlink_metadata(&lock).map_err(|error| wrong(error.to_string()))?;
        if !about.is_file() || !lock.starts_with(root) {
            return Err(wrong("it is no file of the source".to_owned()));
        }
        Ok(lock)
    }

    /// Get the dependencies, as they are locked. What is in the cargo home is where registries' crates are otherwise, so that
    /// their files have the same names in what is built.
    pub(super) fn vendor(&self, guest: &Path, work: &Work) -> Result<(), RebuildError> {
        let vendored = work.path("cargo").join("registry/src/vendored");
        let mut cargo = self.cargo(guest, &["vendor", "--locked", "--versioned-dirs"]);
        let doing = "get the dependencies of the guest";
        let ended = run(cargo.arg(&vendored), doing, &LIMITS)?;
        if !ended.status.success() {
            return Err(failed(doing, &ended));
        }
        let path = work.path("cargo").join("config.toml");
        fs::write(&path, &ended.stdout).map_err(|cause| RebuildError::Work { path, cause })
    }

    fn cargo(&self, guest: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.sysroot.join("bin/cargo"));
        alone(&mut command, &self.home)
            .current_dir(&self.aside)
            .args(arguments)
            .arg("--manifest-path")
            .arg(guest.join("Cargo.toml"));
        command
    }
}

/// Leave a program nothing of this user's but compilers and the way to registries: an author says where dependencies are
/// got from, and no key of the user's is to be shown there.
fn alone<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    process::without_environment(command);
    let of_cargo =
        |name: &str| KEPT_OF_CARGO.iter().any(|kept| name.starts_with(kept)) && !name.ends_with("_TOKEN");
    command.envs(env::vars_os().filter(|(name, _)| {
        name.to_str()
            .is_some_and(|name| KEPT.contains(&name) || of_cargo(name))
    }));
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let usual = || env::home_dir().map(|home| home.join(folder).into_os_string());
        if let Some(path) = env::var_os(name).or_else(usual) {
            command.env(name, path);
        }
    }
    command.env("HOME", home).env("GIT_SSH_COMMAND", git::SSH)
}

/// What a program says, in one line.
pub(super) fn said(command: &mut Command, doing: &str) -> Result<String, RebuildError> {
    let ended = run(command, doing, &LIMITS)?;
    if !ended.status.success() {
        return Err(failed(doing, &ended));
    }
    Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
}

fn failed(doing: &str, ended: &Ended) -> RebuildError {
    RebuildError::Failed {
        doing: doing.to_owned(),
        said: ended.stderr.trim().to_owned(),
    }
}
