//! `quic`: handshakes. The options are those of `tls`.

use netsonde_data::failure::Operation;
use netsonde_net::tls::{HandshakeError, HandshakeOptions};
use netsonde_net::{Connection, Net, Transaction};
use wasmtime::component::Resource;

use super::tls::{Failed, Options, shaken};
use super::types::endpoint;
use crate::call::Caller;
use crate::reach::Reach;

/// Shake hands with an endpoint in the guest's spelling.
async fn shake(
    net: Net,
    tx: Transaction,
    with: String,
    options: HandshakeOptions,
) -> Result<Connection, HandshakeError> {
    let endpoint = endpoint(
        &with,
        Operation::QuicHandshake,
        &format!("QUIC handshake with `{with}`"),
    )?;
    net.quic_handshake(&tx, endpoint, options).await
}

pub(crate) async fn handshake(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    endpoint: String,
    options: Resource<Options>,
) -> wasmtime::Result<Result<Resource<Connection>, Resource<Failed>>> {
    let mut caller = Caller::new(reach, endpoint.len())?;
    let (tx, options, bytes) = reach.with(|state| -> wasmtime::Result<_> {
        let options = state.get(&options)?;
        Ok((
            state.get(&transaction)?.clone(),
            options.settings(),
            options.held(),
        ))
    })?;
    caller.record(endpoint.len().saturating_add(bytes))?;
    let shake = shake(caller.shared.net.clone(), tx, endpoint, options);
    shaken(reach, &caller, shake).await
}
