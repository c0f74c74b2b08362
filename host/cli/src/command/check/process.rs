//! This program, started anew for one step of the check.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::env;

/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(20);
/// How much of what it says is read.
const MOST: u64 = 64 << 20;

/// How a step ended.
pub(super) struct Ended {
    /// Nothing, where it was killed because it took too long.
    pub(super) status: Option<ExitStatus>,
    /// What it wrote to standard output.
    pub(super) stdout: String,
    /// What it said to people.
    pub(super) stderr: String,
}

impl Ended {
    /// What it said last, or how it ended.
    pub(super) fn why(&self) -> String {
        let said = self.stderr.trim().trim_start_matches("error:").trim();
        match (&self.status, said) {
            (None, _) => "it did not end in time and was killed".to_owned(),
            (Some(status), "") => format!("it ended with {status}"),
            (_, said) => said.to_owned(),
        }
    }
}

/// This program, which keeps what it keeps in `kept` and nowhere else.
pub(super) fn this(kept: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("find this program")?);
    command
        .env(env::CACHE_DIR, kept.join("modules"))
        .env(env::STATE_DIR, kept.join("state"))
        .env_remove(env::CA_FILE);
    Ok(command)
}

/// Run a step to its end, or until there is no more time.
pub(super) fn run(mut command: Command, time: Duration) -> io::Result<Ended> {
    // Files, which the limits hold, and not pipes, which would have to be emptied into memory.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let deadline = Instant::now() + time;
    let mut child = command.spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() >= deadline {
            // It fails where it has ended by itself, and then that is waited for.
            let _ = child.kill();
            child.wait()?;
            break None;
        }
        std::thread::sleep(TICK);
    };
    Ok(Ended {
        status,
        stdout: text(&mut stdout)?,
        stderr: text(&mut stderr)?,
    })
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
