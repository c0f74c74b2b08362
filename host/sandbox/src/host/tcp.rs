//! `tcp`: connect, read, write.

use std::time::Duration;

use netsonde_data::failure::Operation;
use netsonde_net::{Connection, Net, NetError, Transaction};
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::types::endpoint;
use crate::bindings::{tcp, types};
use crate::call::Caller;
use crate::state::State;

/// Connect to an endpoint in the guest's spelling.
async fn connect(
    net: Net,
    tx: Transaction,
    to: String,
    timeout: Option<Duration>,
) -> Result<Connection, NetError> {
    let endpoint = endpoint(&to, Operation::Connect, &format!("connect to `{to}`"))?;
    net.connect(&tx, endpoint, timeout).await
}

/// Read at most `max` bytes.
async fn read(net: Net, connection: Connection, max: u32) -> Result<Vec<u8>, NetError> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    net.read(&connection, max).await.map(Vec::from)
}

/// Write some of the bytes.
async fn write(net: Net, connection: Connection, bytes: Vec<u8>) -> Result<u32, NetError> {
    let written = net.write(&connection, &bytes).await?;
    Ok(u32::try_from(written).unwrap_or(u32::MAX))
}

impl tcp::Host for State {}

impl<T: Send> tcp::HostWithStore<T> for HasSelf<State> {
    async fn connect(
        accessor: &Accessor<T, Self>,
        transaction: Resource<Transaction>,
        endpoint: String,
        timeout_ms: Option<u32>,
    ) -> wasmtime::Result<Result<Resource<Connection>, types::Failure>> {
        let mut caller = Caller::new(accessor, endpoint.len())?;
        caller.record(endpoint.len())?;
        let tx = accessor.with(|mut access| access.get().get(&transaction).cloned())?;
        let timeout = timeout_ms.map(|ms| Duration::from_millis(ms.into()));
        match caller
            .operation(connect(caller.shared.net.clone(), tx, endpoint, timeout))
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
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let caller = Caller::new(accessor, 0)?;
        let connection = accessor.with(|mut access| access.get().get(&connection).cloned())?;
        let bytes = caller
            .operation(read(caller.shared.net.clone(), connection, max))
            .await?;
        caller.answered(bytes.as_ref().map_or(0, Vec::len))?;
        Ok(bytes.map_err(Into::into))
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, types::Failure>> {
        let caller = Caller::new(accessor, bytes.len())?;
        let connection = accessor.with(|mut access| access.get().get(&connection).cloned())?;
        let written = caller
            .operation(write(caller.shared.net.clone(), connection, bytes))
            .await?;
        Ok(written.map_err(Into::into))
    }
}
