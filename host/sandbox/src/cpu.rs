//! Computing time of a guest.
//!
//! A guest computes only while its store's future is polled, and sockets work elsewhere, in tasks of their own. So
//! the thread's CPU time over all polls is what the guest cost. Waiting costs nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::error::BudgetExceeded;
use crate::ledger::{Account, Ledger};

/// A future of a store, with every poll in the books. It ends as soon as an account is overdrawn, which a busy
/// guest's epoch makes happen within a tick.
pub(crate) struct Metered<F> {
    future: Pin<Box<F>>,
    ledger: Arc<Ledger>,
    /// Nanoseconds that did not make up a microsecond yet.
    rest: Duration,
}

impl<F: Future> Metered<F> {
    pub(crate) fn new(ledger: Arc<Ledger>, future: F) -> Self {
        Self {
            future: Box::pin(future),
            ledger,
            rest: Duration::ZERO,
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = Result<F::Output, BudgetExceeded>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = thread_time();
        let polled = self.future.as_mut().poll(context);
        let spent = thread_time().saturating_sub(before) + self.rest;
        let micros = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        self.rest = spent.saturating_sub(Duration::from_micros(micros));
        self.ledger.add(Account::Cpu, micros)?;
        if let Poll::Ready(output) = polled {
            return Poll::Ready(Ok(output));
        }
        match self.ledger.exceeded() {
            Some(exceeded) => Poll::Ready(Err(exceeded.clone())),
            None => Poll::Pending,
        }
    }
}

/// CPU time of this thread.
#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Time, where the thread's own can not be told: other programs' share of it is counted too.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
