//! A probe that follows the registry of a test.

use std::process::{Command, Output};

use crate::support::Probe;
use crate::world::World;

/// What a command said, and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// All was done.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.err, self.out);
        self
    }

    /// It was refused, with these words.
    pub(crate) fn refused(self, words: &str) -> Self {
        assert_eq!(self.code, 1, "{}\n{}", self.err, self.out);
        assert!(
            self.err.contains(words),
            "wanted: {words}\n{}\n{}",
            self.err,
            self.out
        );
        self
    }

    pub(crate) fn says(self, words: &str) -> Self {
        assert!(
            self.err.contains(words) || self.out.contains(words),
            "wanted: {words}\n{}\n{}",
            self.err,
            self.out
        );
        self
    }
}

/// Run a command of a probe.
pub(crate) fn netsonde(probe: &Probe, words: &[&str]) -> Said {
    Said::of(&command(probe, words).output().unwrap())
}

pub(crate) fn command(probe: &Probe, words: &[&str]) -> Command {
    let mut command = probe.netsonde();
    command.args(words).stdin(std::process::Stdio::null());
    command
}

/// Follow a registry at these addresses.
pub(crate) fn add(probe: &Probe, world: &World, urls: &[&str]) -> Said {
    let root = world.root.digest().to_string();
    let (first, others) = urls.split_first().unwrap();
    let mut words = vec!["registry", "add", first, "--root", &root];
    for url in others {
        words.extend(["--mirror", url]);
    }
    netsonde(probe, &words)
}
