//! `types`: transactions, connections, failures.

use std::net::SocketAddr;

use netsonde_data::failure::{Failure, FailureCode, Operation};
use netsonde_net::{Connection, NetError, Transaction};
use wasmtime::component::Resource;

use super::icmp::IcmpError;
use crate::bindings::types;
use crate::ledger::Account;
use crate::state::State;

/// The most that the tags of a transaction may take up, because every observation repeats them.
const TAGS: usize = 1024;

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code.to_string(),
            operation: failure.operation.to_string(),
            detail: failure.detail,
        }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self {
            code: failure.code.into(),
            operation: failure.operation.as_str().into(),
            detail: failure.detail,
        }
    }
}

/// A guest's argument makes no sense. `doing` says what for.
pub(crate) fn invalid(operation: Operation, doing: &str, why: &str) -> NetError {
    NetError::Failed(Failure::new(FailureCode::unknown(why), operation, doing))
}

/// An endpoint in the guest's spelling.
pub(crate) fn endpoint(text: &str, operation: Operation, doing: &str) -> Result<SocketAddr, NetError> {
    text.parse().map_err(|_| {
        invalid(
            operation,
            doing,
            "not an endpoint: an IP address and a port are needed",
        )
    })
}

/// The size of some texts.
pub(crate) fn size<T: AsRef<[u8]>>(texts: &[T]) -> usize {
    texts.iter().map(|text| text.as_ref().len()).sum()
}

/// What texts take up in memory: even an empty one is something.
pub(crate) fn held<T: AsRef<[u8]>>(texts: &[T]) -> usize {
    size(texts).saturating_add(size_of_val(texts))
}

impl types::Host for State {
    fn begin(&mut self, tags: Vec<String>, id: Option<u64>) -> wasmtime::Result<Resource<Transaction>> {
        self.call(size(&tags))?;
        self.ledger.add(Account::Transactions, 1)?;
        let tags: Vec<_> = self.tags.iter().cloned().chain(tags).collect();
        if held(&tags) > TAGS {
            return Err(self
                .ledger
                .overdraw("bytes of tags in a transaction", TAGS as u64)
                .into());
        }
        let transaction = self.shared.net.trace().begin(tags, id);
        self.begun.push(transaction.id());
        self.push(transaction)
    }
}

impl types::HostTransaction for State {
    fn id(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<u64> {
        self.call(0)?;
        Ok(self.get(&transaction)?.id())
    }

    fn icmp_errors(
        &mut self,
        transaction: Resource<Transaction>,
    ) -> wasmtime::Result<Vec<Resource<IcmpError>>> {
        self.icmp_errors_of_transaction(&transaction)
    }

    fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.take(transaction).map(drop)
    }
}

impl types::HostConnection for State {
    fn remote(&mut self, connection: Resource<Connection>) -> wasmtime::Result<String> {
        let remote = self.get(&connection)?.remote().to_string();
        self.call(remote.len())?;
        Ok(remote)
    }

    fn alpn(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<String>> {
        let alpn = self.get(&connection)?.alpn().map(ToOwned::to_owned);
        self.call(alpn.as_deref().map_or(0, str::len))?;
        Ok(alpn)
    }

    fn peer_certificates(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Vec<Vec<u8>>> {
        let certificates = self.get(&connection)?.peer_certificates().to_vec();
        self.call(size(&certificates))?;
        Ok(certificates)
    }

    fn tls_version(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<String>> {
        let version = self.get(&connection)?.tls_version().map(ToOwned::to_owned);
        self.call(version.as_deref().map_or(0, str::len))?;
        Ok(version)
    }

    fn cipher_suite(&mut self, connection: Resource<Connection>) -> wasmtime::Result<Option<String>> {
        let suite = self.get(&connection)?.cipher_suite().map(ToOwned::to_owned);
        self.call(suite.as_deref().map_or(0, str::len))?;
        Ok(suite)
    }

    fn ech_accepted(&mut self, connection: Resource<Connection>) -> wasmtime::Result<bool> {
        self.call(0)?;
        Ok(self.get(&connection)?.is_ech_accepted())
    }

    fn icmp_errors(
        &mut self,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<Vec<Resource<IcmpError>>> {
        self.icmp_errors_of_connection(&connection)
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.take(connection).map(drop)
    }
}
