//! The file: a head, an event a line, an end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::RunError;
use crate::wire::Wire;

/// The version of the format.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The version of the format.
    transcript: u32,
    /// The module's name.
    pub module: String,
    /// The SHA-256 of the module's bytes, in hexadecimal.
    pub sha256: String,
    /// What `run` was called with, a JSON text.
    pub argument: String,
}

impl Head {
    pub(crate) fn new(module: String, sha256: String, argument: String) -> Self {
        Self {
            transcript: FORMAT,
            module,
            sha256,
            argument,
        }
    }
}

/// A line between head and end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Event {
    /// The guest called.
    Call(Call),
    /// The host answered.
    Answer(Answer),
    /// The guest gave a call up, or ended before it was answered.
    Dropped(Dropped),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the field says in the file what the line is"
)]
pub(crate) struct Call {
    /// From 0, without gaps.
    pub(crate) call: usize,
    pub(crate) name: String,
    pub(crate) args: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the field says in the file what the line is"
)]
pub(crate) struct Answer {
    /// The call's number.
    pub(crate) answer: usize,
    /// Whether the guest went on before it had the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) later: bool,
    #[serde(flatten)]
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Value(Value),
    /// The host ended the guest: a budget was used up.
    Stopped(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dropped {
    /// The call's number.
    pub(crate) dropped: usize,
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// What `run` returned.
    Returned(Value),
    /// Why it returned nothing.
    Stopped(String),
}

impl End {
    /// The end of an instance whose `run` returned this.
    pub(crate) fn of<R: Wire>(ended: &Result<R, RunError>) -> Self {
        match ended {
            Ok(returned) => Self::Returned(returned.to_wire()),
            Err(error) => Self::Stopped(error.to_string()),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Last {
    pub(crate) end: End,
}

/// What is wrong with a transcript.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// There is no end: the recording was cut off, or the file was.
    #[error("it has no last line that says how the instance ended: the recording or the file was cut off")]
    CutOff,
    /// A line can not be read, or does not follow from the lines before it.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// Everything that an instance asked its host, and what it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    pub(crate) head: Head,
    pub(crate) events: Vec<Event>,
    pub(crate) end: End,
}

impl Transcript {
    /// Read a transcript and check that each line follows from those before it.
    pub fn parse(text: &[u8]) -> Result<Self, TranscriptError> {
        let mut lines = text.split(|byte| *byte == b'\n').zip(1_usize..);
        let head = match lines.next() {
            Some((line, _)) if !line.is_empty() => head(line)?,
            _ => return Err(TranscriptError::CutOff),
        };
        let mut events = Vec::new();
        let mut open = Open::default();
        while let Some((line, number)) = lines.next() {
            let wrong = |what: String| TranscriptError::Line { line: number, what };
            if line.is_empty() {
                break;
            }
            if line.starts_with(b"{\"end\"") {
                let last: Last = read(line).map_err(wrong)?;
                return match lines.next() {
                    Some((b"", _)) if lines.next().is_none() => Ok(Self {
                        head,
                        events,
                        end: last.end,
                    }),
                    None => Err(TranscriptError::CutOff),
                    Some((_, line)) => Err(TranscriptError::Line {
                        line,
                        what: "something follows the line that says how the instance ended".to_owned(),
                    }),
                };
            }
            let last = !text.ends_with(b"\n") && lines.clone().next().is_none();
            if last {
                break;
            }
            let event = event(line).map_err(wrong)?;
            open.check(&event).map_err(wrong)?;
            events.push(event);
        }
        Err(TranscriptError::CutOff)
    }

    /// The first line.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.events
            .iter()
            .filter(|event| matches!(event, Event::Call(_)))
            .count()
    }
}

fn head(line: &[u8]) -> Result<Head, TranscriptError> {
    let wrong = |what: String| TranscriptError::Line { line: 1, what };
    let head: Head = read(line).map_err(wrong)?;
    if head.transcript != FORMAT {
        return Err(wrong(format!(
            "it is in format {}, and this version of netsonde reads format {FORMAT}",
            head.transcript
        )));
    }
    Ok(head)
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

fn event(line: &[u8]) -> Result<Event, String> {
    if line.starts_with(b"{\"call\"") {
        read(line).map(Event::Call)
    } else if line.starts_with(b"{\"answer\"") {
        read(line).map(Event::Answer)
    } else if line.starts_with(b"{\"dropped\"") {
        read(line).map(Event::Dropped)
    } else {
        Err("it is neither a call nor an answer nor a call that was dropped".to_owned())
    }
}

/// Calls by number, and whether they are still open.
#[derive(Default)]
struct Open(BTreeMap<usize, bool>);

impl Open {
    fn check(&mut self, event: &Event) -> Result<(), String> {
        let number = match event {
            Event::Call(Call { call, .. }) if *call == self.0.len() => {
                self.0.insert(*call, true);
                return Ok(());
            }
            Event::Call(Call { call, .. }) => {
                return Err(format!("it is call {call}, and call {} is next", self.0.len()));
            }
            Event::Answer(Answer { answer, .. }) => answer,
            Event::Dropped(Dropped { dropped }) => dropped,
        };
        match self.0.get_mut(number) {
            Some(open @ true) => {
                *open = false;
                Ok(())
            }
            Some(false) => Err(format!("call {number} was answered or dropped before")),
            None => Err(format!("there was no call {number}")),
        }
    }
}
