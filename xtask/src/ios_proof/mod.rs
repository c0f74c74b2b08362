//! `cargo xtask ios-proof`: what is built for iOS runs the modules that are part of it, interpreted, and has no way to any other.
//!
//! Five parts, each a list of things looked at: [`gates`] (what must not build does not, and what must not be there is not),
//! [`graph`] (what the library is made of), [`library`] (what is in it once it is built), and [`behaviour`], which runs it: the
//! preinstalled modules in the lab under a filter that kills whoever asks for executable memory or starts a program, artefacts
//! that do not fit, and a script that names a module which is not there. What is run is built for this machine with the features
//! that iOS gets: all but the compiler's target is the same.

#![expect(
    clippy::indexing_slicing,
    reason = "by names, in JSON that is an object or only read, which does not panic"
)]

mod behaviour;
mod build;
mod gates;
mod graph;
mod library;
mod mutants;
mod prover;
mod report;
mod size;

use anyhow::bail;
use clap::Args;

use crate::cross::IOS_FEATURES as PROFILE;
use report::Report;
pub(crate) use size::IosSize;

/// The library.
pub(crate) const PACKAGE: &str = "netsonde-mobile";

/// Prove what the library for iOS can not do.
#[derive(Args)]
pub(crate) struct IosProof {
    /// Only these parts, 1 to 5; all if nothing is said.
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=5))]
    part: Vec<u8>,

    /// The cargo profile that the library is built with.
    #[arg(long, default_value = "dev")]
    profile: String,

    /// Take away one guard after the other, in a copy, and see that the proof fails each time. Takes long.
    #[arg(long)]
    mutants: bool,

    /// With --mutants: only those whose name has this in it.
    #[arg(long, value_name = "NAME", requires = "mutants")]
    only: Option<String>,
}

impl IosProof {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.mutants {
            return mutants::run(self.only.as_deref());
        }
        let mut report = Report::default();
        let asked = |part: u8| self.part.is_empty() || self.part.contains(&part);
        if asked(1) {
            Report::part(1, "feature gates");
            gates::check(&mut report);
        }
        if asked(2) {
            Report::part(2, "what the library is made of");
            graph::check(&mut report);
        }
        if asked(3) {
            Report::part(3, "symbols and strings of the built library");
            library::check(&mut report, &self.profile);
        }
        if asked(4) {
            Report::part(
                4,
                "what it does: every preinstalled module, in the lab, under a filter that kills",
            );
            behaviour::modules(&mut report, &self.profile);
        }
        if asked(5) {
            Report::part(5, "a script that names a module which is not there");
            behaviour::uninstalled(&mut report, &self.profile);
        }
        match report.failed() {
            0 => Ok(()),
            failed => bail!("ios-proof: {failed} of {} failed", report.checks()),
        }
    }
}
