//! The one way in which what is signed is written: canonical JSON.
//!
//! It is at once JCS (RFC 8785) and the canonical JSON of TUF, which differ for other documents: keys are of
//! `a-z 0-9 _ . : / @ -`, strings of printable ASCII, numbers are integers that every reader has exactly. What people write,
//! reasons and reviews, lies beside the log, by digest; so nothing here needs more, and no two texts look alike.

use std::collections::BTreeMap;
use std::fmt;

pub(crate) mod fields;
mod parse;
#[cfg(test)]
mod tests;

pub use fields::{Misfit, Unfit};
pub use parse::{ParseError, Problem};

/// The largest integer, and the negative of the smallest, that every reader of JSON has exactly: 2^53 − 1.
pub const LARGEST: i64 = (1 << 53) - 1;

/// What a document may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Its length, in bytes.
    pub bytes: usize,
    /// How many arrays and objects stand in one another.
    pub depth: usize,
}

/// A document, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer within ±[`LARGEST`].
    Integer(i64),
    /// Printable ASCII.
    String(String),
    /// Values in their order.
    Array(Vec<Self>),
    /// Values by key; in the order of the keys, which is one and the same by byte, code point and UTF-16 unit.
    Object(BTreeMap<String, Self>),
}

impl Value {
    /// Read a document that may be written in any way: with spaces, escapes, keys in any order.
    pub fn parse(bytes: &[u8], limits: Limits) -> Result<Self, ParseError> {
        parse::document(bytes, limits)
    }

    /// Read a document that must be written in the canonical way, so that one document is one sequence of bytes.
    pub fn parse_canonical(bytes: &[u8], limits: Limits) -> Result<Self, ParseError> {
        let value = Self::parse(bytes, limits)?;
        let canonical = value.to_string();
        let same = bytes.iter().zip(canonical.as_bytes()).take_while(|(a, b)| a == b);
        let offset = same.count();
        if offset == bytes.len() && offset == canonical.len() {
            return Ok(value);
        }
        let problem = Problem::NotCanonical;
        Err(ParseError { offset, problem })
    }

    /// The canonical bytes. What was read is written so that it can be read again; what was put together may hold what can
    /// not, so whoever puts together reads it back.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// An object of these fields.
    pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }
}

/// The canonical text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::String(value) => text(f, value),
            Self::Array(values) => {
                f.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    value.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (at, (key, value)) in fields.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    text(f, key)?;
                    f.write_str(":")?;
                    value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for piece in text.split_inclusive(['"', '\\']) {
        match piece.strip_suffix(['"', '\\']) {
            Some(before) if piece.ends_with('"') => write!(f, "{before}\\\"")?,
            Some(before) => write!(f, "{before}\\\\")?,
            None => f.write_str(piece)?,
        }
    }
    f.write_str("\"")
}
