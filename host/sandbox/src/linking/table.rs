//! A table at work: each line becomes a function of a linker.
//!
//! A line serves two kinds of store: one that measures, where the line's method does the work and a recording notes
//! call and answer, and one that replays, where the transcript answers and the method is not even called.

use std::future::poll_fn;
use std::pin::Pin;

use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, ComponentNamedList, Lift, LinkerInstance, Resource, ResourceType};

use crate::reach::Reach;
use crate::replay::Replaying;
use crate::state::State;
use crate::tape::{Function, record, replay};
use crate::wire::{Answer, Arguments, Wire as _};

/// The answer of a function that waits, some time later.
type Later<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

/// A function that waits.
type Waits<P, R> = for<'a, 'b> fn(&'a Reach<'b>, P) -> Later<'a, R>;

/// The two packages that declare the same functions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flavour {
    /// `netsonde:probe`: what waits is an `async func`.
    Probe,
    /// `netsonde:plain`: what waits is a `func`, for which the guest stands still.
    Plain,
}

/// What a line is added to.
pub(super) enum Linked<'t, 'l> {
    /// To what measures.
    Live(&'t mut LinkerInstance<'l, State>),
    /// To what replays.
    Replay(&'t mut LinkerInstance<'l, Replaying>),
}

/// An interface that is being linked.
pub(super) struct Table<'t, 'l> {
    interface: &'static str,
    flavour: Flavour,
    linked: Linked<'t, 'l>,
    /// What was linked, as the line says it: a word, and a name in WIT.
    #[cfg(test)]
    pub(super) lines: Vec<(&'static str, &'static str)>,
}

impl<'t, 'l> Table<'t, 'l> {
    pub(super) fn new(interface: &'static str, flavour: Flavour, linked: Linked<'t, 'l>) -> Self {
        Self {
            interface,
            flavour,
            linked,
            #[cfg(test)]
            lines: Vec::new(),
        }
    }

    /// A `func`.
    pub(super) fn sync<P, R>(
        &mut self,
        name: &'static str,
        arguments: &'static [&'static str],
        method: fn(&mut State, P) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + Arguments + 'static,
        R: Answer,
    {
        #[cfg(test)]
        self.lines.push(("sync", name));
        let function = self.function(name, arguments);
        match &mut self.linked {
            Linked::Live(instance) => instance.func_wrap(
                name,
                move |mut store: StoreContextMut<'_, State>, arguments: P| {
                    let state = store.data_mut();
                    let answer = match state.recording.clone() {
                        None => method(state, arguments),
                        Some(recording) => {
                            let call = recording.call(&function, arguments.list());
                            let answer = method(state, arguments);
                            recording.answer(call, false, &answer);
                            answer
                        }
                    };
                    answer.map(R::lowered)
                },
            ),
            Linked::Replay(instance) => instance.func_wrap(
                name,
                move |store: StoreContextMut<'_, Replaying>, arguments: P| {
                    let replayer = &store.data().replayer;
                    let call = replayer.call(&function, arguments.list())?;
                    replayer.now(&function, call).map(R::lowered)
                },
            ),
        }
    }

    /// A function that waits: an `async func`, or its plain twin.
    pub(super) fn waiting<P, R>(
        &mut self,
        name: &'static str,
        arguments: &'static [&'static str],
        method: Waits<P, R>,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + Arguments + Send + Sync + 'static,
        R: Answer,
    {
        #[cfg(test)]
        self.lines.push(("async", name));
        let function = self.function(name, arguments);
        match (&mut self.linked, self.flavour) {
            (Linked::Live(instance), Flavour::Probe) => {
                instance.func_wrap_concurrent(name, move |accessor: &Accessor<State>, arguments: P| {
                    Box::pin(async move {
                        let reach = Reach::shared(accessor);
                        recorded(&reach, function, method, arguments)
                            .await
                            .map(R::lowered)
                    })
                })
            }
            (Linked::Live(instance), Flavour::Plain) => {
                instance.func_wrap_async(name, move |store: StoreContextMut<'_, State>, arguments: P| {
                    Box::new(async move {
                        let reach = Reach::alone(store);
                        recorded(&reach, function, method, arguments)
                            .await
                            .map(R::lowered)
                    })
                })
            }
            (Linked::Replay(instance), Flavour::Probe) => {
                instance.func_wrap_concurrent(name, move |accessor: &Accessor<Replaying>, arguments: P| {
                    Box::pin(async move {
                        let reach = Reach::shared(accessor);
                        replayed(&reach, function, &arguments).await.map(R::lowered)
                    })
                })
            }
            (Linked::Replay(instance), Flavour::Plain) => instance.func_wrap_async(
                name,
                move |store: StoreContextMut<'_, Replaying>, arguments: P| {
                    Box::new(async move {
                        let reach = Reach::alone(store);
                        replayed(&reach, function, &arguments).await.map(R::lowered)
                    })
                },
            ),
        }
    }

    /// A resource, and what happens when the guest drops a handle.
    pub(super) fn resource<T: 'static>(
        &mut self,
        name: &'static str,
        function: &'static str,
        arguments: &'static [&'static str],
        method: fn(&mut State, Resource<T>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<()> {
        #[cfg(test)]
        self.lines.push(("drop", name));
        let function = self.function(function, arguments);
        let ty = ResourceType::host::<T>();
        match &mut self.linked {
            Linked::Live(instance) => instance.resource(name, ty, move |mut store, handle| {
                let state = store.data_mut();
                let handle = Resource::new_own(handle);
                let Some(recording) = state.recording.clone() else {
                    return method(state, handle);
                };
                let call = recording.call(&function, vec![handle.to_wire()]);
                let answer = method(state, handle);
                recording.answer(call, false, &answer);
                answer
            }),
            Linked::Replay(instance) => instance.resource(name, ty, move |store, handle| {
                let replayer = &store.data().replayer;
                let call = replayer.call(&function, vec![handle.to_wire()])?;
                replayer.now(&function, call)
            }),
        }
    }

    fn function(&self, name: &'static str, arguments: &'static [&'static str]) -> Function {
        Function {
            interface: self.interface,
            name,
            arguments,
        }
    }
}

/// Do what a function does that waits, and note it where the run is recorded.
async fn recorded<P: Arguments, R: Answer>(
    reach: &Reach<'_>,
    function: Function,
    method: Waits<P, R>,
    arguments: P,
) -> wasmtime::Result<R> {
    let Some(recording) = reach.with(|state| state.recording.clone()) else {
        return method(reach, arguments).await;
    };
    let call = recording.call(&function, arguments.list());
    let waiting = record::Waiting::new(recording.clone(), call);
    reach.with(|state| state.call = call);
    let mut work = method(reach, arguments);
    let (later, answer) = match futures::poll!(work.as_mut()) {
        std::task::Poll::Ready(answer) => (false, answer),
        std::task::Poll::Pending => (true, work.await),
    };
    let turn = if later { Some(recording.turn().await) } else { None };
    waiting.answer(later, &answer);
    drop(turn);
    answer
}

/// Wait for the transcript to answer.
async fn replayed<P: Arguments, R: Answer>(
    reach: &Reach<'_, Replaying>,
    function: Function,
    arguments: &P,
) -> wasmtime::Result<R> {
    let replayer = reach.with(|replaying| replaying.replayer.clone());
    let call = replayer.call(&function, arguments.list())?;
    let mut waiting = replay::Waiting::new(replayer.clone(), call);
    let mut first = true;
    let answer = poll_fn(|context| replayer.poll(&function, call, std::mem::take(&mut first), context)).await;
    waiting.answered = true;
    answer
}
