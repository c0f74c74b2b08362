//! The script itself: its version, its instructions, and what each takes.

use std::collections::BTreeMap;

use crate::diagnostics::Problems;
use crate::fields::{self, Fields};
use crate::names::{Versioned, join};
use crate::node::{Kind, Member, Node};
use crate::script::{Instruction, NettestRun, Script, Targets, TestHelper};
use crate::targets;
use crate::vocabulary::{Unknown, Vocabulary};
use crate::words::quoted;

/// The version of the format that this crate reads.
pub const VERSION: u64 = 2;

/// Every instruction, under every name it has. Names are compared after taking `@v0` off.
const NAMES: &[(&str, Name)] = &[
    ("ui:draw_card@v1", Name::DrawCard),
    ("ui:set_progress_bar@v1", Name::SetProgressBar),
    ("nettest:run@v1", Name::RunNettest),
    ("ui/set_suite", Name::DrawCard),
    ("ui/set_progress_bar_range", Name::SetProgressBar),
    ("ui/set_progress_bar_value", Name::SetProgressBarValue),
    ("nettest/run", Name::RunNettest),
];

#[derive(Clone, Copy)]
enum Name {
    DrawCard,
    SetProgressBar,
    SetProgressBarValue,
    RunNettest,
}

/// Read a script. None, or a part of it, only where errors were reported.
pub(crate) fn script(root: &Node<'_>, vocabulary: &Vocabulary, problems: &mut Problems) -> Option<Script> {
    let mut top = Fields::of(root, "a script", problems)?;
    let list = top.need(
        &["instructions", "commands"],
        r#"a script is { "instructions": […], "v": 2 }"#,
        problems,
    );
    let later = list.is_some_and(|list| list.name == "commands");
    let version = top.get(&["v"], problems);
    let config = top
        .get(&["config"], problems)
        .and_then(|config| configuration(config, problems));
    check_version(version, &top, later, problems);
    top.finish(problems);
    let items = fields::items(list?, problems)?;
    let mut instructions: Vec<Instruction> = items
        .iter()
        .filter_map(|item| instruction(item, vocabulary, problems))
        .collect();
    if let Some(helpers) = config {
        for instruction in &mut instructions {
            if let Instruction::RunNettest(run) = instruction
                && run.test_helpers.is_empty()
            {
                run.test_helpers.clone_from(&helpers);
            }
        }
    }
    Some(Script {
        version: VERSION,
        instructions,
    })
}

fn check_version(version: Option<&Member<'_>>, top: &Fields<'_, '_>, later: bool, problems: &mut Problems) {
    let hint = format!(r#"add "v": {VERSION}, the only version that this probe reads"#);
    match version {
        None if later => {
            problems
                .warning(
                    top.head(),
                    "the script does not say which version of the format it has",
                )
                .hint(hint);
        }
        None => {
            problems
                .error(
                    top.head(),
                    "the script does not say which version of the format it has",
                )
                .hint(hint);
        }
        Some(member) => match &member.value.kind {
            Kind::Number(number) if number.as_u64() == Some(VERSION) => {}
            Kind::Number(number) => {
                problems
                    .error(
                        member.value.head(),
                        format!("this probe does not read version {number} of the format"),
                    )
                    .hint(format!("it reads version {VERSION} only"));
            }
            _ => {
                let noun = member.value.noun();
                problems.error(
                    member.value.head(),
                    format!("`v` must be the number {VERSION}, not {noun}"),
                );
            }
        },
    }
}

/// The test helpers for every nettest that has none of its own.
fn configuration(config: &Member<'_>, problems: &mut Problems) -> Option<BTreeMap<String, Vec<TestHelper>>> {
    let mut config = Fields::of(&config.value, "`config`", problems)?;
    let helpers = targets::test_helpers(config.get(&["test_helpers"], problems), problems);
    config.finish(problems);
    Some(helpers)
}

fn instruction(item: &Node<'_>, vocabulary: &Vocabulary, problems: &mut Problems) -> Option<Instruction> {
    let mut fields = Fields::of(item, "an instruction", problems)?;
    let hint = r#"say what to do: "run": "nettest:run@v1""#;
    let selector = fields.need(&["run", "run_command"], hint, problems)?;
    let name = fields::filled(selector, problems)?;
    let known = match find(&name) {
        Ok(known) => known,
        Err(unknown) => {
            problems
                .warning(selector.value.head(), format!("{}: it is skipped", unknown.why))
                .maybe_hint(unknown.hint);
            return Some(Instruction::Unknown {
                name,
                why: unknown.why,
            });
        }
    };
    let hint = format!(r#"{} takes arguments: "with": {{ … }}"#, quoted(&name));
    let with = fields.need(&["with", "with_arguments"], &hint, problems);
    fields.finish(problems);
    let with = with?;
    let with = Fields::of(
        &with.value,
        format!("{} of {}", quoted(&with.name), quoted(&name)),
        problems,
    )?;
    match known {
        Name::DrawCard => draw_card(with, problems),
        Name::SetProgressBar => set_progress_bar(with, problems),
        Name::SetProgressBarValue => set_progress_bar_value(with, problems),
        Name::RunNettest => run_nettest(with, vocabulary, problems).map(Instruction::RunNettest),
    }
}

/// The instruction of that name, or why there is none.
fn find(name: &str) -> Result<Name, Unknown> {
    let given = Versioned::split(name);
    let plain = join(given.bare, given.major.unwrap_or(0));
    if let Some((_, known)) = NAMES.iter().find(|(known, _)| *known == plain) {
        return Ok(*known);
    }
    Err(
        match NAMES
            .iter()
            .find(|(known, _)| Versioned::split(known).bare == given.bare)
        {
            Some((known, _)) => Unknown {
                why: format!("this probe knows the instruction `{known}` and no other version of it"),
                hint: given.major.is_none().then(|| format!("did you mean `{known}`?")),
            },
            None => Unknown::name(
                "instruction",
                name,
                NAMES.iter().map(|(known, _)| (*known).to_owned()),
            ),
        },
    )
}

fn draw_card(mut with: Fields<'_, '_>, problems: &mut Problems) -> Option<Instruction> {
    let suite_name = with.need(&["suite_name"], "say whose card to draw", problems);
    with.finish(problems);
    Some(Instruction::DrawCard {
        suite_name: fields::filled(suite_name?, problems)?,
    })
}

fn set_progress_bar(mut with: Fields<'_, '_>, problems: &mut Problems) -> Option<Instruction> {
    let initial = with.need(
        &["initial_value"],
        "say where the bar begins, from 0 to 1",
        problems,
    );
    let max = with.need(&["max_value"], "say where the bar ends, from 0 to 1", problems);
    let suite_name = suite(with.get(&["suite_name"], problems), problems);
    with.finish(problems);
    let initial_value = initial.and_then(|initial| fields::fraction(initial, problems));
    let max_value = max.and_then(|max| fields::fraction(max, problems));
    let (initial_value, max_value) = (initial_value?, max_value?);
    if let (true, Some(initial), Some(max)) = (initial_value > max_value, initial, max) {
        problems
            .warning(
                max.value.head(),
                format!("the progress bar would run backwards, from {initial_value} to {max_value}"),
            )
            .related(initial.value.head(), "more than the end")
            .hint("did you mean a greater `max_value`?");
    }
    Some(Instruction::SetProgressBar {
        initial_value,
        max_value,
        suite_name,
    })
}

fn set_progress_bar_value(mut with: Fields<'_, '_>, problems: &mut Problems) -> Option<Instruction> {
    let suite_name = suite(with.get(&["suite_name"], problems), problems);
    let value = with.need(&["value"], "say where the bar is, from 0 to 1", problems);
    with.finish(problems);
    Some(Instruction::SetProgressBarValue {
        suite_name,
        value: fields::fraction(value?, problems)?,
    })
}

/// An optional suite; empty is none.
fn suite(member: Option<&Member<'_>>, problems: &mut Problems) -> Option<String> {
    member
        .and_then(|member| fields::string(member, problems))
        .filter(|name| !name.is_empty())
}

fn run_nettest(
    mut with: Fields<'_, '_>,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<NettestRun> {
    let name = with.need(&["nettest_name"], "say which nettest to run", problems);
    let suite_name = suite(with.get(&["suite_name"], problems), problems).unwrap_or_default();
    let report_id = suite(with.get(&["report_id"], problems), problems);
    let annotations = fields::strings(with.get(&["annotations"], problems), problems);
    let feature_flags = fields::booleans(
        with.get(&["feature_flags", "experimental_flags"], problems),
        problems,
    );
    let test_helpers = targets::test_helpers(with.get(&["test_helpers"], problems), problems);
    let list = with.get(&["targets"], problems);
    let head = with.head();
    with.finish(problems);
    let name = name?;
    let written = fields::filled(name, problems)?;
    let versioned = Versioned::split(&written);
    let (targets, known) = match vocabulary.nettest(versioned) {
        Ok(nettest) => (
            targets::targets(&written, nettest, list, head, vocabulary, problems),
            Ok(()),
        ),
        Err(unknown) => {
            problems
                .warning(name.value.head(), format!("{}: it is skipped", unknown.why))
                .maybe_hint(unknown.hint);
            (Targets::Unchecked, Err(unknown.why))
        }
    };
    Some(NettestRun {
        nettest_name: versioned.bare.to_owned(),
        major: versioned.major.unwrap_or(0),
        suite_name,
        report_id,
        annotations,
        feature_flags,
        test_helpers,
        targets,
        known,
    })
}
