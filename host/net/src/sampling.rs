//! Samples over time: the kernel's books on a connection (`x_tcp_info`), and how many bytes have come so far
//! (`bytes_received_cumulative`, df-008). Both tell a throttled connection from a slow one.

use crate::{
    Trace, Transaction,
    guard::Guard,
    trace::{Event, Extra},
};
use netsonde_data::observation::TcpInfo;
use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// How often the books are looked at.
pub(crate) const PERIOD: Duration = Duration::from_millis(250);
/// The mean time between two counts of bytes, and the bounds of that time: those of OONI's sampler.
const MEAN: Duration = Duration::from_millis(250);
const SHORTEST: Duration = Duration::from_millis(25);
const LONGEST: Duration = Duration::from_millis(650);

/// Write the books on a connection down, if the system has any.
pub(crate) fn observe(trace: &Trace, tx: &Transaction, remote: SocketAddr, books: Option<TcpInfo>) {
    if books.is_none() {
        return;
    }
    let event = Event::mark("x_tcp_info", Some(remote), trace.clock().now());
    let extra = Extra {
        tcp_info: books.map(Box::new),
        ..Extra::default()
    };
    trace.event_with(tx, event, extra);
}

/// Whether something has happened on the wire between two looks at the books.
pub(crate) fn has_moved(before: Option<&TcpInfo>, now: &TcpInfo) -> bool {
    before.is_none_or(|before| {
        (
            &before.state,
            before.total_retransmits,
            before.unacked,
            before.lost,
        ) != (&now.state, now.total_retransmits, now.unacked, now.lost)
            || (before.bytes_acked, before.bytes_received) != (now.bytes_acked, now.bytes_received)
            || (before.segments_out, before.segments_in) != (now.segments_out, now.segments_in)
    })
}

/// Says when it is time to look at the books again.
#[derive(Debug, Default)]
pub(crate) struct Ticker(Option<Pin<Box<Sleep>>>);

impl Ticker {
    /// Whether the time has come; if not, the task is woken when it comes.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep(PERIOD)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => {
                timer.as_mut().reset(Instant::now() + PERIOD);
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// When bytes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Meanwhile,
    AtTheEnd,
}

/// Do `work`, and meanwhile `count` at random times, without memory so that nothing that happens regularly is missed;
/// and once more at its end, also if it is dropped half-way.
pub(crate) async fn while_counting<T>(count: impl Fn(When), work: impl Future<Output = T>) -> T {
    let last = Guard::new(|| count(When::AtTheEnd));
    let mut work = pin!(work);
    let mut next = pin!(sleep(interval(random())));
    let result = std::future::poll_fn(|cx| {
        // The work first: what has arrived by now counts.
        if let Poll::Ready(result) = work.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        while next.as_mut().poll(cx).is_ready() {
            count(When::Meanwhile);
            next.as_mut().reset(Instant::now() + interval(random()));
        }
        Poll::Pending
    })
    .await;
    drop(last);
    result
}

/// The time to the next count: exponentially distributed, within the bounds. `uniform` is between 0 and 1.
fn interval(uniform: f64) -> Duration {
    let factor = -(1.0 - uniform.clamp(0.0, 0.999_999)).ln();
    MEAN.mul_f64(factor).clamp(SHORTEST, LONGEST)
}

/// A number between 0 and 1, from the random keys of hash maps: nothing here has to be kept secret, and the system's
/// own source would be asked once for each transaction.
fn random() -> f64 {
    let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    f64::from(u32::from_ne_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intervals_stay_within_their_bounds(uniform in any::<f64>()) {
            let uniform = if uniform.is_nan() { 0.5 } else { uniform };
            prop_assert!((SHORTEST..=LONGEST).contains(&interval(uniform)));
        }
    }

    #[test]
    fn intervals_have_no_memory() {
        assert_eq!(interval(0.0), SHORTEST);
        assert_eq!(interval(1.0), LONGEST);
        let half = interval(0.5).as_secs_f64();
        assert!((half - 0.25 * std::f64::consts::LN_2).abs() < 1e-9, "{half}");
    }
}
