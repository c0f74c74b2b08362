//! Exit codes: a contract with scripts and service managers, documented in `netsonde --help`.

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done. What a script names and the probe does not know is skipped, and that is no error.
    Done,
    /// An input is wrong, or something on this machine failed. Nothing ran, or the report could not be written.
    Failed,
    /// The lab is not available here.
    NoLab,
    /// The script ran to its end, or all measurements were looked at, and at least one nettest broke.
    Broken,
    /// A replay did something else than its transcript says.
    Diverged,
    /// Interrupted; what is in the report is whole.
    Interrupted,
    /// What the command inside the lab ended with.
    Command(u8),
}

/// What `--help` says about exit codes. Code 2 is clap's, for wrong arguments.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done; what a script names and the probe does not know was skipped
    1  an input is wrong, or something on this machine failed
    2  wrong arguments
    3  the lab is not available here; the message says what to change
    4  the script ran to its end, or all measurements were analysed, and at least one nettest broke
    5  a replay did something else than its transcript says
  130  interrupted; what is in the report is whole
`netsonde lab` ends with the exit code of its command.";

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::NoLab => 3,
            Exit::Broken => 4,
            Exit::Diverged => 5,
            Exit::Interrupted => 130,
            Exit::Command(code) => code,
        })
    }
}
