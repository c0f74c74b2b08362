//! The scripts that the design was published with, in both spellings.

use std::io::Write as _;
use std::path::PathBuf;

use netsonde_script::{Instruction, Parsed, Script, Targets, parse};

use crate::vocabulary::vocabulary;

/// A script of the design, which lies beside the checkout; none where it does not.
pub(crate) fn fixture(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/scripts")
        .join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            // Written, not printed: of a test that passes libtest shows nothing that is printed.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {}: {error}", path.display());
            None
        }
    }
}

fn accept(name: &str, text: &str) -> Parsed {
    parse(name, text.as_bytes(), &vocabulary()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// The later spelling of a script in the original one.
pub(crate) fn respell(text: &str) -> String {
    let mut later = text.to_owned();
    for (name, new_name) in [
        (r#""instructions":"#, r#""commands":"#),
        (r#""ui:draw_card@v1""#, r#""ui/set_suite""#),
        (r#""ui:set_progress_bar@v1""#, r#""ui/set_progress_bar_range""#),
        (r#""nettest:run@v1""#, r#""nettest/run""#),
    ] {
        later = later.replace(name, new_name);
    }
    // Instructions and mini nettests differ in their names: an instruction's has a slash.
    let mut inside_mini = false;
    let mut lines = Vec::new();
    for line in later.lines() {
        let mut line = line.to_owned();
        if line.contains(r#""run":"#) {
            inside_mini = !line.contains('/');
            let selector = if inside_mini {
                r#""run_mini_nettest":"#
            } else {
                r#""run_command":"#
            };
            line = line.replace(r#""run":"#, selector);
            if inside_mini {
                line = line.replace("@v1\"", "\"");
            }
        }
        let arguments = if inside_mini {
            r#""with_target":"#
        } else {
            r#""with_arguments":"#
        };
        lines.push(line.replace(r#""with":"#, arguments));
    }
    lines.join("\n")
}

fn runs(script: &Script) -> Vec<(String, bool)> {
    script
        .instructions
        .iter()
        .filter_map(|instruction| match instruction {
            Instruction::RunNettest(run) => Some((run.nettest_name.clone(), run.known.is_ok())),
            _ => None,
        })
        .collect()
}

#[test]
fn the_simple_script_of_the_design_is_two_targets_of_urlgetter() {
    let Some(text) = fixture("seed_simple.jsonc") else {
        return;
    };
    let Parsed { script, warnings } = accept("seed_simple.jsonc", &text);
    let [Instruction::RunNettest(run)] = script.instructions.as_slice() else {
        panic!("{script:?}")
    };
    assert_eq!(run.known, Ok(()));
    assert_eq!(
        run.report_id.as_deref(),
        Some("20230406T142431Z_urlgetter_IT_30722_n1_8vFVXzjCjfUFbOA5")
    );
    let Targets::Generic(targets) = &run.targets else {
        panic!("{run:?}")
    };
    let [tls, quic] = targets.as_slice() else {
        panic!("{targets:?}")
    };
    assert_eq!(tls.input.as_deref(), Some("https://8.8.8.8/"));
    assert_eq!(tls.annotations.get("check_type").map(String::as_str), Some("tls"));
    assert_eq!(
        tls.options.get("TLSServerName").and_then(|name| name.as_str()),
        Some("dns.google")
    );
    assert_eq!(tls.skipped, None);
    // HTTP/3 without HTTP/3 would be another measurement.
    assert!(
        quic.skipped.as_deref().unwrap().contains("HTTP3Enabled"),
        "{quic:?}"
    );
    assert_eq!(warnings.warnings(), 1, "{warnings}");
}

#[test]
fn the_full_script_of_the_design_is_accepted_and_what_is_unknown_is_marked() {
    let Some(text) = fixture("seed_full.jsonc") else {
        return;
    };
    let Parsed { script, warnings } = accept("seed_full.jsonc", &text);
    let known: Vec<String> = runs(&script)
        .into_iter()
        .filter(|(_, known)| *known)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(known, ["telegram", "urlgetter"]);
    assert_eq!(runs(&script).len(), 16);
    assert_eq!(script.instructions.len(), 5 + 16 + 16);
    // Fourteen unknown nettests, HTTP3Enabled, and a progress bar that runs backwards.
    assert_eq!(warnings.warnings(), 16, "{warnings}");
}

#[test]
fn both_spellings_of_a_script_mean_the_same() {
    for name in ["seed_simple.jsonc", "seed_full.jsonc"] {
        let Some(text) = fixture(name) else { return };
        let later = respell(&text);
        assert!(
            later.contains("run_command") && !later.contains(r#""run":"#) && !later.contains(r#""with":"#)
        );
        assert_eq!(accept(name, &text).script, accept(name, &later).script, "{name}");
    }
}
