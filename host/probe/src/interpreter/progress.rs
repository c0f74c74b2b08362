//! The progress bar: the part of it that a nettest fills, and how far its targets are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::view::{Event, Thing, View};

/// The part of a suite's progress bar that the nettests of a stretch of the script fill.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) initial: f64,
    pub(super) max: f64,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            initial: 0.0,
            max: 1.0,
        }
    }
}

impl Range {
    pub(super) fn value(self, fraction: f64) -> f64 {
        fraction
            .clamp(0.0, 1.0)
            .mul_add(self.max - self.initial, self.initial)
    }
}

/// How far the targets of a nettest are, together.
pub(super) struct Bar {
    range: Range,
    /// Of each target.
    fractions: Mutex<Vec<f64>>,
}

impl Bar {
    pub(super) fn new(range: Range, targets: usize) -> Self {
        Self {
            range,
            fractions: vec![0.0; targets].into(),
        }
    }

    /// A target is this far, and the value of the progress bar is this.
    fn set(&self, index: usize, fraction: f64) -> f64 {
        let mut fractions = self.fractions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = fractions.get_mut(index) {
            // Nothing goes back, and what is no number is nothing.
            *known = known.max(fraction.clamp(0.0, 1.0));
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a script has far fewer than 2^52 targets"
        )]
        let total = fractions.len().max(1) as f64;
        self.range.value(fractions.iter().sum::<f64>() / total)
    }

    pub(super) fn done(&self, index: usize) {
        self.set(index, 1.0);
    }
}

/// What a guest shows goes to the view, as part of what all targets show.
pub(super) struct GuestEvents {
    pub(super) view: Arc<dyn View>,
    pub(super) bar: Arc<Bar>,
    /// Of the target.
    pub(super) index: usize,
    pub(super) skipped: AtomicUsize,
}

impl netsonde_sandbox::GuestView for GuestEvents {
    fn progress(&self, fraction: f64, message: &str) {
        let value = self.bar.set(self.index, fraction);
        self.view.event(Event::Progress {
            value,
            message: message.to_owned(),
        });
    }

    fn log(&self, module: &str, level: netsonde_sandbox::Level, message: &str) {
        self.view.event(Event::Log {
            module: module.to_owned(),
            level: level.into(),
            message: message.to_owned(),
        });
    }

    fn mini_skipped(&self, name: &str, why: &str) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.view.event(Event::Skipped {
            thing: Thing::MiniNettest,
            name: name.to_owned(),
            why: why.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_share_the_range_of_their_nettest() {
        let range = Range {
            initial: 0.5,
            max: 1.0,
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let bar = Bar::new(range, 2);
        assert!(close(bar.set(0, 0.0), 0.5));
        bar.done(0);
        assert!(close(bar.set(1, 0.0), 0.75));
        assert!(close(bar.set(1, 2.0), 1.0));
    }

    #[test]
    fn targets_that_are_measured_at_a_time_never_set_the_bar_back() {
        let bar = Bar::new(Range::default(), 4);
        assert!(bar.set(3, 0.8) < bar.set(0, 0.4));
        let before = bar.set(3, f64::NAN);
        assert!(before <= bar.set(3, 0.1));
    }
}
