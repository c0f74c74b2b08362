//! Writing a transcript while a guest runs.
//!
//! A transcript that can not be written does not disturb the measurement: the sink is told once, and whoever recorded
//! does not claim the transcript.

use std::future::poll_fn;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use serde::Serialize;
use serde_json::Value;

use super::transcript::{Answer, Call, Dropped, End, Head, Last, What};
use super::{Function, SETTLE};
use crate::wire::Held;

/// Where transcripts go.
pub trait TranscriptSink: Send + Sync {
    /// A transcript begins. The nettest's own instance is `nettest`; the second mini nettest that its call 7 asks for
    /// is `nettest-7-1`.
    fn open(&self, instance: &str) -> io::Result<Box<dyn Write + Send>>;

    /// A transcript could not be written; nothing more will be added to it.
    fn failed(&self, instance: &str, error: io::Error);
}

/// The transcript of a running instance.
pub(crate) struct Recording {
    instance: String,
    sink: Arc<dyn TranscriptSink>,
    /// None once writing failed, or the transcript is complete.
    file: Mutex<Option<Box<dyn Write + Send>>>,
    calls: AtomicUsize,
    /// Held by the answer that is being handed over.
    turn: tokio::sync::Mutex<()>,
}

impl Recording {
    /// Begin the transcript of an instance.
    pub(crate) fn start(sink: &Arc<dyn TranscriptSink>, instance: String, head: &Head) -> Arc<Self> {
        let file = sink.open(&instance);
        let recording = Self {
            instance,
            sink: sink.clone(),
            file: Mutex::new(None),
            calls: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::new(()),
        };
        match file {
            Ok(file) => {
                *recording.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
                recording.line(head);
            }
            Err(error) => sink.failed(&recording.instance, error),
        }
        Arc::new(recording)
    }

    /// Begin the transcript of a mini nettest that `call` of this instance asked for.
    pub(crate) fn nested(&self, call: usize, index: usize, head: &Head) -> Arc<Self> {
        Self::start(&self.sink, format!("{}-{call}-{index}", self.instance), head)
    }

    fn line(&self, line: &impl Serialize) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        let written = serde_json::to_vec(line)
            .map_err(io::Error::from)
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                open.write_all(&bytes)
            });
        if let Err(error) = written {
            *file = None;
            drop(file);
            self.sink.failed(&self.instance, error);
        }
    }

    /// The guest calls. Says the call's number.
    pub(crate) fn call(&self, function: &Function, arguments: Vec<Value>) -> usize {
        // Calls of an instance come one after the other; only the answers of asynchronous ones do not.
        let call = self.calls.fetch_add(1, Relaxed);
        let names = function.arguments.iter().map(|name| (*name).to_owned());
        self.line(&Call {
            call,
            name: function.path(),
            args: names.zip(arguments).collect(),
        });
        call
    }

    /// Wait until the guest has seen the answers before this one, so that it sees answers in the order of the transcript.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        let mut yields = 0;
        poll_fn(|context| {
            if yields == SETTLE {
                return Poll::Ready(());
            }
            yields += 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        turn
    }

    pub(crate) fn answer<R: Held>(&self, call: usize, later: bool, answer: &wasmtime::Result<R>) {
        self.line(&Answer {
            answer: call,
            later,
            what: match answer {
                Ok(value) => What::Value(value.held()),
                Err(error) => What::Stopped(format!("{error:#}")),
            },
        });
    }

    /// The transcript is complete.
    pub(crate) fn end(&self, end: End) {
        self.line(&Last { end });
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = file.map(|mut file| file.flush()) {
            self.sink.failed(&self.instance, error);
        }
    }
}

/// A call that waits for its answer.
pub(crate) struct Waiting {
    recording: Arc<Recording>,
    call: usize,
    answered: bool,
}

impl Waiting {
    pub(crate) fn new(recording: Arc<Recording>, call: usize) -> Self {
        Self {
            recording,
            call,
            answered: false,
        }
    }

    pub(crate) fn answer<R: Held>(mut self, later: bool, answer: &wasmtime::Result<R>) {
        self.answered = true;
        self.recording.answer(self.call, later, answer);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            self.recording.line(&Dropped { dropped: self.call });
        }
    }
}
