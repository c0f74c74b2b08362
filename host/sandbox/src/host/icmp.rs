//! ICMP errors, as `types` shows them.

use std::time::Duration;

use netsonde_data::observation::{Icmp, NetworkEvent};
use netsonde_net::{Connection, Transaction};
use wasmtime::component::Resource;

use crate::bindings::types;
use crate::state::State;

/// An ICMP error: the event that was written down.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct IcmpError {
    event: NetworkEvent,
    icmp: Icmp,
}

impl IcmpError {
    pub(super) fn new(mut event: NetworkEvent) -> Self {
        let icmp = event.x_icmp.take().map_or_else(Icmp::unknown, |icmp| *icmp);
        Self { event, icmp }
    }
}

impl State {
    /// Handles for what came back.
    fn icmp_errors(&mut self, events: Vec<NetworkEvent>) -> wasmtime::Result<Vec<Resource<IcmpError>>> {
        self.call(0)?;
        events
            .into_iter()
            .map(|event| self.push(IcmpError::new(event)))
            .collect()
    }

    pub(super) fn icmp_errors_of_transaction(
        &mut self,
        transaction: &Resource<Transaction>,
    ) -> wasmtime::Result<Vec<Resource<IcmpError>>> {
        let events = self.shared.net.trace().icmp_errors(self.get(transaction)?);
        self.icmp_errors(events)
    }

    pub(super) fn icmp_errors_of_connection(
        &mut self,
        connection: &Resource<Connection>,
    ) -> wasmtime::Result<Vec<Resource<IcmpError>>> {
        let events = self.get(connection)?.icmp_errors();
        self.icmp_errors(events)
    }
}

impl types::HostIcmpError for State {
    fn name(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<String> {
        let name = self.get(&error)?.icmp.name.clone();
        self.call(name.len())?;
        Ok(name)
    }

    fn type_and_code(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<Option<(u8, u8)>> {
        self.call(0)?;
        let icmp = &self.get(&error)?.icmp;
        Ok(icmp.icmp_type.zip(icmp.code))
    }

    fn failure(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<String> {
        let failure = self.get(&error)?.event.failure.as_ref();
        let failure = failure.map(ToString::to_string).unwrap_or_default();
        self.call(failure.len())?;
        Ok(failure)
    }

    fn router(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<Option<String>> {
        let router = self.get(&error)?.icmp.router.clone();
        self.call(router.as_deref().map_or(0, str::len))?;
        Ok(router)
    }

    fn endpoint(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<String> {
        let endpoint = self.get(&error)?.event.address.clone();
        self.call(endpoint.len())?;
        Ok(endpoint)
    }

    fn ttl(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<Option<u8>> {
        self.call(0)?;
        Ok(self.get(&error)?.icmp.ttl)
    }

    fn datagram(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<Option<u64>> {
        self.call(0)?;
        Ok(self.get(&error)?.icmp.datagram)
    }

    fn time(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<u64> {
        self.call(0)?;
        let time = Duration::try_from_secs_f64(self.get(&error)?.event.t).unwrap_or_default();
        Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    fn drop(&mut self, error: Resource<IcmpError>) -> wasmtime::Result<()> {
        self.take(error).map(drop)
    }
}
