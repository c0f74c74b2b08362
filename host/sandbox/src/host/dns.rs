//! `dns`: name lookups.

use std::sync::Arc;
use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_net::dns::{LookupOptions, QueryType};
use netsonde_net::{Net, NetError, Transaction};
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::types::{endpoint, held, invalid, size};
use crate::bindings::{dns, types};
use crate::call::Caller;
use crate::ledger::Charge;
use crate::state::State;

/// What a guest has set, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Options(Settings, Charge);

/// What a guest has set; looked at when it is used.
#[derive(Clone, Default)]
struct Settings {
    udp_resolver: Option<String>,
    query_types: Option<Vec<String>>,
    timeout: Option<Duration>,
}

impl Settings {
    fn parse(self, doing: &str) -> Result<LookupOptions, NetError> {
        let mut options = LookupOptions {
            timeout: self.timeout,
            ..LookupOptions::default()
        };
        if let Some(resolver) = self.udp_resolver {
            let doing = format!("{doing} with resolver `{resolver}`");
            options.udp_resolver = Some(endpoint(&resolver, Operation::Resolve, &doing)?);
        }
        if let Some(types) = self.query_types {
            let parse = |name: &String| {
                [QueryType::A, QueryType::Aaaa]
                    .into_iter()
                    .find(|known| known.as_str() == name)
                    .ok_or_else(|| invalid(Operation::Resolve, doing, &format!("`{name}` is no query type")))
            };
            options.query_types = types.iter().map(parse).collect::<Result<_, _>>()?;
        }
        Ok(options)
    }
}

/// What a lookup answered.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub type Answer = Arc<netsonde_net::dns::Answer>;

/// Look `domain` up.
async fn lookup(net: Net, tx: Transaction, domain: String, options: Settings) -> Result<Answer, NetError> {
    let options = options.parse(&format!("look `{domain}` up"))?;
    net.lookup(&tx, &domain, options).await.map(Arc::new)
}

impl dns::Host for State {}

impl<T: Send> dns::HostWithStore<T> for HasSelf<State> {
    async fn lookup(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        domain: String,
        options: Resource<Options>,
    ) -> wasmtime::Result<Result<Resource<Answer>, types::Failure>> {
        let mut caller = Caller::new(accessor, domain.len())?;
        let (tx, options) = accessor.with(|mut access| -> wasmtime::Result<_> {
            let state = access.get();
            Ok((state.get(&transaction)?.clone(), state.get(&options)?.0.clone()))
        })?;
        caller.record(domain.len())?;
        match caller
            .operation(lookup(caller.shared.net.clone(), tx, domain, options))
            .await?
        {
            Ok(answer) => Ok(Ok(accessor.with(|mut access| access.get().push(answer))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }
}

impl types::HostDnsOptions for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Options>> {
        self.call(0)?;
        let charge = self.charge(0)?;
        self.push(Options(Settings::default(), charge))
    }

    fn udp_resolver(&mut self, options: Resource<Options>, endpoint: String) -> wasmtime::Result<()> {
        self.call(endpoint.len())?;
        let options = self.get_mut(&options)?;
        options.1.grow(endpoint.len())?;
        options.0.udp_resolver = Some(endpoint);
        Ok(())
    }

    fn query_types(&mut self, options: Resource<Options>, types: Vec<String>) -> wasmtime::Result<()> {
        self.call(size(&types))?;
        let options = self.get_mut(&options)?;
        options.1.grow(held(&types))?;
        options.0.query_types = Some(types);
        Ok(())
    }

    fn timeout_ms(&mut self, options: Resource<Options>, milliseconds: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.timeout = Some(Duration::from_millis(milliseconds.into()));
        Ok(())
    }

    fn drop(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.take(options).map(drop)
    }
}

impl types::HostDnsAnswer for State {
    fn addresses(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Vec<String>> {
        let addresses: Vec<_> = self
            .get(&answer)?
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        self.call(size(&addresses))?;
        Ok(addresses)
    }

    fn cname(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Option<String>> {
        let cname = self.get(&answer)?.cname.clone();
        self.call(cname.as_deref().map_or(0, str::len))?;
        Ok(cname)
    }

    fn raw_responses(&mut self, answer: Resource<Answer>) -> wasmtime::Result<Vec<Vec<u8>>> {
        let responses: Vec<_> = self
            .get(&answer)?
            .raw_responses
            .iter()
            .map(|raw| raw.to_vec())
            .collect();
        self.call(size(&responses))?;
        Ok(responses)
    }

    fn drop(&mut self, answer: Resource<Answer>) -> wasmtime::Result<()> {
        self.take(answer).map(drop)
    }
}
