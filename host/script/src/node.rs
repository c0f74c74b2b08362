//! A JSON document whose every value knows where it stands in the text.
//!
//! Nothing here knows what a script is.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Number, Value};

/// A range of bytes of the text.
pub(crate) type Span = Range<usize>;

/// One JSON value and its place.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) kind: Kind<'a>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

/// One member of an object. No two members of an object have the same name.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) name_span: Span,
    pub(crate) value: Node<'a>,
}

impl<'a> Node<'a> {
    /// Where to point at: the value itself, or the opening bracket of what may go over many lines.
    pub(crate) fn head(&self) -> Span {
        match self.kind {
            Kind::Array(_) | Kind::Object(_) => self.span.start..self.span.start + 1,
            _ => self.span.clone(),
        }
    }

    /// What a person calls a value of this kind.
    pub(crate) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }

    /// Whether the value is what an absent one would be: `false`, `0`, `""`, null, or empty.
    pub(crate) fn is_zero(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Bool(value) => !value,
            Kind::Number(number) => number.as_f64() == Some(0.0),
            Kind::String(text) => text.is_empty(),
            Kind::Array(items) => items.is_empty(),
            Kind::Object(members) => members.is_empty(),
        }
    }

    /// The members of an object; none for anything else.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// The child that one segment of a JSON pointer names, unescaped.
    pub(crate) fn child(&self, segment: &str) -> Option<&Node<'a>> {
        match &self.kind {
            Kind::Array(items) => items.get(segment.parse::<usize>().ok()?),
            Kind::Object(members) => members
                .iter()
                .find(|member| member.name == segment)
                .map(|member| &member.value),
            _ => None,
        }
    }

    /// The value without its places. As deep as the text was, which is bounded.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::String(text) => Value::String(text.clone().into_owned()),
            Kind::Array(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Object(members) => Value::Object(to_map(members)),
        }
    }
}

/// The members of an object without their places.
pub(crate) fn to_map(members: &[Member<'_>]) -> Map<String, Value> {
    members
        .iter()
        .map(|member| (member.name.clone().into_owned(), member.value.to_json()))
        .collect()
}
