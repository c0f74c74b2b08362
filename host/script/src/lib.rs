//! Scripts: richer input that tells a probe which nettests to run, on which targets, with which options.
//!
//! Bytes become a checked, normalised [`Script`], or [`Diagnostics`] that say everything that is wrong with them at
//! once. Nothing here runs anything, and nothing here does I/O.
//!
//! # The format
//!
//! JSON with comments and trailing commas, and with nothing else that JSON does not have; at most 16 MiB, at most 64
//! levels deep, without a name twice in one object. Two spellings are read, the original one (`instructions`, `run`,
//! `with`, `nettest:run@v1`) and a later one (`commands`, `run_command`, `with_arguments`, `nettest/run`), and both
//! become the same [`Script`]:
//!
//! | what | original | later |
//! |---|---|---|
//! | the list | `instructions` | `commands` |
//! | what to do, and its arguments | `run`, `with` | `run_command`, `with_arguments` |
//! | draw a card | `ui:draw_card@v1` | `ui/set_suite` |
//! | the part of the progress bar | `ui:set_progress_bar@v1` | `ui/set_progress_bar_range` |
//! | the progress bar's value | – | `ui/set_progress_bar_value` |
//! | run a nettest | `nettest:run@v1` | `nettest/run` |
//! | a mini nettest, and its arguments | `run`, `with` | `run_mini_nettest` or `run_command`, `with_target` or `with_arguments` |
//! | the name of a mini nettest | `http-address@v1` | `http-address` |
//! | test helpers | in each nettest's arguments | in `config` as well, for nettests without their own |
//! | synonyms | `feature_flags`, `tags`, `attributes`, `input` | `experimental_flags`, `id`, `ui_attributes`, `url` |
//!
//! # What is unknown, what is odd, what is wrong
//!
//! - An unknown instruction, nettest, mini nettest, or version of one is kept, marked and reported as a warning. Its
//!   arguments are not looked at: a newer probe knows them.
//! - An unknown member is ignored with a warning. An unknown *option* of a target, or argument of a mini nettest, is
//!   not ignored, because the measurement would not be the one that was asked for: that target is marked to be skipped,
//!   unless the value says what would be without it (`false`, `0`, `""`).
//! - Anything known that is malformed is an error, and a script with an error is not run at all.

mod arguments;
mod diagnostics;
mod fields;
mod instructions;
mod locations;
mod names;
mod node;
mod script;
mod syntax;
mod targets;
mod vocabulary;
mod words;

pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use instructions::VERSION;
pub use script::{Instruction, MiniTarget, NettestRun, Script, Target, Targets, TestHelper};
pub use syntax::{MAX_DEPTH, MAX_SIZE};
pub use vocabulary::{InputPolicy, Vocabulary, VocabularyError};

use diagnostics::Problems;
use netsonde_data::location::Locations;
use syntax::Remedies;

const SCRIPT: Remedies = Remedies {
    empty: r#"the smallest script is { "instructions": [], "v": 2 }"#,
    too_large: "split it into several scripts",
};

const LOCATIONS: Remedies = Remedies {
    empty: r#"a location file is { "ipv4": { "probe_ip": "…", "probe_asn": 137, "probe_cc": "IT", … }, "ipv6": null }"#,
    too_large: "a location file holds two locations at most, one for each address family",
};

/// A script that may be run.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What it says.
    pub script: Script,
    /// What is skipped, and what looks like a mistake.
    pub warnings: Diagnostics,
}

/// Read a script. `name` is the file's, for messages. If anything is wrong, everything that is wrong comes back, together
/// with the warnings.
pub fn parse(name: &str, text: &[u8], vocabulary: &Vocabulary) -> Result<Parsed, Diagnostics> {
    let (script, warnings) = document(name, text, SCRIPT, |tree, problems| {
        instructions::script(tree, vocabulary, problems)
    })?;
    Ok(Parsed { script, warnings })
}

/// Read a location file: JSON like a script's, `{"ipv4": …, "ipv6": …}`. A member that is unknown is an error here,
/// because an address under a misspelt name would not be scrubbed from measurements.
pub fn parse_locations(name: &str, text: &[u8]) -> Result<Locations, Diagnostics> {
    document(name, text, LOCATIONS, locations::locations).map(|(locations, _)| locations)
}

/// Read a document, whatever it says. Without an error there is a value.
fn document<T>(
    name: &str,
    bytes: &[u8],
    remedies: Remedies,
    read: impl FnOnce(&node::Node<'_>, &mut Problems) -> Option<T>,
) -> Result<(T, Diagnostics), Diagnostics> {
    let mut problems = Problems::default();
    let text = syntax::decode(bytes, remedies, &mut problems);
    let value = match problems.errors() {
        0 => syntax::tree(&text, remedies, &mut problems).and_then(|tree| read(&tree, &mut problems)),
        _ => None,
    };
    let diagnostics = problems.finish(name, text);
    match value {
        Some(value) if diagnostics.errors() == 0 => Ok((value, diagnostics)),
        _ => Err(diagnostics),
    }
}
