//! What a store carries: the handles of one instance, its books, and the run that it is part of.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use netsonde_net::Net;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wasmtime::component::{Resource, ResourceTable};

use crate::capability::Grants;
use crate::engine::Engine;
use crate::kept::Kept;
use crate::ledger::{Account, Charge, Ledger};
use crate::limits::Memory;
use crate::manifest::Manifest;
use crate::run::{GuestView, MiniSource, RunInfo};
use crate::tape::record::Recording;

/// What the instances of one run share: a nettest's and those of its mini nettests.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) net: Net,
    pub(crate) grants: Grants,
    pub(crate) info: RunInfo,
    pub(crate) minis: Arc<dyn MiniSource>,
    pub(crate) view: Arc<dyn GuestView>,
    /// Where modules keep what they keep from run to run.
    pub(crate) state_dir: Option<Arc<Path>>,
    /// Every task of the run, so that its end can be waited for.
    pub(crate) tasks: TaskTracker,
    /// A permit for each call that may wait.
    pub(crate) calls: Arc<Semaphore>,
    /// The test helper that answered last, as the script names it.
    pub(crate) helper: Mutex<Option<Value>>,
}

impl Shared {
    /// A test helper has answered.
    pub(crate) fn helped(&self, helper: Value) {
        *self.helper.lock().unwrap_or_else(PoisonError::into_inner) = Some(helper);
    }
}

/// The data of one instance's store.
pub(crate) struct State {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) memory: Memory,
    /// When the instance's wall clock runs out.
    pub(crate) deadline: Instant,
    /// Tags of the `mini.run` request above, which come before those of each transaction.
    pub(crate) tags: Vec<String>,
    /// Where progress goes; mini nettests have none of their own.
    pub(crate) is_mini: bool,
    /// The ids of the transactions that were begun, in order.
    pub(crate) begun: Vec<u64>,
    /// Where calls and answers are noted, if they are.
    pub(crate) recording: Option<Arc<Recording>>,
    /// The number of the asynchronous call that began last, in the recording.
    pub(crate) call: usize,
    /// What this module keeps from run to run.
    pub(crate) kept: Kept,
    table: ResourceTable,
    handles: u64,
}

impl State {
    pub(crate) fn new(
        shared: Arc<Shared>,
        manifest: &Manifest,
        ledger: Arc<Ledger>,
        deadline: Instant,
        mini_tags: Option<Vec<String>>,
    ) -> Self {
        Self {
            kept: Kept::new(shared.state_dir.clone(), manifest),
            shared,
            memory: Memory::new(&ledger),
            ledger,
            deadline,
            is_mini: mini_tags.is_some(),
            tags: mini_tags.unwrap_or_default(),
            begun: Vec::new(),
            recording: None,
            call: 0,
            table: ResourceTable::new(),
            handles: 0,
        }
    }

    /// A handle for the guest.
    pub(crate) fn push<T: Send + 'static>(&mut self, value: T) -> wasmtime::Result<Resource<T>> {
        self.handles += 1;
        self.ledger.add(Account::Handles, 1)?;
        Ok(self.table.push(value)?)
    }

    pub(crate) fn get<T: 'static>(&self, handle: &Resource<T>) -> wasmtime::Result<&T> {
        Ok(self.table.get(handle)?)
    }

    pub(crate) fn get_mut<T: 'static>(&mut self, handle: &Resource<T>) -> wasmtime::Result<&mut T> {
        Ok(self.table.get_mut(handle)?)
    }

    /// Memory that the host is going to hold for the guest.
    pub(crate) fn charge(&self, bytes: usize) -> wasmtime::Result<Charge> {
        let mut charge = Charge::new(&self.ledger);
        charge.grow(bytes)?;
        Ok(charge)
    }

    /// The guest has dropped a handle, or has given it to the host.
    pub(crate) fn take<T: 'static>(&mut self, handle: Resource<T>) -> wasmtime::Result<T> {
        let value = self.table.delete(handle)?;
        self.handles -= 1;
        self.ledger.sub(Account::Handles, 1);
        Ok(value)
    }

    /// Note a call that moved `bytes`.
    pub(crate) fn call(&self, bytes: usize) -> wasmtime::Result<()> {
        Ok(self.ledger.call(bytes)?)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.ledger.sub(Account::Handles, self.handles);
    }
}
