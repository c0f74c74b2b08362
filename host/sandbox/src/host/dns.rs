//! `dns`: name lookups.

#![expect(
    unreachable_pub,
    reason = "the generated bindings name the types of the resources"
)]

mod answer;
mod options;

pub use answer::{Answer, Reply};
pub use options::Options;

use std::sync::Arc;

use netsonde_net::{Net, NetError, Transaction};
use wasmtime::component::Resource;

use self::options::Settings;
use crate::bindings::types;
use crate::call::Caller;
use crate::reach::Reach;

/// What a guest asked for.
struct Asked {
    net: Net,
    tx: Transaction,
    domain: String,
    settings: Settings,
}

impl Asked {
    async fn ask(self) -> Result<Answer, NetError> {
        let options = self.settings.parse(&format!("look `{}` up", self.domain))?;
        self.net.ask(&self.tx, &self.domain, options).await.map(Arc::new)
    }

    async fn lookup(self) -> Result<Answer, NetError> {
        let answer = self.ask().await?;
        answer
            .failure
            .clone()
            .map_or(Ok(answer), |failure| Err(failure.into()))
    }
}

/// Begin a call: what is asked for, and in whose name.
fn begin(
    reach: &Reach<'_>,
    transaction: &Resource<Transaction>,
    domain: String,
    options: &Resource<Options>,
) -> wasmtime::Result<(Caller, Asked)> {
    let mut caller = Caller::new(reach, domain.len())?;
    let (tx, settings, held) = reach.with(|state| -> wasmtime::Result<_> {
        let options = state.get(options)?;
        Ok((
            state.get(transaction)?.clone(),
            options.settings(),
            options.held(),
        ))
    })?;
    // The observation of each query repeats it.
    let repeated = domain.len().saturating_add(held);
    caller.record(repeated.saturating_mul(settings.queries()))?;
    let net = caller.shared.net.clone();
    Ok((
        caller,
        Asked {
            net,
            tx,
            domain,
            settings,
        },
    ))
}

pub(crate) async fn lookup(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    domain: String,
    options: Resource<Options>,
) -> wasmtime::Result<Result<Resource<Answer>, types::Failure>> {
    let (caller, asked) = begin(reach, &transaction, domain, &options)?;
    caller.make(reach, asked.lookup()).await
}

pub(crate) async fn ask(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    domain: String,
    options: Resource<Options>,
) -> wasmtime::Result<Result<Resource<Answer>, types::Failure>> {
    let (caller, asked) = begin(reach, &transaction, domain, &options)?;
    caller.make(reach, asked.ask()).await
}
