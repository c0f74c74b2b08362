//! Running a module on a transcript alone.
//!
//! The store that replays has no network, no clock and no other module: there is nothing in it but the transcript.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use serde_json::{Map, Value};
use wasmtime::component::Linker;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::{mini_nettest::MiniNettestPre, nettest::NettestPre};
use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::RunError;
use crate::instance::{self, Stopped};
use crate::ledger::Ledger;
use crate::limits::Memory;
use crate::linking;
use crate::manifest::Kind;
use crate::module::Module;
use crate::tape::replay::{Divergence, Replayer};
use crate::tape::transcript::{End, Transcript};
use crate::wire::Wire as _;

/// More than computing alone takes.
const WALL_CLOCK: Duration = Duration::from_mins(5);

/// The data of a store that replays.
pub(crate) struct Replaying {
    memory: Memory,
    pub(crate) replayer: Replayer,
}

/// What a replay came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// What the guest returned, where it is a nettest and returned a JSON object.
    pub result: Option<Map<String, Value>>,
    /// Where the guest did something else than the transcript says; none if it did not.
    pub divergence: Option<Divergence>,
}

impl Engine {
    /// Run a module with the argument of a transcript, and answer its calls from the transcript. Nothing else is asked:
    /// no network, no clock, no mini nettest. Budgets of computing and memory hold.
    ///
    /// Needs a tokio runtime with time.
    pub async fn replay(&self, module: &Arc<Module>, transcript: Transcript) -> Result<Replayed, RunError> {
        let (engine, theirs) = (self.clone(), module.clone());
        let mut task = tokio::task::JoinSet::new();
        task.spawn(async move { replay(&engine, &theirs, transcript).await });
        match task.join_next().await {
            Some(joined) => instance::flatten(module.name(), joined),
            None => Err(RunError::Host {
                module: module.name().to_owned(),
                detail: "no task".to_owned(),
            }),
        }
    }
}

async fn replay(engine: &Engine, module: &Module, transcript: Transcript) -> Result<Replayed, RunError> {
    let failed = |error: wasmtime::Error| RunError::Instantiate {
        module: module.name().to_owned(),
        detail: format!("{error:#}"),
    };
    let mut linker = Linker::new(engine.wasmtime());
    linking::replay(&mut linker, module.manifest()).map_err(failed)?;
    let ready = linker.instantiate_pre(&module.component).map_err(failed)?;
    let guest = match module.kind() {
        Kind::Nettest => Guest::Nettest(NettestPre::new(ready).map_err(failed)?),
        Kind::MiniNettest => Guest::MiniNettest(MiniNettestPre::new(ready).map_err(failed)?),
    };
    let budget = Budget::granted(&module.manifest().budget, &Budget::maximum());
    let ledger = Ledger::new(module.name(), budget, None);
    let replayer = Replayer::new(transcript.events);
    let data = Replaying {
        memory: Memory::new(&ledger),
        replayer: replayer.clone(),
    };
    let (theirs, argument) = (replayer.clone(), transcript.head.argument);
    let returned = instance::run(
        engine,
        &ledger,
        WALL_CLOCK,
        data,
        |data| &mut data.memory,
        |store| {
            Box::pin(async move {
                store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(Again(false)))));
                let ended = unless_idle(guest.run(store, argument)).await;
                theirs.over();
                ended.transpose()
            })
        },
    )
    .await;
    Ok(judge(module, &replayer, transcript.end, returned))
}

/// Compare how the guest ended with how the transcript says it did. `Ok(None)` is a guest that waits for ever.
fn judge(
    module: &Module,
    replayer: &Replayer,
    expected: End,
    returned: Result<Option<Value>, RunError>,
) -> Replayed {
    let result = returned
        .as_ref()
        .ok()
        .and_then(|value| object(module, value.as_ref()?));
    let divergence = replayer.divergence().or_else(|| match (returned, expected) {
        (Ok(Some(got)), End::Returned(expected)) => replayer
            .early()
            .or_else(|| (got != expected).then(|| Divergence::returned(&expected, &got))),
        (Ok(Some(got)), End::Stopped(expected)) => Some(Divergence::returned(&Value::from(expected), &got)),
        // A guest that was stopped from outside, by a timeout for example, waits where it waited then.
        (Ok(None), End::Stopped(_)) => replayer.waits(),
        (Ok(None), End::Returned(_)) => Some(replayer.waits().unwrap_or(Divergence::Waits {
            next: "its end".to_owned(),
        })),
        (Err(_), End::Stopped(_)) if replayer.stopped() => None,
        (Err(got), End::Stopped(expected)) if got.to_string() == expected => replayer.early(),
        (Err(got), End::Stopped(expected)) => Some(Divergence::Ended {
            expected,
            got: got.to_string(),
        }),
        (Err(got), End::Returned(_)) => Some(Divergence::Ended {
            expected: "the guest returns".to_owned(),
            got: got.to_string(),
        }),
    });
    Replayed { result, divergence }
}

/// What a nettest returned, if it is a result that a measurement can have.
fn object(module: &Module, returned: &Value) -> Option<Map<String, Value>> {
    let returned = Result::from_wire(returned.clone()).ok()?;
    instance::object(module.name(), returned).ok()
}

/// A guest of either world.
enum Guest {
    Nettest(NettestPre<Replaying>),
    MiniNettest(MiniNettestPre<Replaying>),
}

impl Guest {
    async fn run(self, store: &mut Store<Replaying>, argument: String) -> Result<Value, Stopped> {
        match self {
            Self::Nettest(linked) => {
                let guest = linked
                    .instantiate_async(&mut *store)
                    .await
                    .map_err(Stopped::Starting)?;
                let called = store
                    .run_concurrent(async |accessor| guest.call_run(accessor, argument).await)
                    .await;
                called.flatten().map(|answer| answer.to_wire())
            }
            Self::MiniNettest(linked) => {
                let guest = linked
                    .instantiate_async(&mut *store)
                    .await
                    .map_err(Stopped::Starting)?;
                let called = store
                    .run_concurrent(async |accessor| guest.call_run(accessor, argument).await)
                    .await;
                called.flatten().map(|answer| answer.to_wire())
            }
        }
        .map_err(Stopped::Running)
    }
}

/// A guest that computes for long lets others go first. Unlike tokio's own, this yield is seen by [`unless_idle`].
struct Again(bool);

impl Future for Again {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Notes that it was woken, and passes it on.
struct Noting {
    woken: AtomicBool,
    outer: Waker,
}

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Relaxed);
        self.outer.wake_by_ref();
    }
}

/// Run a future that nothing outside can wake. None if it waits and nothing is going to wake it.
async fn unless_idle<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let noting = Arc::new(Noting {
            woken: AtomicBool::new(false),
            outer: context.waker().clone(),
        });
        let waker = Waker::from(noting.clone());
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if noting.woken.load(Relaxed) => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await
}
