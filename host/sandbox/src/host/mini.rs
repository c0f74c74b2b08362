//! `mini`: running mini nettests, each in an instance of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;

use super::types::size;
use crate::bindings::types;
use crate::budget::Budget;
use crate::call::{Caller, Task};
use crate::error::RunError;
use crate::instance::{self, Stopped};
use crate::ledger::{Account, Charge, Ledger};
use crate::manifest::Kind;
use crate::module::{Linked, Module};
use crate::reach::Reach;
use crate::state::{Shared, State};
use crate::tape::record::Recording;
use crate::tape::transcript::End;

/// The most instances at a time.
const PARALLELISM: u32 = 32;

/// How much earlier than its caller a mini nettest has to end, so that the caller can say what became of it: this share of
/// the caller's wall clock, and no more than that time.
const LAST_WORDS_SHARE: u32 = 10;
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the instances of one call have in common.
#[derive(Clone)]
struct Call {
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
    /// When the mini nettests have to be over.
    deadline: Instant,
    /// The caller's transcript, and the number that the call has in it.
    recording: Option<(Arc<Recording>, usize)>,
}

pub(crate) async fn run(
    reach: &Reach<'_>,
    requests: Vec<types::MiniRequest>,
    parallelism: u32,
) -> wasmtime::Result<Vec<types::MiniStatus>> {
    let bytes = requests
        .iter()
        .map(|request| request.run.len() + request.with.len() + size(&request.tags))
        .sum();
    let caller = Caller::new(reach, bytes)?;
    let (deadline, recording) = reach.with(|state| {
        let recording = state.recording.clone();
        (state.deadline, recording.map(|recording| (recording, state.call)))
    });
    let last_words = (caller.ledger.budget().wall_clock / LAST_WORDS_SHARE).min(LAST_WORDS);
    let call = Call {
        shared: caller.shared.clone(),
        ledger: caller.ledger.clone(),
        deadline: deadline.checked_sub(last_words).unwrap_or(deadline),
        recording,
    };
    let (statuses, _held): (Vec<_>, Vec<_>) = run_all(call, requests, parallelism).await.into_iter().unzip();
    // A budget that is the caller's own ends the caller too.
    if let Some(exceeded) = caller.ledger.exceeded() {
        return Err(exceeded.clone().into());
    }
    caller.answered(statuses.iter().map(output).sum())?;
    Ok(statuses)
}

fn output(status: &types::MiniStatus) -> usize {
    match status {
        types::MiniStatus::Done(outcome) => {
            outcome.output.len() + size_of_val(outcome.transactions.as_slice())
        }
        types::MiniStatus::Skipped(why) => why.len(),
        types::MiniStatus::Broken(failure) => failure.detail.len(),
    }
}

/// Run the requests, at most `parallelism` at a time; the answers are in their order.
async fn run_all(
    call: Call,
    requests: Vec<types::MiniRequest>,
    parallelism: u32,
) -> Vec<(types::MiniStatus, Charge)> {
    let width = usize::try_from(parallelism.clamp(1, PARALLELISM)).unwrap_or(1);
    futures::stream::iter(requests)
        .enumerate()
        .map(|(index, request)| one(call.clone(), index, request))
        .buffered(width)
        .collect()
        .await
}

/// One request, in a task of its own: another store's loop can not be polled from inside the caller's. What it came to
/// counts as the caller's memory until the caller has it.
async fn one(call: Call, index: usize, request: types::MiniRequest) -> (types::MiniStatus, Charge) {
    let mut charge = Charge::new(&call.ledger);
    let name = request.run.clone();
    let task = Task::spawn(&call.shared.clone(), async move {
        let source = call.shared.minis.mini(&request.run);
        let module = source.and_then(|module| match module.kind() {
            Kind::MiniNettest => Ok(module),
            Kind::Nettest => Err(format!("{} is a nettest, not a mini nettest", request.run)),
        });
        match module {
            Ok(module) => Ok(mini_nettest(call, index, module, request).await.map_or_else(
                |error| types::MiniStatus::Broken(error.failure().into()),
                types::MiniStatus::Done,
            )),
            Err(why) => {
                call.shared.view.mini_skipped(&request.run, &why);
                Ok(types::MiniStatus::Skipped(why))
            }
        }
    });
    let status = instance::flatten(&name, task.await)
        .unwrap_or_else(|error| types::MiniStatus::Broken(error.failure().into()));
    // If it is too much, the books say so, and the caller ends.
    _ = charge.grow(output(&status));
    (status, charge)
}

/// Run a mini nettest in an instance of its own, on its caller's budget.
async fn mini_nettest(
    call: Call,
    index: usize,
    module: Arc<Module>,
    request: types::MiniRequest,
) -> Result<types::Outcome, RunError> {
    let Call {
        shared,
        ledger: caller,
        deadline,
        recording,
    } = call;
    let Linked::MiniNettest(linked) = &module.linked else {
        return Err(RunError::WrongKind {
            module: module.name().to_owned(),
            kind: module.kind(),
        });
    };
    module.allowed(&shared.grants)?;
    instance::check(module.name(), "what it was given as `with`", &request.with)?;
    let mut budget = Budget::granted(&module.manifest().budget, caller.budget());
    budget.wall_clock = budget
        .wall_clock
        .min(deadline.saturating_duration_since(Instant::now()));
    let wall_clock = budget.wall_clock;
    let ledger = Ledger::new(module.name(), budget, Some(caller));
    ledger
        .add(Account::Instances, 1)
        .map_err(|exceeded| instance::exceeded(module.name(), exceeded))?;
    let mut state = State::new(
        shared.clone(),
        module.manifest(),
        ledger.clone(),
        Instant::now() + wall_clock,
        Some(request.tags),
    );
    let (linked, with) = (linked.clone(), request.with);
    let recording = recording.map(|(caller, call)| caller.nested(call, index, &module.head(with.clone())));
    state.recording.clone_from(&recording);
    let ended = instance::run(
        &shared.engine,
        &ledger,
        wall_clock,
        state,
        |state| &mut state.memory,
        |store| {
            Box::pin(async move {
                let guest = linked
                    .instantiate_async(&mut *store)
                    .await
                    .map_err(Stopped::Starting)?;
                let returned = store
                    .run_concurrent(async |accessor| guest.call_run(accessor, with).await)
                    .await;
                let answer = returned.flatten().map_err(Stopped::Running)?;
                Ok((answer, std::mem::take(&mut store.data_mut().begun)))
            })
        },
    )
    .await;
    let (answer, begun) = match ended {
        Ok((answer, begun)) => (Ok(answer), begun),
        Err(error) => (Err(error), Vec::new()),
    };
    if let Some(recording) = recording {
        recording.end(End::of(&answer));
    }
    let mut outcome = answer?.map_err(|failure| RunError::Guest {
        module: module.name().to_owned(),
        failure: failure.into(),
    })?;
    instance::check(module.name(), "its output", &outcome.output)?;
    // Which transactions there were is the host's to know.
    outcome.transactions = begun;
    Ok(outcome)
}
