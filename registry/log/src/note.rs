//! Texts with signatures below them (C2SP signed-note): read and written, not yet believed.
//!
//! A note is its text, an empty line, and a line for each signature: `— NAME BASE64`. What signatures mean is elsewhere:
//! [`policy`](crate::policy) for a log's and its witnesses'.

use crate::keys::is_name;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;
use std::str::FromStr;

/// The longest note that is read, in bytes. The largest signatures that are in use have 5 kB.
pub const MAX_LEN: usize = 65_536;

/// The most signatures of a note that is read.
pub const MAX_SIGNATURES: usize = 64;

/// A text and what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One line below a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: String,
    id: u32,
    bytes: Vec<u8>,
}

/// Why bytes are no note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_LEN`].
    #[error("the note has {0} bytes: no more than {MAX_LEN} are read")]
    TooLong(usize),
    /// Not UTF-8, or with control characters.
    #[error("the note is no text at byte {0}")]
    NotText(usize),
    /// No empty line with signatures below it, or no newline at the end.
    #[error("the note has no signatures: wanted a text, an empty line, and lines that begin with an em dash")]
    Unsigned,
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has {0} signatures: no more than {MAX_SIGNATURES} are read")]
    TooMany(usize),
    /// A line below the text that is no signature.
    #[error("line {0} of the signatures is none: wanted `— NAME BASE64`")]
    Line(usize),
}

/// A line that is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no signature: wanted `— NAME BASE64`")]
pub struct NoSignature;

impl Note {
    /// A text of our own, which ends in a newline.
    pub(crate) const fn new(text: String) -> Self {
        Self {
            text,
            signatures: Vec::new(),
        }
    }

    /// Read a note. Nothing of it is to be believed before a signature was checked.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_LEN {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let whole = std::str::from_utf8(bytes).map_err(|error| NoteError::NotText(error.valid_up_to()))?;
        if let Some(at) = whole.bytes().position(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::NotText(at));
        }
        let (text, signatures) = whole.rsplit_once("\n\n").ok_or(NoteError::Unsigned)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        let count = signatures.split('\n').count();
        if count > MAX_SIGNATURES {
            return Err(NoteError::TooMany(count));
        }
        let signatures = (1..).zip(signatures.split('\n'));
        let signatures =
            signatures.map(|(number, line)| line.parse().map_err(|NoSignature| NoteError::Line(number)));
        Ok(Self {
            text: format!("{text}\n"),
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }

    /// What is signed, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands below it.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Put a signature below the others. Check it first: readers refuse a note with one bad signature of a key that they
    /// know, whatever the others are.
    pub fn push(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    /// A signature that was just made, under a key's name.
    pub(crate) fn new(name: &str, id: u32, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            id,
            bytes,
        }
    }

    /// Whose it says it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By which key it says it is.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What the key made.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for Signature {
    type Err = NoSignature;

    fn from_str(line: &str) -> Result<Self, NoSignature> {
        let line = line.strip_prefix("— ").ok_or(NoSignature)?;
        let (name, bytes) = line.split_once(' ').ok_or(NoSignature)?;
        let bytes = STANDARD.decode(bytes).map_err(|_| NoSignature)?;
        let (id, bytes) = bytes.split_first_chunk().ok_or(NoSignature)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(NoSignature);
        }
        Ok(Self::new(name, u32::from_be_bytes(*id), bytes.to_vec()))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = STANDARD.encode([&self.id.to_be_bytes()[..], &self.bytes].concat());
        write!(f, "— {} {bytes}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the specification.
    const POEM: &str = "Ognuno sta solo sul cuor della terra\n\
        trafitto da un raggio di sole:\n\
        \n\
        ed è subito sera.\n\
        \n\
        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    #[test]
    fn the_text_may_have_empty_lines() {
        let note = Note::parse(POEM.as_bytes()).unwrap();
        assert!(note.text().ends_with("sole:\n\ned è subito sera.\n"));
        let [signature] = note.signatures() else {
            panic!("{note:?}")
        };
        assert_eq!(signature.name(), "quasimodo.example/salvatore");
        assert_eq!((signature.id(), signature.bytes().len()), (0x367b_a04b, 64));
        assert_eq!(note.to_string(), POEM);
    }

    #[test]
    fn what_is_no_note_says_why() {
        let line = "— a AAAAAAA=\n";
        for (text, error) in [
            (String::new(), NoteError::Unsigned),
            ("text\n".to_owned(), NoteError::Unsigned),
            (format!("text\n{line}"), NoteError::Unsigned),
            (
                format!("text\n\n{line}").trim_end().to_owned(),
                NoteError::Unsigned,
            ),
            ("text\n\n\n".to_owned(), NoteError::Unsigned),
            (format!("text\n\n{line}— a b AAAAAAA=\n"), NoteError::Line(2)),
            (format!("text\n\n{line}- a AAAAAAA=\n"), NoteError::Line(2)),
            (format!("text\n\n{line}— a+b AAAAAAA=\n"), NoteError::Line(2)),
            ("text\n\n— a AAAAAA==\n".to_owned(), NoteError::Line(1)),
            (format!("te\txt\n\n{line}"), NoteError::NotText(2)),
            (format!("text\n\n{}", line.repeat(65)), NoteError::TooMany(65)),
            ("a".repeat(MAX_LEN + 1), NoteError::TooLong(MAX_LEN + 1)),
        ] {
            assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:.80}");
        }
        assert_eq!(Note::parse(b"te\xff"), Err(NoteError::NotText(2)));
        assert!(Note::parse(format!("text\n\n{}", line.repeat(64)).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn a_note_is_written_as_it_was_read(text in "([a-zé ]*\n){1,5}", lines in prop::collection::vec(
            ("[a-zé./]{1,20}", any::<u32>(), prop::collection::vec(any::<u8>(), 1..90)), 1..5,
        )) {
            let mut note = Note::new(text);
            for (name, id, bytes) in lines {
                note.push(Signature::new(&name, id, bytes));
            }
            prop_assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
        }
    }
}
