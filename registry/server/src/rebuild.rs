//! Building a module again from the source that a release names, and seeing that it is the same.
//!
//! Whoever attests a module runs its author's build scripts. They are a stranger's programs: they run in a sandbox (`sandbox`),
//! without a network, and what they can read is the source, its dependencies and the compiler. `git` fetches the one
//! commit, `source` says what a checked out folder is, `cargo` gets the dependencies before the doors are closed.

mod cargo;
mod git;
pub mod sandbox;
mod source;

pub use crate::process::ProcessError;
pub use source::{DescribeError, describe};

use crate::process::{self, Ended, Limits};
use netsonde_log::leaf::Source;
use netsonde_log::words::Digest;
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What a build may take.
const BUILD: Limits = Limits {
    time: Duration::from_mins(30),
    output: 8 << 20,
};
/// The most bytes of a module.
const LARGEST: u64 = 4 << 20;

/// With what a module is built again.
#[derive(Clone, Debug)]
pub struct RebuildOptions {
    /// The program `netsonde-guest`, which builds guests.
    pub guest_tool: PathBuf,
    /// The program that closes the doors: one that gives [`sandbox::run`] what follows `sandbox`. Without it, an author's
    /// build scripts can do whatever the user can that runs this.
    pub sandbox: Option<PathBuf>,
}

/// Why a module could not be built again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The folder to work in can not be used.
    #[error("work in {}: {cause}; give an empty folder", .path.display())]
    Work {
        /// The folder, or what was to be in it.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A program did not come to its end.
    #[error("{doing}: {cause}")]
    Process {
        /// What it was to do.
        doing: String,
        /// What became of it.
        cause: ProcessError,
    },
    /// A program failed.
    #[error("{doing}: {said}")]
    Failed {
        /// What it was to do.
        doing: String,
        /// What it said.
        said: String,
    },
    /// The repository does not have the commit.
    #[error("fetch {commit} from {repo}: {said}")]
    Fetch {
        /// The repository.
        repo: String,
        /// The commit.
        commit: String,
        /// What git said.
        said: String,
    },
    /// The source names a repository that is not fetched from.
    #[error("fetch from {0}: only https, http, git and ssh URLs and paths of folders are fetched from")]
    Repo(String),
    /// The commit has no such guest.
    #[error("find {path} in the source: {problem}")]
    Path {
        /// The path in the repository.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The lock file is another one.
    #[error("the lock file of the source is {found}, and the release says {expected}")]
    Lock {
        /// What the release says.
        expected: Digest,
        /// What the commit has.
        found: Digest,
    },
    /// The compiler is another one.
    #[error(
        "the release was built with `{expected}`, and the compiler here is `{found}`: install that one, or set RUSTUP_TOOLCHAIN"
    )]
    Toolchain {
        /// What the release says.
        expected: String,
        /// What is here.
        found: String,
    },
    /// There is nothing to run strangers' build scripts in.
    #[error(
        "the system has no sandbox for the author's build scripts ({0}): use a Linux of 6.2 or newer with user namespaces and Landlock, or take the risk with --unsandboxed"
    )]
    NoSandbox(String),
    /// The source does not build.
    #[error("build {path}: {said}")]
    Build {
        /// The path in the repository.
        path: String,
        /// What cargo said.
        said: String,
    },
    /// What was built is no module that could be proposed.
    #[error("read what was built: {0}")]
    Built(String),
}

/// Build a module from its source, in the folder `work`, which has to be empty. The bytes of the component.
pub fn rebuild(source: &Source, work: &Path, options: &RebuildOptions) -> Result<Vec<u8>, RebuildError> {
    let work = Work::make(work)?;
    let root = work.path("source");
    git::checkout(source, &work, &root)?;
    let guest = source::guest_folder(&root, &source.path)?;
    let toolchain = cargo::Toolchain::find(&work)?;
    if toolchain.version != source.toolchain {
        return Err(RebuildError::Toolchain {
            expected: source.toolchain.clone(),
            found: toolchain.version,
        });
    }
    let lock = toolchain.lock_file(&guest, &root)?;
    let found = Digest::of(&fs::read(&lock).map_err(|cause| RebuildError::Work { path: lock, cause })?);
    if found != source.lock {
        return Err(RebuildError::Lock {
            expected: source.lock,
            found,
        });
    }
    toolchain.vendor(&guest, &work)?;
    build(source, &guest, &toolchain, &work, options)?;
    component(&work.path("out").join("module.wasm"))
}

/// Build the guest, behind closed doors if there are any.
fn build(
    source: &Source,
    guest: &Path,
    toolchain: &cargo::Toolchain,
    work: &Work,
    options: &RebuildOptions,
) -> Result<(), RebuildError> {
    let mut command = match &options.sandbox {
        None => Command::new(&options.guest_tool),
        Some(program) => {
            let mut command = Command::new(program);
            command.arg("sandbox");
            for path in [&options.guest_tool, &toolchain.sysroot, &work.path("source")] {
                command.arg("--read").arg(path);
            }
            for name in ["cargo", "home", "tmp", "target", "out"] {
                command.arg("--write").arg(work.path(name));
            }
            command.arg("--").arg(&options.guest_tool);
            command
        }
    };
    process::without_environment(&mut command);
    command
        .arg("build")
        .arg(guest)
        .arg("-o")
        .arg(work.path("out").join("module.wasm"))
        .arg("--target-dir")
        .arg(work.path("target"))
        .current_dir(work.path("home"))
        .env("PATH", toolchain.path())
        .env("HOME", work.path("home"))
        .env("CARGO_HOME", work.path("cargo"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("TMPDIR", work.path("tmp"));
    let ended = run(&mut command, &format!("build {}", source.path), &BUILD)?;
    match ended.status.code() {
        Some(0) => Ok(()),
        Some(code) if code == i32::from(sandbox::NONE) && options.sandbox.is_some() => {
            Err(RebuildError::NoSandbox(ended.stderr.trim().to_owned()))
        }
        _ => Err(RebuildError::Build {
            path: source.path.clone(),
            said: ended.stderr.trim().to_owned(),
        }),
    }
}

/// What was built. A build script may have put anything in its place.
fn component(path: &Path) -> Result<Vec<u8>, RebuildError> {
    let wrong =
        |problem: &dyn std::fmt::Display| RebuildError::Built(format!("{}: {problem}", path.display()));
    let about = fs::symlink_metadata(path).map_err(|error| wrong(&error))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(wrong(&format!("it is no file of at most {LARGEST} bytes")));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| wrong(&error))?;
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(&error))?;
    Ok(bytes)
}

/// Run a program of which a failure is told elsewhere.
fn run(command: &mut Command, doing: &str, limits: &Limits) -> Result<Ended, RebuildError> {
    process::run(command, limits).map_err(|cause| RebuildError::Process {
        doing: doing.to_owned(),
        cause,
    })
}

/// The folder to work in.
pub(crate) struct Work(PathBuf);

impl Work {
    /// Make its folders; it has to be empty, because what is there could be anybody's.
    fn make(path: &Path) -> Result<Self, RebuildError> {
        let wrong = |path: &Path| {
            let path = path.to_owned();
            move |cause| RebuildError::Work { path, cause }
        };
        fs::create_dir_all(path).map_err(wrong(path))?;
        let work = Self(fs::canonicalize(path).map_err(wrong(path))?);
        if fs::read_dir(&work.0).map_err(wrong(path))?.next().is_some() {
            let cause = io::Error::from(io::ErrorKind::DirectoryNotEmpty);
            return Err(wrong(path)(cause));
        }
        for name in ["source", "cargo", "home", "tmp", "target", "out", "aside"] {
            let folder = work.path(name);
            fs::create_dir(&folder).map_err(wrong(&folder))?;
        }
        Ok(work)
    }

    /// One of its folders.
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
