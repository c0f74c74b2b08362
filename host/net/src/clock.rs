//! The one clock of a measurement.

use std::time::{Duration, Instant, SystemTime};

/// Time since a measurement began. Clones share the same beginning.
#[derive(Clone, Debug)]
pub struct Clock {
    zero: Instant,
    started_at: SystemTime,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self {
            zero: Instant::now(),
            started_at: SystemTime::now(),
        }
    }

    /// Time since the beginning. Monotonic.
    pub fn now(&self) -> Duration {
        self.zero.elapsed()
    }

    /// The calendar time of the beginning.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }
}
