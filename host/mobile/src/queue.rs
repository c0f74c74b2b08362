//! The events of a task on their way to whoever reads them.
//!
//! Nothing waits in the middle of a measurement for a reader, because that would be measured too. A task waits before its next
//! target until fewer than [`BOUND`] events are unread; what a target adds meanwhile is bounded by what its module may log.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many unread events let the next target start.
const BOUND: usize = 128;

#[derive(Default)]
struct State {
    events: VecDeque<String>,
    /// Nothing comes after what is there.
    ended: bool,
    /// Nobody wants to read any more.
    closed: bool,
    /// The reader was told that nothing comes any more.
    told: bool,
}

/// The unread events of a task, in order.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    news: Condvar,
    room: Notify,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Add an event, unless the last one was. Never waits.
    pub(crate) fn push(&self, event: String) {
        let mut state = self.state();
        if !state.closed && !state.ended {
            state.events.push_back(event);
            self.news.notify_one();
        }
    }

    /// The next event; `None` once there will be none.
    pub(crate) fn pop(&self) -> Option<String> {
        let mut state = self.state();
        loop {
            if let Some(event) = state.events.pop_front() {
                self.room.notify_waiters();
                return Some(event);
            }
            if state.ended || state.closed {
                state.told = true;
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wait until the reader has caught up, or is gone.
    pub(crate) async fn room(&self) {
        loop {
            // Made before looking, so that what changes in between is not missed.
            let changed = self.room.notified();
            {
                let state = self.state();
                if state.closed || state.events.len() < BOUND {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Add the last event, if there is one to add: whoever still works on has nothing to say after it.
    pub(crate) fn end(&self, last: Option<String>) {
        let mut state = self.state();
        if let Some(last) = last.filter(|_| !state.closed && !state.ended) {
            state.events.push_back(last);
        }
        state.ended = true;
        drop(state);
        self.news.notify_all();
    }

    /// Nobody reads any more: what is unread is thrown away, and whoever waits is let go.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.events = VecDeque::new();
        drop(state);
        self.news.notify_all();
        self.room.notify_waiters();
    }

    /// Whether the reader knows that nothing comes any more, or is gone.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.state();
        state.told || state.closed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_come_in_order_and_the_end_after_them() {
        let queue = Queue::default();
        for event in ["one", "two"] {
            queue.push(event.to_owned());
        }
        queue.end(Some("last".to_owned()));
        queue.push("late".to_owned());
        queue.end(Some("too late".to_owned()));
        assert!(!queue.is_done());
        assert_eq!(queue.pop().as_deref(), Some("one"));
        assert_eq!(queue.pop().as_deref(), Some("two"));
        assert_eq!(queue.pop().as_deref(), Some("last"));
        assert!(!queue.is_done(), "nobody was told");
        assert_eq!(queue.pop(), None);
        assert_eq!(queue.pop(), None);
        assert!(queue.is_done());
    }

    #[test]
    fn closing_lets_go_of_who_waits() {
        let queue = Arc::new(Queue::default());
        let reader = {
            let queue = queue.clone();
            thread::spawn(move || queue.pop())
        };
        thread::sleep(Duration::from_millis(50));
        queue.close();
        assert_eq!(reader.join().unwrap(), None);
        queue.push("late".to_owned());
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_slow_reader_is_waited_for() {
        let queue = Arc::new(Queue::default());
        for _ in 0..BOUND {
            queue.push(String::new());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let soon = Duration::from_millis(100);
        let room = || runtime.block_on(async { tokio::time::timeout(soon, queue.room()).await.is_ok() });
        assert!(!room());
        queue.pop();
        assert!(room());
        queue.push(String::new());
        let closer = {
            let queue = queue.clone();
            thread::spawn(move || queue.close())
        };
        runtime.block_on(queue.room());
        closer.join().unwrap();
    }
}
