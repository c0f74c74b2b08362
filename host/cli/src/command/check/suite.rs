//! The module in the lab, once in each scenario of a suite.
//!
//! Nothing here that a user could not type: `netsonde lab --scenario … -- netsonde runx --record …`, and then `netsonde
//! replay`. `builtin` has the suite for everybody, `given` reads an author's, `judge` says what a run came to.

#[cfg(target_os = "linux")]
mod builtin;
#[cfg(target_os = "linux")]
mod given;
#[cfg(target_os = "linux")]
mod judge;

#[cfg(target_os = "linux")]
pub(super) use linux::run;

/// There is no lab.
#[cfg(not(target_os = "linux"))]
pub(super) fn run(
    _: &crate::args::Check,
    _: &netsonde_probe::sandbox::Inside,
    _: &std::path::Path,
    report: &mut super::report::Report,
) -> anyhow::Result<()> {
    report.skip_suite("the lab needs Linux: it is made of network namespaces");
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;
    use std::sync::PoisonError;
    use std::thread;
    use std::time::{Duration, Instant};

    use anyhow::Context as _;
    use netsonde_probe::sandbox::{Inside, Verdict};

    use super::{builtin, given, judge};
    use crate::args::Check;
    use crate::command::check::process::{self, Ended};
    use crate::command::check::report::{Report, ScenarioRun};
    use crate::env;

    /// How long a suite may take.
    const TIME: Duration = Duration::from_mins(10);
    /// How many scenarios are run at once, where there are processors for them: most of their time they wait.
    const AT_ONCE: usize = 4;

    /// What is run, and where.
    pub(super) struct Suite {
        /// The folder with `script.jsonc` and `location.jsonc`.
        pub(super) folder: PathBuf,
        /// The scenarios, in their order: name and file.
        pub(super) scenarios: Vec<(String, PathBuf)>,
        /// The verdicts that are wanted, by scenario.
        pub(super) expected: BTreeMap<String, Verdict>,
        /// Whether nobody could say what the module takes.
        pub(super) is_guessed: bool,
        /// Whether the verdict says something of the module, and not of the nettest that runs it.
        pub(super) has_verdict: bool,
    }

    /// Run the suite, if there is a lab. What is wrong with a suite is a finding like others.
    pub(in crate::command::check) fn run(
        args: &Check,
        inside: &Inside,
        kept: &Path,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        if let Err(why) = netsonde_lab::available() {
            report.skip_suite(why.to_string());
            return Ok(());
        }
        let folder = kept.join("suite");
        fs::create_dir(&folder).context("make a folder for the suite")?;
        let suite = match &args.suite {
            Some(dir) => given::suite(dir, &folder),
            None => builtin::suite(inside, &folder)?,
        };
        match suite {
            Ok(suite) => suite.run(&args.module, inside, kept, report),
            Err(why) => {
                report.find("suite", why);
                Ok(())
            }
        }
    }

    impl Suite {
        fn run(
            &self,
            module: &Path,
            inside: &Inside,
            kept: &Path,
            report: &mut Report,
        ) -> anyhow::Result<()> {
            let deadline = Instant::now() + TIME;
            let waiting = Mutex::new(self.scenarios.iter().enumerate());
            let done = Mutex::new(BTreeMap::new());
            let at_once = thread::available_parallelism().map_or(1, usize::from);
            thread::scope(|scope| {
                for _ in 0..at_once.min(AT_ONCE) {
                    scope.spawn(|| {
                        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                        while let Some((number, (name, scenario))) = next() {
                            let step = Step {
                                suite: self,
                                module,
                                inside,
                                kept,
                                folder: kept.join("runs").join(name),
                                deadline,
                            };
                            let ran = step.run(name, scenario);
                            done.lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .insert(number, (name, ran));
                        }
                    });
                }
            });
            for (name, ran) in done
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .into_values()
            {
                let (run, findings) = ran?;
                for why in findings {
                    report.find(format!("suite/{name}"), why);
                }
                report.ran(run);
            }
            Ok(())
        }
    }

    /// One scenario.
    struct Step<'a> {
        suite: &'a Suite,
        module: &'a Path,
        inside: &'a Inside,
        kept: &'a Path,
        /// Where everything of this scenario is written.
        folder: PathBuf,
        deadline: Instant,
    }

    impl Step<'_> {
        fn run(&self, name: &str, scenario: &Path) -> anyhow::Result<(ScenarioRun, Vec<String>)> {
            let write = || format!("make {}", self.folder.display());
            fs::create_dir_all(&self.folder).with_context(write)?;
            let measured = self
                .measure(scenario)
                .with_context(|| format!("run scenario {name}"))?;
            let recorded = self.folder.join("recorded");
            let mut judged = judge::of(&measured, &recorded, &self.inside.digest, self.suite.is_guessed);
            if judged.findings.is_empty() {
                let replayed = self
                    .replay(&recorded)
                    .with_context(|| format!("replay scenario {name}"))?;
                judged.findings.extend(judge::replay(&replayed));
            }
            if !self.suite.has_verdict {
                (judged.verdict, judged.says) = (None, None);
            }
            if let Some(expected) = self.suite.expected.get(name)
                && judged.verdict != Some(*expected)
            {
                judged.findings.push(judged.is_not(*expected));
            }
            Ok((judged.as_run(name), judged.findings))
        }

        /// `netsonde lab --scenario … -- netsonde --json runx …`
        fn measure(&self, scenario: &Path) -> anyhow::Result<Ended> {
            let suite = &self.suite.folder;
            let mut command = process::this(self.kept)?;
            let this = command.get_program().to_owned();
            // What a module keeps in one scenario is not to be there in another.
            command.env(env::STATE_DIR, self.folder.join("state"));
            command.args(["lab", "--scenario"]).arg(scenario).arg("--");
            command.arg(this).args(["--json", "runx"]);
            command.arg("--location-file").arg(suite.join("location.jsonc"));
            command.arg("--script-file").arg(suite.join("script.jsonc"));
            command.arg("--module").arg(self.module);
            command.arg("--record").arg(self.folder.join("recorded"));
            command.arg("-o").arg(self.folder.join("report.jsonl"));
            command.args(["--parallelism", "2"]);
            self.within(command)
        }

        /// `netsonde --json replay …`
        fn replay(&self, recorded: &Path) -> anyhow::Result<Ended> {
            let mut command = process::this(self.kept)?;
            command.args(["--json", "replay"]).arg(recorded);
            command.arg("--module").arg(self.module);
            self.within(command)
        }

        fn within(&self, command: std::process::Command) -> anyhow::Result<Ended> {
            let left = self.deadline.saturating_duration_since(Instant::now());
            Ok(process::run(command, left)?)
        }
    }
}
