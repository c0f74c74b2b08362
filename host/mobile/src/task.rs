//! A task: what it was told to run, on threads of its own, and its events.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio_util::sync::CancellationToken;

use crate::events;
use crate::queue::Queue;
use crate::run::Work;

/// A task under way, or one that has ended. Clones are the same task; when the last one is dropped, it is closed.
#[derive(Clone)]
pub struct Task(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Task {
    /// Start the work on a thread of its own.
    pub(crate) fn start(work: impl FnOnce(Arc<Queue>, CancellationToken) -> Work) -> Self {
        let (queue, stop) = (Arc::new(Queue::default()), CancellationToken::new());
        let work = work(queue.clone(), stop.clone());
        queue.push(events::event("status.queued", &serde_json::json!({})));
        let thread = thread::Builder::new()
            .name("netsonde-task".to_owned())
            .spawn(move || work.run())
            .inspect_err(|error| {
                let why = format!("start a thread for the task: {error}");
                queue.end(Some(events::failure("failure.startup", &why)));
            });
        Self(Arc::new(Inner {
            queue,
            stop,
            thread: Mutex::new(thread.ok()),
        }))
    }

    /// The next event, as JSON: `{"key": …, "value": {…}}`. Waits until there is one. After the last one, and once the task was
    /// closed, it is `task_terminated` for ever.
    pub fn wait_for_next_event(&self) -> String {
        match self.0.queue.pop() {
            Some(event) => event,
            None => events::TERMINATED.to_owned(),
        }
    }

    /// Whether [`wait_for_next_event`](Self::wait_for_next_event) has said `task_terminated`, or the task was closed.
    pub fn is_done(&self) -> bool {
        self.0.queue.is_done()
    }

    /// End the task before its time. A measurement under way is given up, because an interrupted operation says nothing about the
    /// network. The events up to the end still come.
    pub fn interrupt(&self) {
        self.0.stop.cancel();
    }

    /// Interrupt the task, throw away its unread events, and wait until its threads have ended. Whoever waits for an event gets
    /// `task_terminated`. Closing twice does nothing more.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Inner {
    fn close(&self) {
        self.stop.cancel();
        self.queue.close();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // It catches what panics in it.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
