//! Reading canonical JSON, and other JSON that says no more than canonical JSON can.

use super::{LARGEST, Limits, Value};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read JSON at byte {offset}: {problem}")]
pub struct ParseError {
    /// How many bytes come before what is wrong.
    pub offset: usize,
    /// What it is.
    pub problem: Problem,
}

/// What can be wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is longer than it may be.
    #[error("it is {length} bytes long, and may be {limit}: put less into it")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// It is deeper than it may be.
    #[error("arrays and objects stand in one another more than {limit} deep: make it flatter")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It ends in the middle.
    #[error("it ends here, and is not complete: fetch it again")]
    Cut,
    /// It goes on where it should have ended.
    #[error("the document has ended, and something follows: remove it")]
    Trailing,
    /// No value, comma, colon or bracket that could stand here.
    #[error("0x{0:02x} can not stand here: write JSON")]
    Unexpected(u8),
    /// A character that strings do not have.
    #[error("0x{0:02x} is not printable ASCII: strings have nothing else")]
    Character(u32),
    /// An escape that does not exist.
    #[error("no such escape: use \\\", \\\\, \\/ or \\u with four digits")]
    Escape,
    /// A key of other characters than keys have, or none.
    #[error("a key is made of a-z 0-9 _ . : / @ - only: rename it")]
    Key,
    /// The same key twice in one object.
    #[error("the key \"{0}\" is there twice: keep one")]
    DuplicateKey(String),
    /// A number with a fraction or an exponent.
    #[error("numbers are integers: write it without fraction and exponent")]
    NotInteger,
    /// An integer beyond ±(2^53 − 1), or written as no other is: `-0`, `007`.
    #[error("not an integer from -(2^53 - 1) to 2^53 - 1, without leading zeros: write it as one")]
    Integer,
    /// It can be read, and is not written in the one canonical way.
    #[error("from here on it is not canonical: no spaces, sorted keys, no needless escapes")]
    NotCanonical,
}

pub(super) fn document(bytes: &[u8], limits: Limits) -> Result<Value, ParseError> {
    let mut parser = Parser { bytes, at: 0 };
    if bytes.len() > limits.bytes {
        let (length, limit) = (bytes.len(), limits.bytes);
        return parser.fail(Problem::TooLong { length, limit });
    }
    let value = parser.value(limits.depth, limits.depth)?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => parser.fail(Problem::Trailing),
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self, left: usize, limit: usize) -> Result<Value, ParseError> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if left == 0 => self.fail(Problem::TooDeep { limit }),
            Some(b'{') => self.object(left - 1, limit),
            Some(b'[') => self.array(left - 1, limit),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            _ => self.unexpected(),
        }
    }

    fn object(&mut self, left: usize, limit: usize) -> Result<Value, ParseError> {
        let mut fields = BTreeMap::new();
        self.at += 1;
        self.space();
        if self.took(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.space();
            let start = self.at;
            let key = self.string()?;
            if !is_key(&key) {
                self.at = start;
                return self.fail(Problem::Key);
            }
            self.space();
            self.expect(b':')?;
            match fields.entry(key) {
                Entry::Occupied(entry) => {
                    self.at = start;
                    return self.fail(Problem::DuplicateKey(entry.key().clone()));
                }
                Entry::Vacant(entry) => entry.insert(self.value(left, limit)?),
            };
            self.space();
            if self.took(b'}') {
                return Ok(Value::Object(fields));
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, left: usize, limit: usize) -> Result<Value, ParseError> {
        let mut values = Vec::new();
        self.at += 1;
        self.space();
        if self.took(b']') {
            return Ok(Value::Array(values));
        }
        loop {
            values.push(self.value(left, limit)?);
            self.space();
            if self.took(b']') {
                return Ok(Value::Array(values));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            let byte = match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => self.escape()?,
                Some(byte) => byte,
                None => return self.fail(Problem::Cut),
            };
            if !(0x20..0x7f).contains(&byte) {
                return self.fail(Problem::Character(byte.into()));
            }
            text.push(byte.into());
            self.at += 1;
        }
    }

    /// Stops at the last byte of the escape.
    fn escape(&mut self) -> Result<u8, ParseError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => Ok(byte),
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5);
                let code = digits
                    .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                    .and_then(|digits| str::from_utf8(digits).ok())
                    .and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let Some(code) = code else {
                    self.at = start;
                    return self.fail(Problem::Escape);
                };
                match u8::try_from(code) {
                    Ok(byte) if (0x20..0x7f).contains(&byte) => {
                        self.at += 4;
                        Ok(byte)
                    }
                    _ => {
                        self.at = start;
                        self.fail(Problem::Character(code))
                    }
                }
            }
            None => self.fail(Problem::Cut),
            Some(_) => {
                self.at = start;
                self.fail(Problem::Escape)
            }
        }
    }

    fn integer(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        let is_negative = self.took(b'-');
        let mut magnitude: Option<i64> = Some(0);
        let first = self.at;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            let digit = i64::from(byte - b'0');
            magnitude = magnitude
                .and_then(|sum| sum.checked_mul(10)?.checked_add(digit))
                .filter(|sum| *sum <= LARGEST);
            self.at += 1;
        }
        let digits = self.at - first;
        if digits == 0 {
            return self.unexpected();
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return self.fail(Problem::NotInteger);
        }
        let leads_with_zero = self.bytes.get(first) == Some(&b'0');
        match magnitude {
            Some(sum) if !leads_with_zero || (digits == 1 && !is_negative) => {
                Ok(Value::Integer(if is_negative { -sum } else { sum }))
            }
            _ => {
                self.at = start;
                self.fail(Problem::Integer)
            }
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, ParseError> {
        for byte in word {
            self.expect(*byte)?;
        }
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.took(byte) {
            Ok(())
        } else {
            self.unexpected()
        }
    }

    fn took(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn unexpected<T>(&self) -> Result<T, ParseError> {
        self.fail(self.peek().map_or(Problem::Cut, Problem::Unexpected))
    }

    fn fail<T>(&self, problem: Problem) -> Result<T, ParseError> {
        let offset = self.at;
        Err(ParseError { offset, problem })
    }
}

fn is_key(key: &str) -> bool {
    let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b':' | b'/' | b'@' | b'-');
    !key.is_empty() && key.bytes().all(plain)
}
