//! How a call of a guest waits.
//!
//! Host futures are polled by the store's own loop, never while the guest computes. So whatever waits for the network
//! runs in a task of its own, and its timestamps are right even beside a busy guest. The task ends with the future
//! that waits for it: a guest that drops a call, a trap or a timeout closes what the call held.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use netsonde_data::failure::Failure;
use netsonde_net::NetError;
use tokio::task::{JoinError, JoinHandle};
use wasmtime::component::Resource;

use crate::bindings::types;
use crate::ledger::{Account, Charge, Ledger};
use crate::reach::Reach;
use crate::state::Shared;

/// A task that is aborted when nobody waits for it any more.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn(shared: &Shared, future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(shared.tasks.spawn(future))
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a host function needs of its instance while it waits, without borrowing the store.
pub(crate) struct Caller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ledger: Arc<Ledger>,
    held: Charge,
}

impl Caller {
    /// Begin a call that brought `bytes`.
    pub(crate) fn new(reach: &Reach<'_>, bytes: usize) -> wasmtime::Result<Self> {
        reach.with(|state| {
            state.call(bytes)?;
            Ok(Self {
                shared: state.shared.clone(),
                ledger: state.ledger.clone(),
                held: state.charge(bytes)?,
            })
        })
    }

    /// Note what observations of this call may repeat, and what the host holds of it while it waits.
    pub(crate) fn record(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.ledger.add(Account::Recorded, bytes as u64)?;
        Ok(self.held.grow(bytes)?)
    }

    /// Note what the answer brings the guest.
    pub(crate) fn answered(&self, bytes: usize) -> wasmtime::Result<()> {
        Ok(self.ledger.add(Account::HostCallBytes, bytes as u64)?)
    }

    /// Do the work of one operation: its failure is the guest's to see, a used-up budget ends the guest.
    pub(crate) async fn operation<R: Send + 'static>(
        &self,
        work: impl Future<Output = Result<R, NetError>> + Send + 'static,
    ) -> wasmtime::Result<Result<R, Failure>> {
        self.ledger.add(Account::Operations, 1)?;
        let calls = self.shared.calls.clone();
        let mut work = Box::pin(async move {
            // The semaphore is never closed; the work begins, and takes its first timestamp, with the permit.
            let _permit = calls.acquire_owned().await;
            work.await
        });
        // The first step is taken here: a call that the guest drops at once has begun all the same, and the trace
        // says so. A task that was never polled would leave nothing.
        let result = match futures::poll!(work.as_mut()) {
            Poll::Ready(result) => result,
            Poll::Pending => Task::spawn(&self.shared, work).await?,
        };
        // A lookup that could not be made has an answer all the same, and what it says is not what the network said.
        let result = match self.shared.net.meter().starved() {
            Some(starved) => Err(starved.into()),
            None => result,
        };
        match result {
            Ok(result) => Ok(Ok(result)),
            Err(NetError::Failed(failure)) => Ok(Err(failure)),
            Err(NetError::Exceeded(exceeded)) => {
                Err(self.ledger.root().overdraw(exceeded.what, exceeded.limit).into())
            }
        }
    }

    /// Do the work of an operation that makes a resource, and hand the guest a handle of it.
    pub(crate) async fn make<R: Send + 'static>(
        &self,
        reach: &Reach<'_>,
        work: impl Future<Output = Result<R, NetError>> + Send + 'static,
    ) -> wasmtime::Result<Result<Resource<R>, types::Failure>> {
        Ok(match self.operation(work).await? {
            Ok(made) => Ok(reach.with(|state| state.push(made))?),
            Err(failure) => Err(failure.into()),
        })
    }
}
