//! The targets of a nettest: mini nettests, or inputs with options.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::arguments::{self, Arguments, Subject};
use crate::diagnostics::Problems;
use crate::fields::{self, Fields};
use crate::names::{Versioned, join};
use crate::node::{Kind, Member, Node, Span};
use crate::script::{MiniTarget, Target, Targets};
use crate::vocabulary::{InputPolicy, Nettest, Vocabulary};
use crate::words::quoted;

/// The targets of a known nettest.
pub(crate) fn targets(
    name: &str,
    nettest: &Nettest,
    member: Option<&Member<'_>>,
    head: Span,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Targets {
    let items = member.and_then(|member| fields::items(member, problems));
    match nettest.input {
        InputPolicy::None => Targets::Mini(
            items
                .unwrap_or_default()
                .iter()
                .filter_map(|item| mini(item, vocabulary, problems))
                .collect(),
        ),
        InputPolicy::Required => {
            let message = format!("{} measures inputs, and there is no target", quoted(name));
            match (member, items) {
                (None, _) => {
                    problems
                        .error(head, message)
                        .hint(r#"add "targets": [{ "input": "…" }]"#);
                }
                (Some(member), Some([])) => {
                    problems.warning(member.value.head(), message);
                }
                _ => {}
            }
            generic_list(name, nettest, items.unwrap_or_default(), problems)
        }
        InputPolicy::Optional if items.unwrap_or_default().is_empty() => {
            Targets::Generic(vec![Target::default()])
        }
        InputPolicy::Optional => generic_list(name, nettest, items.unwrap_or_default(), problems),
    }
}

fn generic_list(name: &str, nettest: &Nettest, items: &[Node<'_>], problems: &mut Problems) -> Targets {
    Targets::Generic(
        items
            .iter()
            .filter_map(|item| generic(name, nettest, item, problems))
            .collect(),
    )
}

fn generic(name: &str, nettest: &Nettest, item: &Node<'_>, problems: &mut Problems) -> Option<Target> {
    let mut target = Fields::of(item, format!("a target of {}", quoted(name)), problems)?;
    let input = match nettest.input {
        InputPolicy::Required => target.need(&["input", "url"], "say what to measure", problems),
        InputPolicy::Optional | InputPolicy::None => target.get(&["input", "url"], problems),
    };
    let annotations = fields::strings(target.get(&["annotations"], problems), problems);
    let attributes = attributes(
        &mut target,
        input.is_some_and(|input| input.name == "url"),
        problems,
    );
    let options = target.get(&["options"], problems);
    let subject = Subject {
        member: "option",
        owner: name,
        head: options.map_or_else(|| target.head(), |options| options.value.head()),
    };
    let options = arguments::check(&subject, options, None, &nettest.options, problems);
    let secret = secret_options(name, &mut target, problems);
    target.finish(problems);
    Some(Target {
        input: input.and_then(|input| fields::filled(input, problems)),
        annotations,
        options: options.values,
        attributes,
        skipped: options.skipped.or(secret),
    })
}

/// The attributes of a target. The later spelling has two of them beside `url`.
fn attributes(target: &mut Fields<'_, '_>, beside_url: bool, problems: &mut Problems) -> Map<String, Value> {
    let member = target.get(&["attributes", "ui_attributes"], problems);
    let mut attributes = fields::map(member, problems);
    if !beside_url {
        return attributes;
    }
    for name in ["category_code", "country_code"] {
        let Some(beside) = target.get(&[name], problems) else {
            continue;
        };
        let inside = member
            .into_iter()
            .flat_map(|member| member.value.members())
            .find(|inside| inside.name == name);
        if let Some(inside) = inside {
            problems
                .error(
                    beside.name_span.clone(),
                    format!("`{name}` is among the attributes already"),
                )
                .related(inside.name_span.clone(), "given here")
                .hint("keep one of them");
        }
        if let Some(text) = fields::string(beside, problems) {
            attributes.insert(name.to_owned(), Value::String(text));
        }
    }
    attributes
}

/// Options that never leave the device. No nettest of this probe takes any.
fn secret_options(name: &str, target: &mut Fields<'_, '_>, problems: &mut Problems) -> Option<String> {
    let secret = target.get(&["secret_options"], problems)?;
    let members = fields::object(secret, problems)?;
    if members.iter().all(|member| member.value.is_zero()) {
        return None;
    }
    let why = format!("this probe knows no secret options of {}", quoted(name));
    problems.warning(secret.name_span.clone(), format!("{why}: the target is skipped"));
    Some(why)
}

fn mini(item: &Node<'_>, vocabulary: &Vocabulary, problems: &mut Problems) -> Option<MiniTarget> {
    let mut target = Fields::of(item, "a mini nettest", problems)?;
    let hint = r#"say which mini nettest it is: "run": "dns-lookup@v1""#;
    let selector = target.need(&["run", "run_mini_nettest", "run_command"], hint, problems)?;
    let written = fields::filled(selector, problems)?;
    let mut name = Versioned::split(&written);
    // The later spelling has no versions; what it has is version 1.
    if name.major.is_none() && selector.name != "run" {
        name.major = Some(1);
    }
    let run = join(name.bare, name.major.unwrap_or(0));
    let known = match vocabulary.mini(name) {
        Ok(mini) => mini,
        Err(unknown) => {
            problems
                .warning(selector.value.head(), format!("{}: it is skipped", unknown.why))
                .maybe_hint(unknown.hint);
            return Some(MiniTarget {
                run,
                with: Map::new(),
                tags: Vec::new(),
                skipped: Some(unknown.why),
            });
        }
    };
    let id = target.get(&["id"], problems);
    let with = target.get(&["with", "with_target", "with_arguments"], problems);
    let among = with.and_then(|with| with.value.members().iter().find(|member| member.name == "tags"));
    let tags = tags(id, among, problems);
    let subject = Subject {
        member: "argument",
        owner: &run,
        head: with.map_or_else(|| target.head(), |with| with.value.head()),
    };
    let Arguments { values, skipped } = arguments::check(&subject, with, Some("tags"), &known.with, problems);
    target.finish(problems);
    Some(MiniTarget {
        run,
        with: values,
        tags,
        skipped,
    })
}

/// The tags of a mini nettest: a list among its arguments, or in the later spelling a single one beside its name.
fn tags(id: Option<&Member<'_>>, tags: Option<&Member<'_>>, problems: &mut Problems) -> Vec<String> {
    if let (Some(id), Some(tags)) = (id, tags) {
        let (first, second) = if id.name_span.start < tags.name_span.start {
            (id, tags)
        } else {
            (tags, id)
        };
        problems
            .error(
                second.name_span.clone(),
                "`id` and `tags` are two names of one thing",
            )
            .related(first.name_span.clone(), "first given here")
            .hint("keep `tags`, which can hold the `id`");
    }
    if let Some(tags) = tags {
        let items = fields::items(tags, problems).unwrap_or_default();
        return items
            .iter()
            .filter_map(|item| match &item.kind {
                Kind::String(tag) if !tag.is_empty() => Some(tag.clone().into_owned()),
                _ => {
                    let found = if item.is_zero() {
                        "an empty one"
                    } else {
                        item.noun()
                    };
                    problems.error(item.head(), format!("a tag must be a string, not {found}"));
                    None
                }
            })
            .collect();
    }
    let id = id.and_then(|id| fields::string(id, problems));
    id.into_iter().filter(|id| !id.is_empty()).collect()
}

/// Test helpers by name.
pub(crate) fn test_helpers(
    member: Option<&Member<'_>>,
    problems: &mut Problems,
) -> BTreeMap<String, Vec<crate::script::TestHelper>> {
    let members = member
        .and_then(|member| fields::object(member, problems))
        .unwrap_or_default();
    let mut helpers = BTreeMap::new();
    for member in members {
        let items = fields::items(member, problems).unwrap_or_default();
        let list = items
            .iter()
            .filter_map(|item| test_helper(item, problems))
            .collect();
        helpers.insert(member.name.clone().into_owned(), list);
    }
    helpers
}

fn test_helper(item: &Node<'_>, problems: &mut Problems) -> Option<crate::script::TestHelper> {
    let mut helper = Fields::of(item, "a test helper", problems)?;
    let address = helper.need(&["address"], "say where it is, usually a URL", problems);
    let kind = helper.need(
        &["type"],
        "say how to reach it: `https`, `cloudfront`, `legacy`",
        problems,
    );
    let front = helper.get(&["front"], problems);
    helper.finish(problems);
    let address = address.and_then(|address| fields::filled(address, problems));
    let kind = kind.and_then(|kind| fields::filled(kind, problems));
    let front = front.and_then(|front| fields::string(front, problems));
    Some(crate::script::TestHelper {
        address: address?,
        kind: kind?,
        front: front.filter(|front| !front.is_empty()),
    })
}
