//! `tls`: handshakes.

use std::time::Duration;

use netsonde_net::tls::HandshakeOptions;
use netsonde_net::{Connection, Transaction};
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::types::{held, size};
use crate::bindings::{tls, types};
use crate::call::Caller;
use crate::ledger::Charge;
use crate::state::State;

/// What a guest has set, and what that holds.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Options(HandshakeOptions, Charge);

impl Options {
    pub(crate) fn settings(&self) -> HandshakeOptions {
        self.0.clone()
    }

    /// How many bytes it holds.
    pub(crate) fn held(&self) -> usize {
        self.1.bytes()
    }
}

impl tls::Host for State {}

impl<T: Send> tls::HostWithStore<T> for HasSelf<State> {
    async fn handshake(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        connection: Resource<Connection>,
        options: Resource<Options>,
    ) -> wasmtime::Result<Result<Resource<Connection>, types::Failure>> {
        let mut caller = Caller::new(accessor, 0)?;
        let (tx, connection, options, bytes) = accessor.with(|mut access| -> wasmtime::Result<_> {
            let state = access.get();
            let connection = state.take(connection)?;
            let options = state.get(&options)?;
            Ok((
                state.get(&transaction)?.clone(),
                connection,
                options.0.clone(),
                options.1.bytes(),
            ))
        })?;
        caller.record(bytes)?;
        let net = caller.shared.net.clone();
        match caller
            .operation(async move { net.handshake(&tx, connection, options).await })
            .await?
        {
            Ok(connection) => Ok(Ok(accessor.with(|mut access| access.get().push(connection))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }
}

impl types::HostTlsOptions for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Options>> {
        self.call(0)?;
        let charge = self.charge(0)?;
        self.push(Options(HandshakeOptions::default(), charge))
    }

    fn server_name(&mut self, options: Resource<Options>, name: String) -> wasmtime::Result<()> {
        self.call(name.len())?;
        let options = self.get_mut(&options)?;
        options.1.grow(name.len())?;
        options.0.server_name = Some(name);
        Ok(())
    }

    fn alpn(&mut self, options: Resource<Options>, protocols: Vec<String>) -> wasmtime::Result<()> {
        self.call(size(&protocols))?;
        let options = self.get_mut(&options)?;
        options.1.grow(held(&protocols))?;
        options.0.alpn = protocols;
        Ok(())
    }

    fn roots_pem(&mut self, options: Resource<Options>, pem: Vec<String>) -> wasmtime::Result<()> {
        self.call(size(&pem))?;
        let options = self.get_mut(&options)?;
        options.1.grow(held(&pem))?;
        options.0.roots_pem = pem;
        Ok(())
    }

    fn no_verify(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.no_verify = true;
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
