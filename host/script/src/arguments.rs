//! Checking options, and the arguments of mini nettests, against the JSON Schema of whoever takes them.
//!
//! A validator's findings are turned into plain sentences about places in the text.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use serde_json::{Map, Value};

use crate::diagnostics::Problems;
use crate::fields;
use crate::node::{Member, Node, Span};
use crate::vocabulary::{Property, Schema};
use crate::words::{did_you_mean, one_of, quoted};

/// How much that is wrong with the arguments of one target is reported.
const MOST: usize = 1000;

/// What is being checked.
pub(crate) struct Subject<'s> {
    /// One member, for messages: "option" or "argument".
    pub(crate) member: &'s str,
    /// Who takes it: `urlgetter`.
    pub(crate) owner: &'s str,
    /// Where to say that something is missing.
    pub(crate) head: Span,
}

/// Arguments under their proper names.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) values: Map<String, Value>,
    /// Why nothing may be measured with them: they ask for what this probe can not do. To leave such an argument out
    /// would measure something else than the script says.
    pub(crate) skipped: Option<String>,
}

/// Check the object that holds the arguments, which may be missing, and give them their proper names. `other` is a member
/// that is none of them.
pub(crate) fn check(
    subject: &Subject<'_>,
    object: Option<&Member<'_>>,
    other: Option<&str>,
    schema: &Schema,
    problems: &mut Problems,
) -> Arguments {
    let Some(members) = object.map_or(Some(&[][..]), |object| fields::object(object, problems)) else {
        return Arguments::default();
    };
    let mut arguments = Arguments::default();
    let mut known: Vec<(&str, &Member<'_>)> = Vec::new();
    let arguments_only = members.iter().filter(|member| other != Some(&member.name));
    for member in arguments_only {
        let Some(property) = schema
            .properties
            .iter()
            .find(|property| property.is(&member.name))
        else {
            unknown(subject, member, schema, &mut arguments, problems);
            continue;
        };
        if let Some((_, first)) = known.iter().find(|(name, _)| *name == property.name) {
            problems
                .error(
                    member.name_span.clone(),
                    format!(
                        "{} and {} are two names of one {}",
                        quoted(&member.name),
                        quoted(&first.name),
                        subject.member
                    ),
                )
                .related(first.name_span.clone(), "first given here")
                .hint(format!("keep {}", quoted(&property.name)));
            continue;
        }
        known.push((&property.name, member));
        arguments
            .values
            .insert(property.name.clone(), member.value.to_json());
    }
    if let Some(validator) = &schema.validator {
        let values = Value::Object(std::mem::take(&mut arguments.values));
        for error in validator.iter_errors(&values).take(MOST) {
            report(subject, &error, &known, schema, problems);
        }
        if let Value::Object(values) = values {
            arguments.values = values;
        }
    }
    arguments
}

impl Property {
    fn is(&self, name: &str) -> bool {
        self.name == name || self.json_name.as_deref() == Some(name)
    }
}

/// Report a member that the schema does not describe. One that says what would be without it is left out; any other
/// means that the target can not be measured as asked.
fn unknown(
    subject: &Subject<'_>,
    member: &Member<'_>,
    schema: &Schema,
    arguments: &mut Arguments,
    problems: &mut Problems,
) {
    let Subject {
        member: noun, owner, ..
    } = subject;
    let name = quoted(&member.name);
    let names = schema
        .properties
        .iter()
        .flat_map(|property| std::iter::once(property.name.as_str()).chain(property.json_name.as_deref()));
    let hint = did_you_mean(&member.name, names);
    let consequence = if member.value.is_zero() {
        "it is left out"
    } else {
        "the target is skipped"
    };
    problems
        .warning(
            member.name_span.clone(),
            format!(
                "this probe knows no {noun} {name} of {}: {consequence}",
                quoted(owner)
            ),
        )
        .maybe_hint(hint);
    if !member.value.is_zero() && arguments.skipped.is_none() {
        arguments.skipped = Some(format!("this probe knows no {noun} {name} of {}", quoted(owner)));
    }
}

fn report(
    subject: &Subject<'_>,
    error: &ValidationError<'_>,
    known: &[(&str, &Member<'_>)],
    schema: &Schema,
    problems: &mut Problems,
) {
    let mut segments = error.instance_path().segments();
    let first = match segments.next() {
        Some(LocationSegment::Property(name)) => known.iter().find(|(known, _)| *known == name),
        _ => None,
    };
    let mut path = match first {
        Some((_, member)) => member.name.clone().into_owned(),
        None => String::new(),
    };
    let mut node: Option<&Node<'_>> = first.map(|(_, member)| &member.value);
    for segment in segments {
        let key = match segment {
            LocationSegment::Property(name) => {
                path.push('.');
                path.push_str(&name);
                name.into_owned()
            }
            LocationSegment::Index(index) => {
                path.push_str(&["[", &index.to_string(), "]"].concat());
                index.to_string()
            }
        };
        node = node.and_then(|node| node.child(&key));
    }
    let span = node.map_or_else(|| subject.head.clone(), Node::head);
    let what = if path.is_empty() {
        quoted(subject.owner)
    } else {
        quoted(&path)
    };
    let missing = match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str(),
        _ => None,
    };
    let message = match (missing, expectation(error.kind())) {
        (Some(name), _) if path.is_empty() => format!("{what} needs the {} {}", subject.member, quoted(name)),
        (Some(name), _) => format!("{what} must have a member {}", quoted(name)),
        (None, Some(expected)) => format!("{what} must {expected}{}", found(error, node)),
        (None, None) => format!("{what} is not as it must be: {}", error.masked()),
    };
    let name = first.map(|(name, _)| *name).or(missing);
    let property = schema
        .properties
        .iter()
        .find(|property| Some(property.name.as_str()) == name);
    problems.error(span, message).maybe_hint(
        property
            .and_then(|property| property.description.as_deref())
            .map(sentence),
    );
}

/// A description as a hint: no full stop at the end.
fn sentence(description: &str) -> String {
    description.trim().trim_end_matches('.').to_owned()
}

/// What was found instead, where that is short.
fn found(error: &ValidationError<'_>, node: Option<&Node<'_>>) -> String {
    match (error.kind(), &**error.instance(), node) {
        (ValidationErrorKind::Type { .. }, Value::Number(number), _) => format!(", not {number}"),
        (ValidationErrorKind::Type { .. }, _, Some(node)) => format!(", not {}", node.noun()),
        (_, Value::Number(number), _) => format!(", not {number}"),
        _ => String::new(),
    }
}

/// How a value must be, to be read after "must".
fn expectation(kind: &ValidationErrorKind) -> Option<String> {
    let plural = |count: &u64| if *count == 1 { "" } else { "s" };
    Some(match kind {
        ValidationErrorKind::Type {
            kind: TypeKind::Single(kind),
        } => format!("be {}", a(&kind.to_string())),
        ValidationErrorKind::Type {
            kind: TypeKind::Multiple(kinds),
        } => {
            let kinds: Vec<String> = kinds.iter().map(|kind| a(&kind.to_string()).to_owned()).collect();
            format!("be {}", one_of(&kinds))
        }
        ValidationErrorKind::Minimum { limit } => format!("be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("be less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("be a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit: 1 } | ValidationErrorKind::MinItems { limit: 1 } => {
            "not be empty".to_owned()
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("have at least {limit} character{}", plural(limit))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("have at most {limit} character{}", plural(limit))
        }
        ValidationErrorKind::MinItems { limit } => format!("have at least {limit} item{}", plural(limit)),
        ValidationErrorKind::MaxItems { limit } => format!("have at most {limit} item{}", plural(limit)),
        ValidationErrorKind::UniqueItems => "not have the same item twice".to_owned(),
        ValidationErrorKind::Pattern { pattern } => format!("match the pattern {}", quoted(pattern)),
        ValidationErrorKind::Format { format } => match format.as_str() {
            "ipv4" => "be an IPv4 address".to_owned(),
            "ipv6" => "be an IPv6 address".to_owned(),
            "hostname" | "idn-hostname" => "be a host name".to_owned(),
            "uri" | "iri" => "be a URL".to_owned(),
            other => format!("be a valid {other}"),
        },
        ValidationErrorKind::Constant { expected_value } => format!("be {expected_value}"),
        ValidationErrorKind::Enum { options } => {
            let options = options
                .as_array()?
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>();
            format!("be {}", one_of(&options))
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let branches: Option<Vec<String>> = context
                .iter()
                .map(|errors| errors.first().and_then(|error| expectation(error.kind())))
                .collect();
            let branches = branches?;
            let kinds: Option<Vec<String>> = branches
                .iter()
                .map(|branch| branch.strip_prefix("be ").map(str::to_owned))
                .collect();
            kinds.map_or_else(|| one_of(&branches), |kinds| format!("be {}", one_of(&kinds)))
        }
        _ => return None,
    })
}

fn a(kind: &str) -> &'static str {
    match kind {
        "null" => "null",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        _ => "an object",
    }
}
