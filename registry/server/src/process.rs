//! Other programs, held to limits: an environment with nothing in it, an end, and so much output and no more.

use std::{
    io::{self, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// How often a program is looked at.
const TICK: Duration = Duration::from_millis(10);
/// How long its output is waited for once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a program may have.
pub(crate) struct Limits {
    /// From its start to its end.
    pub(crate) time: Duration,
    /// Bytes on standard output, and as many on standard error.
    pub(crate) output: usize,
}

/// A program that ended by itself.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// What it said to people.
    pub(crate) stderr: String,
}

/// A program that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// It could not be started.
    #[error("start {program}: {cause}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        cause: io::Error,
    },
    /// It could not be waited for.
    #[error("wait for {program}: {cause}")]
    Wait {
        /// The program.
        program: String,
        /// Why not.
        cause: io::Error,
    },
    /// It took too long, and was killed.
    #[error("{program} did not end within {} s and was killed{}", .time.as_secs(), last_words(.said))]
    Late {
        /// The program.
        program: String,
        /// How long it had.
        time: Duration,
        /// What it had said to people.
        said: String,
    },
    /// It said too much, and was killed.
    #[error("{program} wrote more than {most} bytes and was killed")]
    Loud {
        /// The program.
        program: String,
        /// How much it might have written.
        most: usize,
    },
}

fn last_words(said: &str) -> String {
    match said.trim() {
        "" => String::new(),
        said => format!("; it said: {said}"),
    }
}

/// Make `command` start without anything of this process's environment.
pub(crate) fn without_environment(command: &mut Command) -> &mut Command {
    command.env_clear();
    // Without it no program of Windows has sockets or random numbers.
    if let Some(root) = std::env::var_os("SYSTEMROOT") {
        command.env("SYSTEMROOT", root);
    }
    command
}

/// Run a program to its end, without input. It is killed with all that it has started, where the system has process groups,
/// when it breaks a limit; what it leaves running when it ends is killed too.
pub(crate) fn run(command: &mut Command, limits: &Limits) -> Result<Ended, ProcessError> {
    let program = command.get_program().display().to_string();
    let deadline = Instant::now() + limits.time;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn().map_err(|cause| ProcessError::Start {
        program: program.clone(),
        cause,
    })?;
    let (tell, told) = sync_channel(2);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    listen(Stream::Output, out, limits.output, tell.clone());
    listen(Stream::Errors, err, limits.output, tell);
    let mut heard = Heard::default();
    let waited = heard.wait(&mut child, &told, deadline);
    kill_group(&mut child);
    let status = child.wait();
    heard.rest(&told);
    let said = || String::from_utf8_lossy(&heard.stderr).into_owned();
    if heard.too_much {
        let most = limits.output;
        return Err(ProcessError::Loud { program, most });
    }
    match (waited, status) {
        (Ok(true), Ok(status)) => Ok(Ended {
            status,
            stderr: said(),
            stdout: heard.stdout,
        }),
        (Ok(false), _) => Err(ProcessError::Late {
            program,
            time: limits.time,
            said: said(),
        }),
        (Err(cause), _) | (_, Err(cause)) => Err(ProcessError::Wait { program, cause }),
    }
}

/// Which of a program's outputs.
#[derive(Clone, Copy)]
enum Stream {
    Output,
    Errors,
}

/// A whole output, and whether it was cut.
type Said = (Stream, Vec<u8>, bool);

/// Read an output to its end, or to one byte more than allowed.
fn listen(stream: Stream, from: Option<impl Read + Send + 'static>, most: usize, tell: SyncSender<Said>) {
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(from) = from {
            // What was read before an error is what there is.
            let _ = from
                .take(u64::try_from(most).map_or(u64::MAX, |most| most.saturating_add(1)))
                .read_to_end(&mut said);
        }
        let is_cut = said.len() > most;
        // Nobody listens once the program is given up.
        let _ = tell.send((stream, said, is_cut));
    });
}

/// What has been heard of a program.
#[derive(Default)]
struct Heard {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    streams: usize,
    too_much: bool,
}

impl Heard {
    /// Wait until the program has ended, or has broken a limit: whether it has ended. It is not taken note of yet, so that
    /// its number stays its own.
    fn wait(&mut self, child: &mut Child, told: &Receiver<Said>, deadline: Instant) -> io::Result<bool> {
        loop {
            if has_ended(child)? {
                return Ok(true);
            }
            if self.too_much || Instant::now() >= deadline {
                return Ok(false);
            }
            match told.recv_timeout(TICK) {
                Ok(said) => self.take(said),
                // Both outputs are closed, and it still runs.
                Err(_) => thread::sleep(TICK),
            }
        }
    }

    /// What was said and not heard yet. A process that has left the group may keep an output open for ever.
    fn rest(&mut self, told: &Receiver<Said>) {
        let until = Instant::now() + LAST_WORDS;
        while self.streams < 2 {
            match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(said) => self.take(said),
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, (stream, said, is_cut): Said) {
        self.streams += 1;
        self.too_much |= is_cut;
        match stream {
            Stream::Output => self.stdout = said,
            Stream::Errors => self.stderr = said,
        }
    }
}

#[cfg(unix)]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let Some(id) = pid(child) else {
        return Ok(child.try_wait()?.is_some());
    };
    Ok(waitid(WaitId::Pid(id), options)?.is_some())
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    Ok(child.try_wait()?.is_some())
}

#[cfg(unix)]
fn kill_group(child: &mut Child) {
    use rustix::process::{Signal, kill_process_group};
    if let Some(id) = pid(child) {
        // It fails where nobody is left.
        let _ = kill_process_group(id, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(child: &mut Child) {
    // It fails where it has ended.
    let _ = child.kill();
}

#[cfg(unix)]
fn pid(child: &Child) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(child.id()).ok()?)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, time: u64, output: usize) -> Result<Ended, ProcessError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let time = Duration::from_millis(time);
        run(without_environment(&mut command), &Limits { time, output })
    }

    #[test]
    fn what_it_says_and_how_it_ends_is_told() {
        let ended = sh("echo out; echo err >&2; exit 3", 10_000, 100).unwrap();
        assert_eq!(
            (ended.stdout.as_slice(), ended.stderr.as_str()),
            (&b"out\n"[..], "err\n")
        );
        assert_eq!(ended.status.code(), Some(3));
    }

    #[test]
    fn who_takes_too_long_is_killed_with_all_that_it_started() {
        let started = Instant::now();
        let error = sh("echo here >&2; sleep 600 & sleep 600", 300, 100)
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("it said: here"), "{error}");
        assert!(started.elapsed() < Duration::from_mins(1));
        // A child that holds the outputs open does not keep its ended parent alive.
        let started = Instant::now();
        assert!(sh("sleep 600 & exit 0", 500_000, 100).unwrap().status.success());
        assert!(started.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn who_says_too_much_is_killed() {
        let error = sh("while :; do echo more; done", 500_000, 100)
            .map(|_| ())
            .unwrap_err();
        assert!(matches!(error, ProcessError::Loud { most: 100, .. }), "{error}");
    }

    #[test]
    fn nothing_of_the_environment_is_handed_on() {
        let ended = sh("echo ${HOME-none} ${CARGO_MANIFEST_DIR-none}", 10_000, 100).unwrap();
        assert_eq!(ended.stdout, b"none none\n");
    }
}
