//! `quic`: handshakes. The options are those of `tls`.

use netsonde_data::failure::Operation;
use netsonde_net::tls::HandshakeOptions;
use netsonde_net::{Connection, Net, NetError, Transaction};
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::tls::Options;
use super::types::endpoint;
use crate::bindings::{quic, types};
use crate::call::Caller;
use crate::state::State;

/// Shake hands with an endpoint in the guest's spelling.
async fn handshake(
    net: Net,
    tx: Transaction,
    with: String,
    options: HandshakeOptions,
) -> Result<Connection, NetError> {
    let endpoint = endpoint(
        &with,
        Operation::QuicHandshake,
        &format!("QUIC handshake with `{with}`"),
    )?;
    net.quic_handshake(&tx, endpoint, options).await
}

impl quic::Host for State {}

impl<T: Send> quic::HostWithStore<T> for HasSelf<State> {
    async fn handshake(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        endpoint: String,
        options: Resource<Options>,
    ) -> wasmtime::Result<Result<Resource<Connection>, types::Failure>> {
        let mut caller = Caller::new(accessor, endpoint.len())?;
        let (tx, options, bytes) = accessor.with(|mut access| -> wasmtime::Result<_> {
            let state = access.get();
            let options = state.get(&options)?;
            Ok((
                state.get(&transaction)?.clone(),
                options.settings(),
                options.held(),
            ))
        })?;
        caller.record(endpoint.len().saturating_add(bytes))?;
        match caller
            .operation(handshake(caller.shared.net.clone(), tx, endpoint, options))
            .await?
        {
            Ok(connection) => Ok(Ok(accessor.with(|mut access| access.get().push(connection))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }
}
