//! `netsonde lab`: run any command inside the simulated internet.
//!
//! The lab needs namespaces, and a process with threads can not enter a user namespace. So this process starts itself
//! anew inside the namespaces, and the new process builds the lab and runs the command.

use crate::args::Lab;
use crate::exit::Exit;

#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &Lab, _: u8) -> anyhow::Result<Exit> {
    anstream::eprintln!("the lab needs Linux: it is made of network namespaces");
    Ok(Exit::NoLab)
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{run, unavailable};

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::Path;
    use std::process::{Command, ExitStatus};
    use std::time::Duration;

    use anyhow::Context as _;

    use super::{Exit, Lab};
    use crate::log;
    use crate::view::Stderr;

    /// Set for the process that is inside the namespaces already.
    const INSIDE: &str = "NETSONDE_LAB_INSIDE";

    /// How long the command has to end when it is asked to. The process outside the namespaces waits for the one
    /// inside, which kills the command, and therefore for longer.
    const GRACE: Duration = Duration::from_secs(2);
    /// As shells end when there is no such command, and when there is but it cannot be executed.
    const NOT_FOUND: u8 = 127;
    const NOT_EXECUTABLE: u8 = 126;

    /// Run a command inside the lab and end as it ends.
    pub(crate) fn run(args: &Lab, verbose: u8) -> anyhow::Result<Exit> {
        if std::env::var_os(INSIDE).is_some() {
            return inside(args, verbose);
        }
        if let Some(exit) = unavailable() {
            return Ok(exit);
        }
        let this = std::env::current_exe().context("find this program")?;
        let mut command = Command::new(this);
        command.args(std::env::args_os().skip(1)).env(INSIDE, "1");
        netsonde_lab::command_in_namespaces(&mut command);
        let status =
            netsonde_lab::run_to_end(&mut command, 2 * GRACE).context("run netsonde in namespaces")?;
        Ok(exit(status))
    }

    /// Where there is no lab, say why and what to change.
    pub(crate) fn unavailable() -> Option<Exit> {
        let why = netsonde_lab::available().err()?;
        anstream::eprintln!(
            "{}error:{} {why}",
            crate::view::ERROR,
            crate::view::ERROR.render_reset()
        );
        Some(Exit::NoLab)
    }

    fn inside(args: &Lab, verbose: u8) -> anyhow::Result<Exit> {
        log::start(verbose, None, &Stderr::new())?;
        let name = args.scenario.display().to_string();
        let scenario = netsonde_lab::Scenario::load(&args.scenario)?;
        let lab = netsonde_lab::Lab::start(&scenario).with_context(|| format!("start the lab of {name}"))?;
        let (program, arguments) = args
            .command
            .split_first()
            .context("name a command to run inside the lab")?;
        let mut command = lab.command(program);
        command.args(arguments).env_remove(INSIDE);
        let exit = match netsonde_lab::run_to_end(&mut command, GRACE) {
            Ok(status) => exit(status),
            Err(error) => not_run(program, &error),
        };
        for (rule, hits) in lab.rule_hits() {
            tracing::info!("the censor's rule {rule} acted on {hits} flows");
        }
        if let Some(path) = &args.hits_file {
            write_counts(path, lab.rule_hits())?;
        }
        if let Some(path) = &args.packets_file {
            write_counts(path, lab.sent())?;
        }
        Ok(exit)
    }

    fn write_counts(path: &Path, counts: impl IntoIterator<Item = (String, u64)>) -> anyhow::Result<()> {
        let counts: serde_json::Map<_, _> = counts
            .into_iter()
            .map(|(what, count)| (what, count.into()))
            .collect();
        let text = serde_json::to_string_pretty(&counts)?;
        std::fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
    }

    /// Say why the command did not start, and end as a shell would.
    fn not_run(program: &OsStr, error: &io::Error) -> Exit {
        let (why, code) = if error.kind() == io::ErrorKind::NotFound || !is_there(program) {
            (
                "there is no such command; is it in PATH, and its interpreter installed?".to_owned(),
                NOT_FOUND,
            )
        } else {
            (format!("it cannot be executed: {error}"), NOT_EXECUTABLE)
        };
        anstream::eprintln!(
            "{}error:{} run `{}`: {why}",
            crate::view::ERROR,
            crate::view::ERROR.render_reset(),
            program.display()
        );
        Exit::Command(code)
    }

    /// Whether there is a file where a command is looked for. The operating system's error alone does not say: a
    /// folder of PATH that may not be entered makes it "permission denied" for commands that are nowhere.
    fn is_there(program: &OsStr) -> bool {
        if Path::new(program).components().count() > 1 {
            return Path::new(program).exists();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).exists())
    }

    /// As a shell reports it: the exit code, or 128 and the signal.
    fn exit(status: ExitStatus) -> Exit {
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .unwrap_or(1);
        Exit::Command(u8::try_from(code).unwrap_or(1))
    }
}
