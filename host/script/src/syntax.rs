//! From bytes to a tree: UTF-8, JSON with comments and trailing commas, no duplicate names, bounded depth.
//!
//! What the grammar is, and nothing about what a script means. Only the first syntax error is reported: what follows
//! one would be guesses.

use std::collections::HashMap;

use jsonc_parser::ast;
use jsonc_parser::common::{Range as ParserRange, Ranged};
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};
use serde_json::Number;

use crate::diagnostics::Problems;
use crate::node::{Kind, Member, Node, Span};
use crate::words::quoted;

/// The largest text that is looked at: 16 MiB.
pub const MAX_SIZE: usize = 16 * 1024 * 1024;

/// How deep objects and lists may nest. A script needs seven levels.
pub const MAX_DEPTH: usize = 64;

/// Every whole number below it is a double: 2 to the power of 53.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The remedies that depend on what the document is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remedies {
    /// Where the file holds nothing.
    pub(crate) empty: &'static str,
    /// Where it is larger than [`MAX_SIZE`].
    pub(crate) too_large: &'static str,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The text without its byte order mark. Where it is no UTF-8, the place is reported and the text is one that can still
/// be shown.
pub(crate) fn decode(bytes: &[u8], remedies: Remedies, problems: &mut Problems) -> String {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    if bytes.len() > MAX_SIZE {
        problems
            .error(
                0..0,
                format!(
                    "the file has {} bytes, more than the {MAX_SIZE} that are read",
                    bytes.len()
                ),
            )
            .hint(remedies.too_large);
        return String::new();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let start = error.valid_up_to();
            problems
                .error(start..start, "this is not UTF-8")
                .hint("save the file with the encoding UTF-8");
            String::from_utf8_lossy(bytes).into_owned()
        }
    }
}

/// The tree of a text, or none after reporting why there is none.
pub(crate) fn tree<'a>(text: &'a str, remedies: Remedies, problems: &mut Problems) -> Option<Node<'a>> {
    prescan(text, problems)?;
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => parsed,
        Err(error) => {
            report(&error, problems);
            return None;
        }
    };
    let Some(value) = parsed.value else {
        problems
            .error(0..0, "the file holds no value")
            .hint(remedies.empty);
        return None;
    };
    let before = problems.errors();
    let node = convert(value, problems);
    (problems.errors() == before).then_some(node)
}

/// One pass over the bytes for what the parser does not refuse: nesting that could exhaust the stack, control characters
/// in strings, and white space that is none in JSON.
fn prescan(text: &str, problems: &mut Problems) -> Option<()> {
    let mut depth = 0_usize;
    let mut rest = text.char_indices().peekable();
    while let Some((at, char)) = rest.next() {
        match char {
            '"' => loop {
                match rest.next() {
                    // An unclosed string is the parser's to report.
                    None | Some((_, '"')) => break,
                    Some((_, '\\')) => {
                        rest.next_if(|(_, escaped)| *escaped >= ' ');
                    }
                    Some((_, '\n' | '\r')) => {
                        problems
                            .error(at..at + 1, "this string is not closed before the end of its line")
                            .hint("add the closing `\"`; a line break inside a string is written `\\n`");
                        return None;
                    }
                    Some((inner, control)) if control < ' ' => {
                        problems
                            .error(inner..inner + 1, "a string holds a control character")
                            .hint(format!("write it as `\\u{:04x}`", u32::from(control)));
                        return None;
                    }
                    Some(_) => {}
                }
            },
            '/' => match rest.peek() {
                Some((_, '/')) => while rest.next_if(|(_, next)| !matches!(next, '\n' | '\r')).is_some() {},
                Some((_, '*')) => {
                    rest.next();
                    while let Some((_, next)) = rest.next() {
                        if next == '*' && rest.next_if(|(_, slash)| *slash == '/').is_some() {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '{' | '[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    problems.error(
                        at..at + 1,
                        format!("objects and lists nest deeper than {MAX_DEPTH} levels"),
                    );
                    return None;
                }
            }
            '}' | ']' => depth = depth.saturating_sub(1),
            ' ' | '\t' | '\n' | '\r' => {}
            odd if odd.is_whitespace() => {
                problems
                    .error(
                        at..at + odd.len_utf8(),
                        format!("the character U+{:04X} is no space in JSON", u32::from(odd)),
                    )
                    .hint("use spaces, tabs and line breaks only");
                return None;
            }
            _ => {}
        }
    }
    Some(())
}

fn report(error: &ParseError, problems: &mut Problems) {
    let (message, hint) = plain(error.kind());
    // An unclosed object or list spans the rest of the file: point at where it opens.
    let range = error.range();
    let span = match error.kind() {
        ParseErrorKind::UnterminatedArray
        | ParseErrorKind::UnterminatedObject
        | ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            range.start..range.start + 1
        }
        ParseErrorKind::UnterminatedCommentBlock => range.start..range.start + 2,
        _ => range.start..range.end,
    };
    let problem = problems.error(span, message);
    if let Some(hint) = hint {
        problem.hint(hint);
    }
}

/// What a syntax error is in plain words, and what to do about it.
fn plain(kind: &ParseErrorKind) -> (String, Option<&'static str>) {
    let (message, hint) = match kind {
        ParseErrorKind::BareDecimalPointNumbersNotAllowed => (
            "a decimal point needs digits on both sides",
            Some("write 0.5 or 5.0"),
        ),
        ParseErrorKind::ExpectedColonAfterObjectKey => (
            "expected `:` after the name of a member",
            Some(r#"a member is written "name": value"#),
        ),
        ParseErrorKind::ExpectedObjectValue => ("expected a value after `:`", None),
        ParseErrorKind::ExpectedDigit
        | ParseErrorKind::ExpectedDigitFollowingNegativeSign
        | ParseErrorKind::ExpectedPlusMinusOrDigitInNumberLiteral => {
            ("expected a digit in this number", None)
        }
        ParseErrorKind::ExpectedStringObjectProperty => (
            "the name of a member must be in double quotes",
            Some(r#"a member is written "name": value"#),
        ),
        ParseErrorKind::HexadecimalNumbersNotAllowed => ("numbers are decimal", None),
        ParseErrorKind::ExpectedComma => ("expected `,` here", None),
        ParseErrorKind::MultipleRootJsonValues => (
            "something follows the end of the document",
            Some("a file holds one object"),
        ),
        ParseErrorKind::NonFiniteNumbersNotAllowed => ("a number must be finite", None),
        ParseErrorKind::SingleQuotedStringsNotAllowed => {
            ("strings are in double quotes", Some("write \"…\""))
        }
        ParseErrorKind::UnaryPlusNumbersNotAllowed => {
            ("a number has no `+` before it", Some("leave out the `+`"))
        }
        ParseErrorKind::UnexpectedCloseBrace => ("unexpected `}`", None),
        ParseErrorKind::UnexpectedCloseBracket => ("unexpected `]`", None),
        ParseErrorKind::UnexpectedColon => ("unexpected `:`", None),
        ParseErrorKind::UnexpectedComma => ("unexpected `,`", Some("a value is missing before it")),
        ParseErrorKind::UnexpectedWord => (
            "expected a value",
            Some("text must be in double quotes; the only words are true, false and null"),
        ),
        ParseErrorKind::UnexpectedToken => ("unexpected character", None),
        ParseErrorKind::UnexpectedTokenInObject => (
            "expected the name of a member, in double quotes, or `}`",
            Some(r#"a member is written "name": value"#),
        ),
        ParseErrorKind::UnterminatedArray => ("this list is never closed", Some("add the missing `]`")),
        ParseErrorKind::UnterminatedObject => ("this object is never closed", Some("add the missing `}`")),
        ParseErrorKind::UnterminatedCommentBlock => {
            ("this comment is never closed", Some("add the missing `*/`"))
        }
        ParseErrorKind::NestingDepthExceeded => ("objects and lists nest too deep", None),
        ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            ("this string is never closed", Some("add the missing `\"`"))
        }
        ParseErrorKind::String(ParseStringErrorKind::ExpectedFourHexDigits) => {
            ("`\\u` needs four hexadecimal digits", None)
        }
        ParseErrorKind::String(ParseStringErrorKind::InvalidUnicodeEscapeSequence(_)) => (
            "this escape is half of a surrogate pair",
            Some("write the character itself"),
        ),
        ParseErrorKind::String(_) => (
            "JSON has no such escape",
            Some(r#"escapes are \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits"#),
        ),
        other => return (other.to_string(), None),
    };
    (message.to_owned(), hint)
}

fn span(range: ParserRange) -> Span {
    range.start..range.end
}

fn convert<'a>(value: ast::Value<'a>, problems: &mut Problems) -> Node<'a> {
    let place = span(value.range());
    let kind = match value {
        ast::Value::NullKeyword(_) => Kind::Null,
        ast::Value::BooleanLit(literal) => Kind::Bool(literal.value),
        ast::Value::StringLit(literal) => Kind::String(literal.value),
        ast::Value::NumberLit(literal) => {
            let number = literal.value.parse().map(whole);
            if number.is_err() {
                problems.error(place.clone(), "this number is too large");
            }
            number.map_or(Kind::Null, Kind::Number)
        }
        ast::Value::Array(array) => Kind::Array(
            array
                .elements
                .into_iter()
                .map(|element| convert(element, problems))
                .collect(),
        ),
        ast::Value::Object(object) => Kind::Object(members(object, problems)),
    };
    Node { span: place, kind }
}

/// JSON makes no difference between 443, 443.0 and 4.43e2; whoever reads a port does.
fn whole(number: Number) -> Number {
    if !number.is_f64() {
        return number;
    }
    let value = number
        .as_f64()
        .filter(|value| value.fract() == 0.0 && value.abs() < LARGEST_WHOLE);
    let integer = value.and_then(|value| format!("{value:.0}").parse::<i64>().ok());
    integer.map_or(number, Number::from)
}

fn members<'a>(object: ast::Object<'a>, problems: &mut Problems) -> Vec<Member<'a>> {
    let mut seen = HashMap::new();
    let mut members = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let (name, name_span) = match property.name {
            ast::ObjectPropName::String(literal) => (literal.value, span(literal.range)),
            ast::ObjectPropName::Word(word) => (word.value.into(), span(word.range)),
        };
        let value = convert(property.value, problems);
        if let Some(first) = seen.get(&name) {
            problems
                .error(
                    name_span,
                    format!("{} is given twice in one object", quoted(&name)),
                )
                .related(Span::clone(first), "first given here");
            continue;
        }
        seen.insert(name.clone(), name_span.clone());
        members.push(Member {
            name,
            name_span,
            value,
        });
    }
    members
}
