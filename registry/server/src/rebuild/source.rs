//! What a folder of a repository is, as a release says it.

use super::RebuildError;
use crate::process::{self, Limits};
use netsonde_log::leaf::Source;
use netsonde_log::words::Digest;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use url::Url;

const LIMITS: Limits = Limits {
    time: Duration::from_mins(2),
    output: 1 << 20,
};

/// Why a folder can not be said to be the source of a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// It can not be read.
    #[error("read {}: {cause}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A program does not answer.
    #[error("ask {program} about {}: {said}", .folder.display())]
    Ask {
        /// The program.
        program: &'static str,
        /// The folder.
        folder: PathBuf,
        /// What it said.
        said: String,
    },
    /// Others could not get what is there.
    #[error("{} has changes that are in no commit ({change}): commit them, so that others can build the same", .folder.display())]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// One of them.
        change: String,
    },
    /// The lock file is in no commit.
    #[error("{} is not in git: commit it, so that others build with the same dependencies", .0.display())]
    NoLock(PathBuf),
}

/// What the guest in a folder of a git work tree is built from: the commit that is checked out, with nothing changed. Its
/// repository is the remote `origin`, or without one the folder that the work tree is in.
pub fn describe(guest: &Path) -> Result<Source, DescribeError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |cause| DescribeError::Read { path, cause }
    };
    let guest = fs::canonicalize(guest).map_err(read(guest))?;
    for name in ["Cargo.toml", "nettest.toml"] {
        let path = guest.join(name);
        fs::metadata(&path).map_err(read(&path))?;
    }
    let git = |arguments: &[&str]| ask("git", &guest, arguments);
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    let change = git(&["status", "--porcelain", "--ignore-submodules=none"])?;
    if let Some(change) = change.lines().next() {
        return Err(DescribeError::Changed {
            folder: top,
            change: change.trim().to_owned(),
        });
    }
    let manifest = ask(
        "cargo",
        &guest,
        &["locate-project", "--workspace", "--message-format", "plain"],
    )?;
    let lock = Path::new(&manifest).with_file_name("Cargo.lock");
    if git(&["ls-files", "--error-unmatch", "--", &lock.display().to_string()]).is_err() {
        return Err(DescribeError::NoLock(lock));
    }
    let commit = git(&["rev-parse", "--verify", "HEAD"])?;
    let path = match guest.strip_prefix(&top) {
        Ok(path) if path.as_os_str().is_empty() => ".".to_owned(),
        Ok(path) => path.display().to_string().replace('\\', "/"),
        Err(_) => git(&["rev-parse", "--show-prefix"])?
            .trim_end_matches('/')
            .to_owned(),
    };
    Ok(Source {
        repo: match git(&["remote", "get-url", "origin"]) {
            Ok(remote) => url(&remote),
            Err(_) => top.display().to_string(),
        },
        commit: commit.parse().map_err(|error| DescribeError::Ask {
            program: "git",
            folder: guest.clone(),
            said: format!("{error}"),
        })?,
        path,
        lock: Digest::of(&fs::read(&lock).map_err(read(&lock))?),
        toolchain: ask("rustc", &guest, &["--version"])?,
    })
}

/// A remote as others name it: `user@host:path`, which git takes too, as a URL, and without what a user signs in with, which
/// is in no public log.
fn url(remote: &str) -> String {
    if let Ok(mut url) = Url::parse(remote)
        && matches!(url.scheme(), "http" | "https")
        && (!url.username().is_empty() || url.password().is_some())
        && url.set_username("").is_ok()
        && url.set_password(None).is_ok()
    {
        return url.into();
    }
    match remote.split_once(':') {
        Some((host, path)) if host.contains('@') && !host.contains('/') && !path.starts_with("//") => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => remote.to_owned(),
    }
}

fn ask(program: &'static str, folder: &Path, arguments: &[&str]) -> Result<String, DescribeError> {
    let wrong = |said: String| DescribeError::Ask {
        program,
        folder: folder.to_owned(),
        said,
    };
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    let ended = process::run(&mut command, &LIMITS).map_err(|error| wrong(error.to_string()))?;
    if !ended.status.success() {
        return Err(wrong(ended.stderr.trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
}

/// The guest's folder in a source that was checked out. A commit can have links in it that lead anywhere.
pub(super) fn guest_folder(root: &Path, path: &str) -> Result<PathBuf, RebuildError> {
    let wrong = |problem: String| RebuildError::Path {
        path: path.to_owned(),
        problem,
    };
    let folder = fs::canonicalize(root.join(path)).map_err(|error| wrong(error.to_string()))?;
    if !folder.starts_with(root) {
        return Err(wrong("a link leads out of the source".to_owned()));
    }
    for name in ["Cargo.toml", "nettest.toml"] {
        let about = fs::symlink_metadata(folder.join(name));
        if !about.is_ok_and(|about| about.is_file()) {
            return Err(wrong(format!("there is no file {name} in it")));
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_a_url() {
        for (remote, expected) in [
            (
                "git@example.org:ann/guests.git",
                "ssh://git@example.org/ann/guests.git",
            ),
            ("https://example.org/guests.git", "https://example.org/guests.git"),
            (
                "https://ann:token@example.org/guests.git",
                "https://example.org/guests.git",
            ),
            (
                "https://token@example.org/guests.git",
                "https://example.org/guests.git",
            ),
            (
                "ssh://git@example.org/guests.git",
                "ssh://git@example.org/guests.git",
            ),
            ("/srv/guests", "/srv/guests"),
        ] {
            assert_eq!(url(remote), expected);
        }
    }
}
