//! A table at work: each line becomes a function of the linker.

use std::pin::Pin;

use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, ComponentNamedList, HasSelf, Lift, LinkerInstance, Resource, ResourceType,
};

use crate::state::State;
use crate::wire::{Answer, Arguments};

/// What the generated traits of asynchronous functions are implemented for.
pub(super) type Host = HasSelf<State>;

/// The answer of an asynchronous function, some time later.
type Later<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

/// An interface that is being linked.
pub(super) struct Table<'t, 'l> {
    instance: &'t mut LinkerInstance<'l, State>,
    /// What was linked, as the line says it: a word, and a name in WIT.
    #[cfg(test)]
    pub(super) lines: Vec<(&'static str, &'static str)>,
}

impl<'t, 'l> Table<'t, 'l> {
    pub(super) fn new(instance: &'t mut LinkerInstance<'l, State>) -> Self {
        Self {
            instance,
            #[cfg(test)]
            lines: Vec::new(),
        }
    }

    /// A `func`.
    pub(super) fn sync<P, R>(
        &mut self,
        name: &'static str,
        _arguments: &'static [&'static str],
        function: fn(&mut State, P) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + Arguments + 'static,
        R: Answer,
    {
        #[cfg(test)]
        self.lines.push(("sync", name));
        self.instance.func_wrap(
            name,
            move |mut store: StoreContextMut<'_, State>, arguments: P| {
                function(store.data_mut(), arguments).map(R::lowered)
            },
        )
    }

    /// An `async func`.
    pub(super) fn concurrent<P, R>(
        &mut self,
        name: &'static str,
        _arguments: &'static [&'static str],
        function: for<'a> fn(&'a Accessor<State>, P) -> Later<'a, R>,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + Arguments + Send + Sync + 'static,
        R: Answer,
    {
        #[cfg(test)]
        self.lines.push(("async", name));
        self.instance
            .func_wrap_concurrent(name, move |accessor: &Accessor<State>, arguments: P| {
                Box::pin(async move { function(accessor, arguments).await.map(R::lowered) })
            })
    }

    /// A resource, and what happens when the guest drops a handle.
    pub(super) fn resource<T: 'static>(
        &mut self,
        name: &'static str,
        _argument: &'static str,
        drop: fn(&mut State, Resource<T>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<()> {
        #[cfg(test)]
        self.lines.push(("drop", name));
        self.instance
            .resource(name, ResourceType::host::<T>(), move |mut store, handle| {
                drop(store.data_mut(), Resource::new_own(handle))
            })
    }
}
