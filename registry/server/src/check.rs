//! What is known of a module or a script before it is proposed. The registry itself neither compiles nor runs anything: it
//! starts the program `netsonde`, which limits itself and then looks, and reads what that says.

mod report;

pub use crate::process::ProcessError;
pub use report::{About, CheckReport, Diagnostic, Finding, Kind, ScenarioRun, ScriptReport, Severity};

use crate::process::{self, Ended, Limits};
use std::{
    env,
    fmt::Display,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What is started.
const PROGRAM: &str = "netsonde";
const BUILDER: &str = "netsonde-guest";
/// `netsonde check` gives a suite ten minutes.
const MODULE: Limits = Limits {
    time: Duration::from_mins(12),
    output: 8 << 20,
};
const SCRIPT: Limits = Limits {
    time: Duration::from_mins(2),
    output: 8 << 20,
};

/// Why it is not known whether something passes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is no program to check with, or to build with.
    #[error(
        "find the program `{0}`: it is neither beside this program nor in PATH; install it, or name it with --{0}"
    )]
    NoProgram(&'static str),
    /// It did not come to its end.
    #[error("check {file}: {cause}")]
    Process {
        /// What was checked.
        file: String,
        /// What became of the program.
        cause: ProcessError,
    },
    /// It ended without a report.
    #[error("check {file}: {program} ended with {status} and no report{}", if .said.is_empty() { String::new() } else { format!(": {}", .said) })]
    NoReport {
        /// What was checked.
        file: String,
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// What it said to people.
        said: String,
    },
    /// What it wrote is no report.
    #[error(
        "check {file}: what {program} wrote is no report ({problem}); is it of the same version as this program?"
    )]
    Malformed {
        /// What was checked.
        file: String,
        /// The program.
        program: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The program that checks: `given`, or the one beside this program, or the one in PATH.
pub fn find(given: Option<&Path>) -> Result<PathBuf, CheckError> {
    program(PROGRAM, given)
}

/// The program that builds guests, found in the same way.
pub fn find_builder(given: Option<&Path>) -> Result<PathBuf, CheckError> {
    program(BUILDER, given)
}

fn program(program: &'static str, given: Option<&Path>) -> Result<PathBuf, CheckError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe()
        .ok()
        .and_then(|this| this.parent().map(Path::to_owned));
    let path = env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
        .ok_or(CheckError::NoProgram(program))
}

/// Check a module with the program `netsonde`: what it is and asks for, and how it does in the lab's censor suite, or in the
/// author's in the folder `suite`. An error means that nobody knows; a module that does not pass has a report that says why.
pub fn check(netsonde: &Path, file: &Path, suite: Option<&Path>) -> Result<CheckReport, CheckError> {
    let mut command = Command::new(netsonde);
    command.args(["--json", "check"]);
    if let Some(suite) = suite {
        command.arg("--suite").arg(suite);
    }
    command.arg("--").arg(file);
    let asked = Asked { netsonde, file };
    let ended = asked.run(&mut command, &MODULE)?;
    // Whether it passed is said twice, and a program that contradicts itself is not believed.
    let report: CheckReport = match serde_json::from_slice(&ended.stdout) {
        Ok(report) => report,
        Err(_) if ended.stdout.is_empty() => return Err(asked.no_report(&ended)),
        Err(error) => return Err(asked.malformed(&error)),
    };
    if report.passed != ended.status.success() {
        return Err(asked.malformed(&format!(
            "passed is {}, and it ended with {}",
            report.passed, ended.status
        )));
    }
    if report.passed && (report.about.is_none() || !report.findings.is_empty()) {
        return Err(asked.malformed(&"it passed, and not all is known of it"));
    }
    Ok(report)
}

/// Check a script with the program `netsonde`, which knows its own modules and those in `modules`.
pub fn check_script(netsonde: &Path, script: &Path, modules: &[PathBuf]) -> Result<ScriptReport, CheckError> {
    let mut command = Command::new(netsonde);
    command.args(["--json", "check-script"]);
    for module in modules {
        command.arg("--module").arg(module);
    }
    command.arg("--").arg(script);
    let asked = Asked {
        netsonde,
        file: script,
    };
    let ended = asked.run(&mut command, &SCRIPT)?;
    let diagnostics: Vec<Diagnostic> = serde_json::Deserializer::from_slice(&ended.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| asked.malformed(&error))?;
    let has_errors = diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    // It ends so, too, when it can not read what it is to check.
    if has_errors == ended.status.success() {
        return Err(asked.no_report(&ended));
    }
    Ok(ScriptReport {
        passed: !has_errors,
        diagnostics,
    })
}

/// Who is asked about what.
struct Asked<'a> {
    netsonde: &'a Path,
    file: &'a Path,
}

impl Asked<'_> {
    fn run(&self, command: &mut Command, limits: &Limits) -> Result<Ended, CheckError> {
        process::run(process::without_environment(command), limits).map_err(|cause| CheckError::Process {
            file: self.file.display().to_string(),
            cause,
        })
    }

    fn no_report(&self, ended: &Ended) -> CheckError {
        CheckError::NoReport {
            file: self.file.display().to_string(),
            program: self.netsonde.display().to_string(),
            status: ended.status.to_string(),
            said: ended.stderr.trim().to_owned(),
        }
    }

    fn malformed(&self, problem: &dyn Display) -> CheckError {
        CheckError::Malformed {
            file: self.file.display().to_string(),
            program: self.netsonde.display().to_string(),
            problem: problem.to_string(),
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
