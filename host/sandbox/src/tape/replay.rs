//! Answering a guest from a transcript.
//!
//! The guest's calls have to be those of the transcript, in their order. An answer that came later is given only once
//! everything before it in the transcript has happened: then the guest is where it was when it got the answer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use serde_json::{Map, Value};

use super::transcript::{Event, What};
use super::{Function, SETTLE};
use crate::wire::Held;

/// Where a guest did something else than its transcript says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Divergence {
    /// It called something else, or with other arguments.
    #[error("call {number} differs:\n{}", differences(expected, got))]
    Call {
        /// The call, from 0.
        number: usize,
        /// What the transcript says.
        expected: Called,
        /// What the guest did.
        got: Called,
    },
    /// It called once more than the transcript says.
    #[error("the transcript has {number} calls, and the guest made one more:\n  got      {got}")]
    OneMore {
        /// The call, from 0.
        number: usize,
        /// What the guest did.
        got: Called,
    },
    /// It returned earlier than the transcript says.
    #[error("the guest ended early; in the transcript call {number} is next:\n  expected {expected}")]
    Early {
        /// The call, from 0.
        number: usize,
        /// What the transcript says.
        expected: Called,
    },
    /// It gave up a call that was answered.
    #[error("the guest dropped call {number}, which is answered in the transcript")]
    Dropped {
        /// The call, from 0.
        number: usize,
    },
    /// It waits for what does not come.
    #[error("the guest waits, and the transcript has no answer for it before {next}")]
    Waits {
        /// What is next in the transcript.
        next: String,
    },
    /// It returned something else.
    #[error("the guest returned something else:\n  expected {expected}\n  got      {got}")]
    Returned {
        /// What the transcript says.
        expected: String,
        /// What the guest did.
        got: String,
    },
    /// It was stopped, or was not.
    #[error("the guest ended otherwise:\n  expected {expected}\n  got      {got}")]
    Ended {
        /// What the transcript says.
        expected: String,
        /// What happened.
        got: String,
    },
    /// An answer of the transcript is none that the function can give.
    #[error("the answer to call {number}, {name}, is none: {what}")]
    Answer {
        /// The call, from 0.
        number: usize,
        /// The function.
        name: String,
        /// What is wrong.
        what: String,
    },
}

impl Divergence {
    pub(crate) fn returned(expected: &Value, got: &Value) -> Self {
        Self::Returned {
            expected: shown(&expected.to_string()),
            got: shown(&got.to_string()),
        }
    }
}

/// A function with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// The function, `tcp.connect`.
    pub name: String,
    /// Its arguments by name.
    pub args: Map<String, Value>,
}

/// The most of an argument that is shown.
const SHOWN: usize = 300;

fn shown(text: &str) -> String {
    match text.get(..text.floor_char_boundary(SHOWN)) {
        Some(cut) if cut.len() < text.len() => format!("{cut}… ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}

impl std::fmt::Display for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let args: Vec<_> = self
            .args
            .iter()
            .map(|(name, value)| format!("{name}: {}", shown(&value.to_string())))
            .collect();
        write!(f, "{}({})", self.name, args.join(", "))
    }
}

/// Both calls, and of their arguments only those that differ where the function is the same.
fn differences(expected: &Called, got: &Called) -> String {
    if expected.name != got.name {
        return format!("  expected {expected}\n  got      {got}");
    }
    let mut text = format!("  {}", expected.name);
    for (name, value) in &expected.args {
        let other = got.args.get(name).unwrap_or(&Value::Null);
        if value != other {
            let (value, other) = (shown(&value.to_string()), shown(&other.to_string()));
            // Writing to a string can not fail.
            _ = write!(text, "\n  {name}:\n    expected {value}\n    got      {other}");
        }
    }
    text
}

/// A transcript that is being replayed. Clones are the same.
#[derive(Clone)]
pub(crate) struct Replayer(Arc<Mutex<Inner>>);

struct Inner {
    events: Vec<Event>,
    /// Which of the events have happened.
    happened: Vec<bool>,
    /// The first that has not.
    position: usize,
    /// Where each call stands, and where its answer or its end does.
    calls: Vec<(usize, Option<usize>)>,
    /// How often the answer that is next has let everything else go first.
    settled: usize,
    /// How many calls the guest has made.
    made: usize,
    /// Calls that wait for their answer.
    wakers: HashMap<usize, Waker>,
    divergence: Option<Divergence>,
    /// The host ended the guest in a call, as the transcript says.
    stopped: bool,
    /// What happens to open calls does not matter any more.
    over: bool,
}

impl Replayer {
    pub(crate) fn new(events: Vec<Event>) -> Self {
        let mut calls: Vec<(usize, Option<usize>)> = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let number = match event {
                Event::Call(_) => {
                    calls.push((index, None));
                    continue;
                }
                Event::Answer(answer) => answer.answer,
                Event::Dropped(dropped) => dropped.dropped,
            };
            if let Some(call) = calls.get_mut(number) {
                call.1 = Some(index);
            }
        }
        Self(Arc::new(Mutex::new(Inner {
            happened: vec![false; events.len()],
            events,
            position: 0,
            settled: 0,
            calls,
            made: 0,
            wakers: HashMap::new(),
            divergence: None,
            stopped: false,
            over: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest calls. Says the call's number.
    pub(crate) fn call(&self, function: &Function, arguments: Vec<Value>) -> wasmtime::Result<usize> {
        let names = function.arguments.iter().map(|name| (*name).to_owned());
        let got = Called {
            name: function.path(),
            args: names.zip(arguments).collect(),
        };
        let mut inner = self.lock();
        let number = inner.made;
        let expected = inner.calls.get(number).map(|(index, _)| *index);
        let event = expected.and_then(|index| inner.events.get(index));
        match (expected, event) {
            (Some(index), Some(Event::Call(call))) => {
                if call.name != got.name || call.args != got.args {
                    let expected = Called {
                        name: call.name.clone(),
                        args: call.args.clone(),
                    };
                    return Err(inner.diverged(Divergence::Call {
                        number,
                        expected,
                        got,
                    }));
                }
                inner.made += 1;
                inner.happens(index);
                Ok(number)
            }
            _ => Err(inner.diverged(Divergence::OneMore { number, got })),
        }
    }

    /// The answer to a call that is answered at once.
    pub(crate) fn now<R: Held>(&self, function: &Function, number: usize) -> wasmtime::Result<R> {
        match self.lock().answer(number, function, true) {
            Poll::Ready(answer) => answer,
            // It never comes: the guest was stopped in this call, or the function has become another kind.
            Poll::Pending => Err(wasmtime::format_err!("the transcript ends in this call")),
        }
    }

    /// The answer to a call whose answer may come later. The second part says whether this is the first time of asking.
    pub(crate) fn poll<R: Held>(
        &self,
        function: &Function,
        number: usize,
        first: bool,
        context: &mut Context<'_>,
    ) -> Poll<wasmtime::Result<R>> {
        let mut inner = self.lock();
        if !first && inner.is_due(number) && inner.settled < SETTLE {
            inner.settled += 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let answer = inner.answer(number, function, first);
        if answer.is_pending() {
            inner.wakers.insert(number, context.waker().clone());
            if first {
                context.waker().wake_by_ref();
            }
        }
        answer
    }

    /// The guest dropped a call.
    fn dropped(&self, number: usize) {
        let mut inner = self.lock();
        if inner.over {
            return;
        }
        let end = inner.calls.get(number).and_then(|(_, end)| *end);
        match end.and_then(|index| inner.events.get(index).map(|event| (index, event))) {
            Some((index, Event::Dropped(_))) => inner.happens(index),
            _ => drop(inner.diverged(Divergence::Dropped { number })),
        }
    }

    /// The guest is about to end: what is open stays open.
    pub(crate) fn over(&self) {
        self.lock().over = true;
    }

    /// The first thing that the guest did and the transcript does not say.
    pub(crate) fn divergence(&self) -> Option<Divergence> {
        self.lock().divergence.clone()
    }

    /// Whether the host ended the guest in a call, as the transcript says.
    pub(crate) fn stopped(&self) -> bool {
        self.lock().stopped
    }

    /// The guest returned: whether there should have been more.
    pub(crate) fn early(&self) -> Option<Divergence> {
        let inner = self.lock();
        let (index, _) = inner.calls.get(inner.made)?;
        match inner.events.get(*index)? {
            Event::Call(call) => Some(Divergence::Early {
                number: inner.made,
                expected: Called {
                    name: call.name.clone(),
                    args: call.args.clone(),
                },
            }),
            Event::Answer(_) | Event::Dropped(_) => None,
        }
    }

    /// The guest waits for ever: what should have happened.
    pub(crate) fn waits(&self) -> Option<Divergence> {
        self.early().map(|early| match early {
            Divergence::Early { number, expected } => Divergence::Waits {
                next: format!("call {number}, {expected}"),
            },
            other => other,
        })
    }
}

impl Inner {
    fn diverged(&mut self, divergence: Divergence) -> wasmtime::Error {
        self.divergence.get_or_insert(divergence).clone().into()
    }

    fn happens(&mut self, index: usize) {
        if let Some(happened) = self.happened.get_mut(index) {
            *happened = true;
        }
        while self.happened.get(self.position).is_some_and(|happened| *happened) {
            self.position += 1;
            self.settled = 0;
        }
        if let Some(Event::Answer(answer)) = self.events.get(self.position)
            && let Some(waker) = self.wakers.remove(&answer.answer)
        {
            waker.wake();
        }
    }

    /// Whether the answer to this call is next.
    fn is_due(&self, number: usize) -> bool {
        self.calls
            .get(number)
            .is_some_and(|(_, end)| *end == Some(self.position))
    }

    fn answer<R: Held>(
        &mut self,
        number: usize,
        function: &Function,
        first: bool,
    ) -> Poll<wasmtime::Result<R>> {
        let Some(index) = self.calls.get(number).and_then(|(_, end)| *end) else {
            return Poll::Pending;
        };
        let Some(Event::Answer(answer)) = self.events.get(index) else {
            return Poll::Pending;
        };
        if answer.later && (first || self.position != index) {
            return Poll::Pending;
        }
        let answer = match &answer.what {
            What::Stopped(why) => {
                let error = wasmtime::format_err!("{why}");
                self.stopped = true;
                Err(error)
            }
            What::Value(value) => R::hold(value.clone()).map_err(|what| {
                let (number, name) = (number, function.path());
                self.diverged(Divergence::Answer { number, name, what })
            }),
        };
        self.happens(index);
        Poll::Ready(answer)
    }
}

/// A call that waits for its answer.
pub(crate) struct Waiting {
    replayer: Replayer,
    call: usize,
    pub(crate) answered: bool,
}

impl Waiting {
    pub(crate) fn new(replayer: Replayer, call: usize) -> Self {
        Self {
            replayer,
            call,
            answered: false,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            self.replayer.dropped(self.call);
        }
    }
}
