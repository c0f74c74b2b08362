//! `cargo xtask ios-size`: how large the library for iOS is, and how long it takes from its start to its first events.
//!
//! Built for this machine, as a shared library, with the profile `mobile`: what is loaded of it, which is what stripping leaves.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::Args;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags, elf};
use serde_json::{Value, json};

use super::build::{self, host};
use super::prover::{PROVER, settings};
use super::{PACKAGE, PROFILE};

/// How large the library for iOS is, and how fast it starts.
#[derive(Args)]
pub(crate) struct IosSize {
    /// The cargo profile.
    #[arg(long, default_value = "mobile")]
    profile: String,

    /// How often it is started.
    #[arg(long, default_value_t = 21)]
    starts: usize,
}

impl IosSize {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        self.size()?;
        self.start_up()
    }

    fn size(&self) -> anyhow::Result<()> {
        let target = host()?;
        let mut arguments = vec!["rustc", "--package", PACKAGE, "--lib", "--crate-type", "cdylib"];
        arguments.extend(["--profile", &self.profile, "--target", &target]);
        arguments.extend(PROFILE);
        let library = build::run(&arguments, &[])?.whole()?.file(".so")?;
        let library = fs::read(library).context("read the library")?;
        let file = object::File::parse(library.as_slice()).context("read the library's sections")?;
        let loaded = file.sections().filter(|section| {
            matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & u64::from(elf::SHF_ALLOC) != 0)
        });
        let sections: BTreeMap<String, u64> = loaded
            .filter(|section| section.kind() != object::SectionKind::UninitializedData)
            .map(|section| (section.name().unwrap_or_default().to_owned(), section.size()))
            .collect();
        let total: u64 = sections.values().sum();
        let tls: u64 = file
            .symbols()
            .filter(|symbol| symbol.name().is_ok_and(|name| name.starts_with("aws_lc_")))
            .map(|symbol| symbol.size())
            .sum();
        ensure!(
            tls > 0,
            "no function of aws-lc is there: is the library stripped?"
        );
        println!(
            "{PACKAGE} {} --profile {}, {target}, shared, bytes",
            PROFILE.join(" "),
            self.profile
        );
        for (name, size) in sections.iter().filter(|(_, size)| **size > 50_000) {
            println!("  {size:>9} {name}");
        }
        println!("  {total:>9} all that is loaded: the library, stripped");
        println!("  {tls:>9} of that, functions and tables of aws-lc (TLS)");
        println!("  {:>9} without them", total - tls);
        Ok(())
    }

    /// From the start of the process to the first event, and to the first target, of a task that needs no network before it.
    fn start_up(&self) -> anyhow::Result<()> {
        let target = host()?;
        let arguments = [
            "build",
            "--package",
            PROVER,
            "--profile",
            &self.profile,
            "--target",
            &target,
        ];
        let program = build::run(&arguments, &[])?.whole()?.file(PROVER)?;
        let folder = tempfile::tempdir().context("make a folder")?;
        let mut task = settings();
        task["name"] = "telegram".into();
        task["state_dir"] = folder.path().join("state").to_string_lossy().into();
        let path = folder.path().join("task.json");
        fs::write(&path, json!(task).to_string()).context("write the settings of a task")?;
        let mut times: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for _ in 0..self.starts {
            let output = Command::new(&program)
                .arg("--start-up")
                .arg(&path)
                .output()
                .context("start it")?;
            ensure!(output.status.success(), "it ended with {}", output.status);
            let said: Value = serde_json::from_slice(&output.stdout).context("read what it printed")?;
            for what in ["first_event_us", "first_target_us"] {
                let time = said[what]
                    .as_u64()
                    .with_context(|| format!("it did not say {what}"))?;
                times.entry(what).or_default().push(time);
            }
        }
        println!("medians of {} starts, from the program's first line", self.starts);
        for (what, mut times) in times {
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            println!("  {median:>9} {what}");
        }
        Ok(())
    }
}
