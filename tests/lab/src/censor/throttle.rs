//! A token bucket with a queue: a rate, a small burst, and loss when too much waits.

use std::time::{Duration, Instant};

/// What may pass at once after a pause.
const BURST_BYTES: u64 = 3000;
/// What may wait; more is lost, and the sender slows down.
const QUEUE_BYTES: u64 = 32 * 1024;

/// One direction of a throttled flow.
pub(super) struct Bucket {
    rate: u64,
    /// When the last admitted packet has passed at the given rate, a burst ahead of the clock at the earliest.
    ready: Option<Instant>,
}

impl Bucket {
    /// A full bucket that lets `rate` bytes pass per second.
    pub(super) fn new(rate: u64) -> Self {
        Self {
            rate: rate.max(1),
            ready: None,
        }
    }

    /// When a packet of this length may travel on; nothing if it is lost.
    pub(super) fn admit(&mut self, length: usize, now: Instant) -> Option<Instant> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        // A full bucket is one whose last packet passed a burst ago.
        let full = now.checked_sub(self.time_for(BURST_BYTES));
        let start = match (self.ready, full) {
            (Some(ready), Some(full)) => ready.max(full),
            (Some(ready), None) => ready,
            (None, full) => full.unwrap_or(now),
        };
        let passed = start.checked_add(self.time_for(length))?;
        if passed.saturating_duration_since(now) > self.time_for(QUEUE_BYTES) {
            return None;
        }
        self.ready = Some(passed);
        Some(passed.max(now))
    }

    fn time_for(&self, bytes: u64) -> Duration {
        Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, QUEUE_BYTES};
    use std::time::{Duration, Instant};

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let now = Instant::now() + Duration::from_hours(1);
        let mut bucket = Bucket::new(100_000);
        let waits: Vec<_> = (0..5).map(|_| bucket.admit(1500, now).unwrap() - now).collect();
        assert_eq!(waits, [0, 0, 15, 30, 45].map(Duration::from_millis));
    }

    #[test]
    fn what_finds_the_queue_full_is_lost_and_the_queue_empties() {
        let now = Instant::now() + Duration::from_hours(1);
        let mut bucket = Bucket::new(100_000);
        let admitted = (0..100).filter_map(|_| bucket.admit(1500, now)).count();
        assert_eq!(admitted, usize::try_from(QUEUE_BYTES / 1500 + 2).unwrap());
        assert!(bucket.admit(1500, now + Duration::from_millis(100)).is_some());
    }
}
