//! The ledger as a document: what a probe keeps, and what a `snapshot` names so that one can start late.
//!
//! It is not the state but the leaves that made it, those that still count, each with its index and its signatures. Who reads it
//! verifies them as if they came from the log, under the roots that stand between them. So whoever writes a false document can
//! leave something out, and can make nothing up. It is canonical JSON, and it is read leaf by leaf: a document of a stranger
//! takes no more memory than its own length.

use super::{Effect, Ledger, Refused};
use crate::decimal;
use crate::words::Digest;

/// How long a ledger's document may be, in bytes.
pub const DOCUMENT_LIMIT: usize = 1 << 26;

/// The end of every document, with the version of the form. That is another one when this crate knows other types of leaves,
/// because leaves of unknown types are not kept: who learns of new ones reads the log again.
const END: &[u8] = b",\"v\":1}";

/// Why a document is no ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Longer than any that is read.
    #[error("read a ledger: it is {length} bytes long, and may be {DOCUMENT_LIMIT}: take another")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// It does not end as a document of this version does.
    #[error(
        "read a ledger: it is cut short, or of another version: fetch it again, or read the log from its start"
    )]
    Version,
    /// Not as a document is written.
    #[error("read a ledger at byte {offset}: it is not written as a ledger is: fetch it again")]
    Format {
        /// How many bytes come before what is wrong.
        offset: usize,
    },
    /// It has a leaf that does not hold.
    #[error("read a ledger: leaf {index}: {refused}")]
    Refused {
        /// The index of the leaf.
        index: u64,
        /// What is wrong with it.
        refused: Refused,
    },
    /// It has a leaf of a type that is not known, or one that another has replaced, or leaves out of order.
    #[error("read a ledger: the leaves in it are not those that a ledger of them keeps: take another")]
    NotKept,
}

impl Ledger {
    /// The document of this ledger. Its digest is what a `snapshot` says.
    pub fn to_document(&self) -> Vec<u8> {
        let mut document = b"{\"leaves\":[".to_vec();
        for (at, (index, leaf)) in self.kept.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            document.extend(format!("{comma}{{\"index\":{index},\"leaf\":").bytes());
            // Leaves are canonical, so they stand in the document as they are.
            document.extend(leaf);
            document.push(b'}');
        }
        document.extend(format!("],\"size\":{}", self.size).bytes());
        document.extend(END);
        document
    }

    /// Read a document back, believing nothing in it but what is signed under the first root.
    pub fn from_document(first_root: Digest, bytes: &[u8]) -> Result<Self, DocumentError> {
        let length = bytes.len();
        if length > DOCUMENT_LIMIT {
            return Err(DocumentError::TooLong { length });
        }
        let rest = bytes.strip_suffix(END).ok_or(DocumentError::Version)?;
        let mut reader = Reader { rest, length };
        let mut ledger = Self::new(first_root);
        reader.expect("{\"leaves\":[")?;
        while reader.expect("]").is_err() {
            if !ledger.kept.is_empty() {
                reader.expect(",")?;
            }
            reader.expect("{\"index\":")?;
            let index = reader.number()?;
            reader.expect(",\"leaf\":")?;
            let leaf = reader.object()?;
            reader.expect("}")?;
            if index < ledger.size {
                return Err(DocumentError::NotKept);
            }
            ledger.size = index;
            match ledger.apply(leaf) {
                Ok(Effect::InForce) => {}
                Ok(Effect::Unknown(_)) => return Err(DocumentError::NotKept),
                Err(refused) => return Err(DocumentError::Refused { index, refused }),
            }
        }
        reader.expect(",\"size\":")?;
        let size = reader.number()?;
        if size < ledger.size {
            return Err(DocumentError::NotKept);
        }
        ledger.size = size;
        if ledger.to_document() != bytes {
            return Err(DocumentError::NotKept);
        }
        Ok(ledger)
    }
}

/// What of a document was not read yet.
struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn expect(&mut self, text: &str) -> Result<(), DocumentError> {
        self.rest = self
            .rest
            .strip_prefix(text.as_bytes())
            .ok_or_else(|| self.wrong())?;
        Ok(())
    }

    fn number(&mut self) -> Result<u64, DocumentError> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at(digits);
        let number = str::from_utf8(number).ok().and_then(decimal);
        // As far as JSON goes, so that counting on does not overflow.
        let number = number.filter(|number| *number < 1 << 53);
        let number = number.ok_or_else(|| self.wrong())?;
        self.rest = rest;
        Ok(number)
    }

    /// The bytes of an object: to the bracket that closes it, whatever is between.
    fn object(&mut self) -> Result<&'a [u8], DocumentError> {
        let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
        for (at, byte) in self.rest.iter().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                b'{' if !in_string => depth += 1,
                b'}' if !in_string => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                let (object, rest) = self.rest.split_at(at + 1);
                self.rest = rest;
                return Ok(object);
            }
        }
        Err(self.wrong())
    }

    fn wrong(&self) -> DocumentError {
        let offset = self.length - END.len() - self.rest.len();
        DocumentError::Format { offset }
    }
}
