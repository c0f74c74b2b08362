//! One commit of a repository, on the disk.

use super::{RebuildError, Work, run};
use crate::process::{self, Limits};
use netsonde_log::leaf::Source;
use std::{path::Path, process::Command, time::Duration};

/// What git may take.
pub(super) const LIMITS: Limits = Limits {
    time: Duration::from_mins(10),
    output: 1 << 20,
};

/// An ssh that knows nothing of this user: what it reads otherwise is in the folder that the system's list of users says,
/// whatever `HOME` is.
pub(super) const SSH: &str =
    "ssh -F /dev/null -o IdentitiesOnly=yes -o IdentityFile=/dev/null -o IdentityAgent=none -o BatchMode=yes";

/// Check a commit out: that one, and nothing that it would start (hooks, submodules, filters).
pub(super) fn checkout(source: &Source, work: &Work, into: &Path) -> Result<(), RebuildError> {
    let commit = source.commit.to_string();
    let repo = repo(&source.repo)?;
    let git = |arguments: &[&str]| {
        let mut command = git(work);
        command.current_dir(into).args(arguments);
        run(&mut command, &format!("check {commit} out"), &LIMITS)
    };
    git(&["init", "--quiet"])?;
    let one = [
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        "--depth",
        "1",
        "--",
        repo,
        &commit,
    ];
    let mut fetched = git(&one)?;
    if !fetched.status.success() {
        // A server may give whole branches only.
        let all = [
            "fetch",
            "--quiet",
            "--tags",
            "--no-recurse-submodules",
            "--",
            repo,
            "+refs/heads/*:refs/remotes/origin/*",
        ];
        fetched = git(&all)?;
    }
    let checked_out = if fetched.status.success() {
        git(&["checkout", "--quiet", "--detach", &commit, "--"])?
    } else {
        fetched
    };
    let head = git(&["rev-parse", "--verify", "HEAD"])?;
    if checked_out.status.success() && head.stdout.trim_ascii() == commit.as_bytes() {
        return Ok(());
    }
    Err(RebuildError::Fetch {
        repo: source.repo.clone(),
        commit,
        said: checked_out.stderr.trim().to_owned(),
    })
}

/// A repository that is fetched from: some transports of git start programs.
fn repo(text: &str) -> Result<&str, RebuildError> {
    let is_url = ["https://", "http://", "git://", "ssh://", "file://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if is_url || Path::new(text).is_absolute() {
        return Ok(text);
    }
    Err(RebuildError::Repo(text.to_owned()))
}

/// A git that knows nothing of this user: no keys, no settings, no questions.
fn git(work: &Work) -> Command {
    let mut command = Command::new("git");
    process::without_environment(&mut command)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", work.path("home"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_SSH_COMMAND", SSH)
        .env("GIT_ALLOW_PROTOCOL", "https:http:git:ssh:file")
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        .args(["-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_shows_no_key_of_this_user() {
        let folder = tempfile::tempdir().unwrap();
        let work = Work::make(folder.path()).unwrap();
        let command = git(&work);
        let ssh = command.get_envs().find(|(name, _)| *name == "GIT_SSH_COMMAND");
        assert_eq!(ssh.and_then(|(_, value)| value), Some(SSH.as_ref()));
        assert!(!command.get_envs().any(|(name, _)| name == "SSH_AUTH_SOCK"));
    }

    #[test]
    fn transports_that_start_programs_are_refused() {
        for good in ["https://example.org/a.git", "file:///srv/a", "/srv/a"] {
            assert!(repo(good).is_ok(), "{good}");
        }
        for bad in [
            "ext::sh -c id",
            "--upload-pack=id",
            "fd::17",
            "relative/path",
            "host:path",
        ] {
            assert!(repo(bad).is_err(), "{bad}");
        }
    }
}
