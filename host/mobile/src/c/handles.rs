//! Numbers for things, each given once in the life of the process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All tables together never give a number twice, so that the number of a task is not that of an app.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Things by their numbers.
pub(super) struct Table<T>(Mutex<BTreeMap<u64, T>>);

impl<T: Clone> Table<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn things(&self) -> MutexGuard<'_, BTreeMap<u64, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keep a thing. Its number is not 0.
    pub(super) fn add(&self, thing: T) -> u64 {
        let handle = NEXT.fetch_add(1, Ordering::Relaxed);
        self.things().insert(handle, thing);
        handle
    }

    /// The thing of a number, if there is one.
    pub(super) fn get(&self, handle: u64) -> Option<T> {
        self.things().get(&handle).cloned()
    }

    /// Take it out.
    pub(super) fn remove(&self, handle: u64) -> Option<T> {
        self.things().remove(&handle)
    }
}
