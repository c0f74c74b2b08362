//! `tcp`: connect, read, write.

use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_net::{ConnectOptions, Connection, Net, NetError, Transaction};
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::types::endpoint;
use crate::bindings::{tcp, types};
use crate::call::Caller;
use crate::state::State;

/// What a guest has set.
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub struct Options(ConnectOptions);

/// A time in a guest's spelling.
pub(super) fn within(milliseconds: Option<u32>) -> Option<Duration> {
    milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.into()))
}

/// Connect to an endpoint in the guest's spelling.
async fn connect(
    net: Net,
    tx: Transaction,
    to: String,
    options: Option<ConnectOptions>,
) -> Result<Connection, NetError> {
    let endpoint = endpoint(&to, Operation::Connect, &format!("connect to `{to}`"))?;
    net.connect(&tx, endpoint, options).await
}

/// Read at most `max` bytes.
async fn read(
    net: Net,
    connection: Connection,
    max: u32,
    timeout: Option<Duration>,
) -> Result<Vec<u8>, NetError> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    net.read(&connection, max, timeout).await.map(Vec::from)
}

/// Write some of the bytes.
async fn write(
    net: Net,
    connection: Connection,
    bytes: Vec<u8>,
    timeout: Option<Duration>,
) -> Result<u32, NetError> {
    let written = net.write(&connection, &bytes, timeout).await?;
    Ok(u32::try_from(written).unwrap_or(u32::MAX))
}

impl tcp::Host for State {}

impl<T: Send> tcp::HostWithStore<T> for HasSelf<State> {
    async fn connect(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        endpoint: String,
        options: Option<Resource<Options>>,
    ) -> wasmtime::Result<Result<Resource<Connection>, types::Failure>> {
        let mut caller = Caller::new(accessor, endpoint.len())?;
        caller.record(endpoint.len())?;
        let (tx, options) = accessor.with(|mut access| -> wasmtime::Result<_> {
            let state = access.get();
            let options = match &options {
                Some(options) => Some(state.get(options)?.0.clone()),
                None => None,
            };
            Ok((state.get(&transaction)?.clone(), options))
        })?;
        match caller
            .operation(connect(caller.shared.net.clone(), tx, endpoint, options))
            .await?
        {
            Ok(connection) => Ok(Ok(accessor.with(|mut access| access.get().push(connection))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    async fn read(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        max: u32,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let caller = Caller::new(accessor, 0)?;
        let connection = accessor.with(|mut access| access.get().get(&connection).cloned())?;
        let bytes = caller
            .operation(read(
                caller.shared.net.clone(),
                connection,
                max,
                within(timeout_ms),
            ))
            .await?;
        caller.answered(bytes.as_ref().map_or(0, Vec::len))?;
        Ok(bytes.map_err(Into::into))
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        bytes: Vec<u8>,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        let caller = Caller::new(accessor, bytes.len())?;
        let connection = accessor.with(|mut access| access.get().get(&connection).cloned())?;
        let written = caller
            .operation(write(
                caller.shared.net.clone(),
                connection,
                bytes,
                within(timeout_ms),
            ))
            .await?;
        Ok(written.map_err(Into::into))
    }

    async fn set_ttl(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        ttl: u8,
    ) -> wasmtime::Result<Result<(), types::Failure>> {
        let caller = Caller::new(accessor, 0)?;
        let connection = accessor.with(|mut access| access.get().get(&connection).cloned())?;
        let net = caller.shared.net.clone();
        let set = caller
            .operation(async move { net.set_ttl(&connection, ttl) })
            .await?;
        Ok(set.map_err(Into::into))
    }
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
