//! Part 1: what must not build does not, and what must not be there is not.

use anyhow::ensure;

use super::build::{self, IOS, host};
use super::report::Report;
use super::{PACKAGE, PROFILE};
use crate::cross::Cross;

/// The features that are refused for iOS, with the crate that refuses each and what it says.
const REFUSED: [(&str, &str, &str); 2] = [
    ("compiler", "netsonde-sandbox", "on iOS nothing may be compiled"),
    ("install", "netsonde-probe", "on iOS no module may be installed"),
];

/// What can be written only with those features: documentation tests of these crates, so many in all.
const GATED: [&str; 2] = ["netsonde-sandbox", "netsonde-probe"];
const GATES: usize = 6;

pub(super) fn check(report: &mut Report) {
    let checked = Cross::of_workspace(IOS, PACKAGE, &PROFILE).check();
    let checked = checked.map(|checked| {
        let skipped: Vec<String> = checked.skipped.iter().map(ToString::to_string).collect();
        format!("without the C of {}", skipped.join("; "))
    });
    report.check(&format!("the library type-checks for {IOS}"), checked);
    for (feature, package, says) in REFUSED {
        let features = format!("pulley,{feature}");
        let arguments = ["--no-default-features", "--features", &features];
        let refused = Cross::of_workspace(IOS, package, &arguments)
            .refusal()
            .and_then(|said| {
                ensure!(said.contains(says), "not by us:\n{said}");
                Ok(says.to_owned())
            });
        report.check(&format!("the feature `{feature}` is refused for iOS"), refused);
    }
    report.check("no function takes a module as bytes or from a file", gates());
}

/// Whether the documentation tests hold: what they show must not build. With all features it must, which `cargo test` sees.
fn gates() -> anyhow::Result<String> {
    let target = host()?;
    let mut arguments = vec!["test", "--doc", "--target", &target];
    arguments.extend(["--no-default-features", "--features", "pulley"]);
    for package in GATED {
        arguments.extend(["--package", package]);
    }
    arguments.extend(["--", "gates"]);
    let built = build::run(&arguments, &[])?;
    let failed = built.tests_failed();
    ensure!(failed == 0, "{failed} that must not build do");
    let passed = built.whole()?.tests_passed();
    ensure!(passed == GATES, "{passed} of {GATES} were looked at");
    Ok(format!("{passed} looked at"))
}
