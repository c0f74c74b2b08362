//! Reading the members of an object one by one: synonyms, types, what is missing and what nobody asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::diagnostics::Problems;
use crate::node::{Kind, Member, Node, Span, to_map};
use crate::words::{did_you_mean, one_of, quoted};

/// An object that is being read.
pub(crate) struct Fields<'n, 'a> {
    /// What the object is, for messages: "the arguments of `nettest:run@v1`".
    what: String,
    head: Span,
    members: &'n [Member<'a>],
    known: Vec<&'static str>,
    /// A member that was reported already.
    misspelt: Option<&'n Member<'a>>,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// Begin to read an object; anything else is an error.
    pub(crate) fn of(node: &'n Node<'a>, what: impl Into<String>, problems: &mut Problems) -> Option<Self> {
        let what = what.into();
        if let Kind::Object(members) = &node.kind {
            return Some(Self {
                what,
                head: node.head(),
                members,
                known: Vec::new(),
                misspelt: None,
            });
        }
        problems.error(
            node.head(),
            format!("{what} must be an object, not {}", node.noun()),
        );
        None
    }

    /// The opening bracket.
    pub(crate) fn head(&self) -> Span {
        self.head.clone()
    }

    /// The member under one of several names for the same thing. More than one is an error.
    pub(crate) fn get(&mut self, names: &[&'static str], problems: &mut Problems) -> Option<&'n Member<'a>> {
        self.known.extend(names);
        let mut given = self
            .members
            .iter()
            .filter(|member| names.contains(&member.name.as_ref()));
        let first = given.next()?;
        for second in given {
            problems
                .error(
                    second.name_span.clone(),
                    format!(
                        "{} and {} are two names of one thing",
                        quoted(&second.name),
                        quoted(&first.name)
                    ),
                )
                .related(first.name_span.clone(), "first given here")
                .hint("keep one of them");
        }
        Some(first)
    }

    /// Like `get`; absence is an error with that hint.
    pub(crate) fn need(
        &mut self,
        names: &[&'static str],
        hint: &str,
        problems: &mut Problems,
    ) -> Option<&'n Member<'a>> {
        let found = self.get(names, problems);
        if found.is_none() {
            let name = names.first().copied().unwrap_or_default();
            let problem = problems.error(self.head(), format!("{} must have a member `{name}`", self.what));
            let near = self.members.iter().find(|member| {
                !self.known.contains(&member.name.as_ref())
                    && did_you_mean(&member.name, names.iter().copied()).is_some()
            });
            match near {
                Some(member) => problem
                    .maybe_hint(did_you_mean(&member.name, names.iter().copied()))
                    .related(member.name_span.clone(), "misspelt?"),
                None => problem.hint(hint),
            };
            self.misspelt = self.misspelt.or(near);
        }
        found
    }

    /// Warn about the members that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for member in self.unknown() {
            problems
                .warning(
                    member.name_span.clone(),
                    format!("{}, which is ignored", self.has_no(member)),
                )
                .hint_with(|| self.instead_of(member));
        }
    }

    /// Report the members that nobody asked for.
    pub(crate) fn finish_strictly(self, problems: &mut Problems) {
        for member in self.unknown() {
            problems
                .error(member.name_span.clone(), self.has_no(member))
                .hint_with(|| self.instead_of(member));
        }
    }

    fn unknown(&self) -> impl Iterator<Item = &'n Member<'a>> {
        let misspelt = self.misspelt.map(|member| &member.name);
        self.members.iter().filter(move |member| {
            Some(&member.name) != misspelt && !self.known.contains(&member.name.as_ref())
        })
    }

    fn has_no(&self, member: &Member<'_>) -> String {
        format!("{} has no member {}", self.what, quoted(&member.name))
    }

    fn instead_of(&self, member: &Member<'_>) -> String {
        did_you_mean(&member.name, self.known.iter().copied())
            .unwrap_or_else(|| format!("known here: {}", list(&self.known)))
    }
}

fn list(names: &[&str]) -> String {
    one_of(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}

/// Report a value of the wrong type; there is none then.
fn wrong<T>(member: &Member<'_>, expected: &str, problems: &mut Problems) -> Option<T> {
    problems.error(
        member.value.head(),
        format!(
            "{} must be {expected}, not {}",
            quoted(&member.name),
            member.value.noun()
        ),
    );
    None
}

/// A member that must be a string.
pub(crate) fn string(member: &Member<'_>, problems: &mut Problems) -> Option<String> {
    match &member.value.kind {
        Kind::String(text) => Some(text.clone().into_owned()),
        _ => wrong(member, "a string", problems),
    }
}

/// A member that must be a string with something in it.
pub(crate) fn filled(member: &Member<'_>, problems: &mut Problems) -> Option<String> {
    let text = string(member, problems)?;
    if text.is_empty() {
        problems.error(
            member.value.head(),
            format!("{} must not be empty", quoted(&member.name)),
        );
        return None;
    }
    Some(text)
}

/// A member that must be a list.
pub(crate) fn items<'n, 'a>(member: &'n Member<'a>, problems: &mut Problems) -> Option<&'n [Node<'a>]> {
    match &member.value.kind {
        Kind::Array(items) => Some(items),
        _ => wrong(member, "a list", problems),
    }
}

/// A member that must be an object.
pub(crate) fn object<'n, 'a>(member: &'n Member<'a>, problems: &mut Problems) -> Option<&'n [Member<'a>]> {
    match &member.value.kind {
        Kind::Object(members) => Some(members),
        _ => wrong(member, "an object", problems),
    }
}

/// A member that must be an object with anything in it.
pub(crate) fn map(member: Option<&Member<'_>>, problems: &mut Problems) -> Map<String, Value> {
    member
        .and_then(|member| object(member, problems))
        .map(to_map)
        .unwrap_or_default()
}

/// A member that must be an object of strings.
pub(crate) fn strings(member: Option<&Member<'_>>, problems: &mut Problems) -> BTreeMap<String, String> {
    let members = member
        .and_then(|member| object(member, problems))
        .unwrap_or_default();
    members
        .iter()
        .filter_map(|member| Some((member.name.clone().into_owned(), string(member, problems)?)))
        .collect()
}

/// A member that must be an object of booleans.
pub(crate) fn booleans(member: Option<&Member<'_>>, problems: &mut Problems) -> BTreeMap<String, bool> {
    let members = member
        .and_then(|member| object(member, problems))
        .unwrap_or_default();
    members
        .iter()
        .filter_map(|member| match member.value.kind {
            Kind::Bool(value) => Some((member.name.clone().into_owned(), value)),
            _ => wrong(member, "true or false", problems),
        })
        .collect()
}

/// A member that must be a number from 0 to 1.
pub(crate) fn fraction(member: &Member<'_>, problems: &mut Problems) -> Option<f64> {
    let Kind::Number(number) = &member.value.kind else {
        return wrong(member, "a number from 0 to 1", problems);
    };
    let value = number.as_f64()?;
    if !(0.0..=1.0).contains(&value) {
        problems
            .error(
                member.value.head(),
                format!("{} must be from 0 to 1, not {number}", quoted(&member.name)),
            )
            .hint("1 is the whole progress bar");
        return None;
    }
    Some(value)
}
