//! How many questions are under way, and who is turned away.

use super::config::Limits;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How probes begin to say who they are (`User-Agent`): OONI's, and ours.
const PROBES: [&str; 2] = ["ooniprobe-", "netsonde/"];

/// Questions under way.
#[derive(Debug)]
pub(super) struct Load {
    in_flight: AtomicUsize,
    most: usize,
    most_of_strangers: usize,
}

/// A question under way, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Load>);

impl Load {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicUsize::new(0),
            most: limits.in_flight,
            most_of_strangers: limits.in_flight_of_strangers,
        })
    }

    /// Take a question on, unless there is too much to do for who asks it.
    pub(super) fn admit(self: &Arc<Self>, user_agent: &str) -> Option<InFlight> {
        let most = if PROBES.iter().any(|probe| user_agent.starts_with(probe)) {
            self.most
        } else {
            self.most.min(self.most_of_strangers)
        };
        let one_more = |now: usize| (now < most).then_some(now + 1);
        self.in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| InFlight(Arc::clone(self)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_turned_away_before_probes() {
        let load = Load::new(&Limits::default());
        let mut taken: Vec<_> = (0..25).map(|_| load.admit("curl/8").unwrap()).collect();
        assert!(load.admit("curl/8").is_none() && load.admit("").is_none());
        taken.extend((25..50).map(|_| load.admit("ooniprobe-cli/3.31.0").unwrap()));
        assert!(load.admit("ooniprobe-cli/3.31.0").is_none());
        taken.pop();
        assert!(load.admit("curl/8").is_none());
        let last = load.admit("netsonde/0.1.0 ooniprobe-engine/3.31.0");
        assert!(last.is_some() && load.admit("ooniprobe-android/4").is_none());
        drop(last);
        drop(taken);
        assert!(load.admit("curl/8").is_some());
    }
}
