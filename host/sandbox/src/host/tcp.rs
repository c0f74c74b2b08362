//! `tcp`: connect, read, write.

use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_net::{ConnectOptions, Connection, Net, NetError, Transaction};
use wasmtime::component::Resource;

use super::types::endpoint;
use crate::bindings::types;
use crate::call::Caller;
use crate::reach::Reach;
use crate::state::State;

/// What a guest has set.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Options(ConnectOptions);

/// A time in a guest's spelling.
pub(super) fn within(milliseconds: Option<u32>) -> Option<Duration> {
    milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.into()))
}

/// Connect to an endpoint in the guest's spelling.
async fn open(
    net: Net,
    tx: Transaction,
    to: String,
    options: Option<ConnectOptions>,
) -> Result<Connection, NetError> {
    let endpoint = endpoint(&to, Operation::Connect, &format!("connect to `{to}`"))?;
    net.connect(&tx, endpoint, options).await
}

pub(crate) async fn connect(
    reach: &Reach<'_>,
    transaction: Resource<Transaction>,
    endpoint: String,
    options: Option<Resource<Options>>,
) -> wasmtime::Result<Result<Resource<Connection>, types::Failure>> {
    let mut caller = Caller::new(reach, endpoint.len())?;
    caller.record(endpoint.len())?;
    let (tx, options) = reach.with(|state| -> wasmtime::Result<_> {
        let options = match &options {
            Some(options) => Some(state.get(options)?.0.clone()),
            None => None,
        };
        Ok((state.get(&transaction)?.clone(), options))
    })?;
    caller
        .make(reach, open(caller.shared.net.clone(), tx, endpoint, options))
        .await
}

pub(crate) async fn read(
    reach: &Reach<'_>,
    connection: Resource<Connection>,
    max: u32,
    timeout_ms: Option<u32>,
) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
    let caller = Caller::new(reach, 0)?;
    let connection = reach.with(|state| state.get(&connection).cloned())?;
    let net = caller.shared.net.clone();
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let bytes = caller
        .operation(async move { net.read(&connection, max, within(timeout_ms)).await })
        .await?;
    caller.answered(bytes.as_ref().map_or(0, bytes::Bytes::len))?;
    Ok(bytes.map(Vec::from).map_err(Into::into))
}

/// Write some of the bytes.
pub(crate) async fn write(
    reach: &Reach<'_>,
    connection: Resource<Connection>,
    bytes: Vec<u8>,
    timeout_ms: Option<u32>,
) -> wasmtime::Result<Result<u32, types::Failure>> {
    let caller = Caller::new(reach, bytes.len())?;
    let connection = reach.with(|state| state.get(&connection).cloned())?;
    let net = caller.shared.net.clone();
    let written = caller
        .operation(async move { net.write(&connection, &bytes, within(timeout_ms)).await })
        .await?;
    Ok(written
        .map(|written| u32::try_from(written).unwrap_or(u32::MAX))
        .map_err(Into::into))
}

pub(crate) async fn set_ttl(
    reach: &Reach<'_>,
    connection: Resource<Connection>,
    ttl: u8,
) -> wasmtime::Result<Result<(), types::Failure>> {
    let caller = Caller::new(reach, 0)?;
    let connection = reach.with(|state| state.get(&connection).cloned())?;
    let net = caller.shared.net.clone();
    let set = caller
        .operation(async move { net.set_ttl(&connection, ttl) })
        .await?;
    Ok(set.map_err(Into::into))
}

impl types::HostTcpOptions for State {
    fn new(&mut self) -> wasmtime::Result<Resource<Options>> {
        self.call(0)?;
        self.push(Options(ConnectOptions::default()))
    }

    fn timeout_ms(&mut self, options: Resource<Options>, milliseconds: u32) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.timeout = within(Some(milliseconds));
        Ok(())
    }

    fn ttl(&mut self, options: Resource<Options>, ttl: u8) -> wasmtime::Result<()> {
        self.call(0)?;
        self.get_mut(&options)?.0.ttl = Some(ttl);
        Ok(())
    }

    fn drop(&mut self, options: Resource<Options>) -> wasmtime::Result<()> {
        self.take(options).map(drop)
    }
}
