//! How an operation that waits gets at its store.
//!
//! Each operation is written once and serves two kinds of call: an `async func` of `netsonde:probe`, beside which the
//! guest and other calls go on, and the `func` of the same name of `netsonde:plain`, for which the guest stands still.
//! wasmtime gives the first an accessor and the second the store itself.

use std::sync::{Mutex, PoisonError};

use wasmtime::StoreContextMut;
use wasmtime::component::Accessor;

use crate::state::State;

/// The way to the data of a store; never held across an await.
pub(crate) struct Reach<'a, T: 'static = State>(Way<'a, T>);

enum Way<'a, T: 'static> {
    Shared(&'a Accessor<T>),
    /// The lock is never contended: it makes a reference to this shareable between threads.
    Alone(Mutex<StoreContextMut<'a, T>>),
}

impl<'a, T: 'static> Reach<'a, T> {
    /// From a call beside which others go on.
    pub(crate) fn shared(accessor: &'a Accessor<T>) -> Self {
        Self(Way::Shared(accessor))
    }

    /// From a call that the guest stands still for.
    pub(crate) fn alone(store: StoreContextMut<'a, T>) -> Self {
        Self(Way::Alone(Mutex::new(store)))
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        match &self.0 {
            Way::Shared(accessor) => accessor.with(|mut access| work(access.get())),
            Way::Alone(store) => work(store.lock().unwrap_or_else(PoisonError::into_inner).data_mut()),
        }
    }
}
