//! QUIC: a handshake with an endpoint, and what runs on the connection.
//!
//! `socket` is what quinn sends and receives with, `session` the TLS inside, `handshake` one handshake from its admission
//! to its observation, `stream` one exchange of bytes on a connection, `invariant` what can be read from a datagram of
//! any version.

mod failure;
mod handshake;
mod invariant;
mod session;
mod socket;
mod stream;

pub use invariant::offered_versions;

use crate::{
    Connection, Meter, Net, NetError, Transaction,
    tls::{HandshakeError, HandshakeOptions},
};
use futures::future::{Either, select};
use netsonde_data::failure::{Failure, FailureCode, Operation};
use socket::Watch;
use std::{net::SocketAddr, pin::pin, sync::Arc};

/// What is offered if the caller does not say.
const ALPN: &str = "h3";
/// The version that is spoken if the caller does not say (RFC 9000).
const VERSION: u32 = 1;

/// A connection of quinn's, and the socket under it.
#[derive(Clone, Debug)]
pub(crate) struct Quic {
    pub(crate) connection: quinn::Connection,
    watch: Arc<Watch>,
}

impl Quic {
    /// Why the connection is gone, exactly, where it is and it was not us who closed it.
    pub(crate) fn lost(&self) -> Option<(FailureCode, Option<String>)> {
        let error = self.connection.close_reason()?;
        let is_ours = matches!(error, quinn::ConnectionError::LocallyClosed);
        (!is_ours).then(|| (failure::code(&error, None), failure::detail(&error, None)))
    }

    /// What `work` comes to, unless the budget ends first.
    pub(crate) async fn within_budget<T>(&self, meter: &Meter, work: impl Future<Output = T>) -> Option<T> {
        unless(self.watch.exhausted(meter), work).await
    }
}

impl Net {
    /// Shake hands with `endpoint` over QUIC. Observed as `quic_handshakes`, as `quic_handshake_start` and
    /// `quic_handshake_done` in `network_events`, and there also each datagram, as `read_from` or `write_to`.
    ///
    /// Without protocols to offer, `h3` is offered. An error of the operating system (an ICMP message says that nobody
    /// listens, for instance) ends the handshake unless a datagram has come before. Where a server names other versions
    /// than the first of [`HandshakeOptions::quic_versions`], the next of them that it named is tried once. Options that
    /// make no sense fail with `invalid_argument` before anything is sent, and are not observed.
    pub async fn quic_handshake(
        &self,
        tx: &Transaction,
        endpoint: SocketAddr,
        mut options: HandshakeOptions,
    ) -> Result<Connection, HandshakeError> {
        self.meter().check().map_err(NetError::from)?;
        if options.alpn.is_empty() {
            options.alpn.push(ALPN.to_owned());
        }
        if options.quic_versions.is_empty() {
            options.quic_versions.push(VERSION);
        }
        let unknown = options
            .quic_versions
            .iter()
            .find(|version| !session::speaks(**version));
        if let Some(version) = unknown {
            let why = format!("QUIC version {version:#010x} is not spoken here; 1 and drafts 29 to 34 are");
            return Err(invalid(endpoint, &why));
        }
        let client = self
            .tls_client(&options, endpoint)
            .map_err(|why| invalid(endpoint, &why))?;
        handshake::Handshake::new(self, tx, endpoint, &options, client)
            .run()
            .await
    }
}

/// What `work` comes to, unless it is `stopped` first.
async fn unless<T>(stopped: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(stopped), pin!(work)).await {
        Either::Left(((), _)) => None,
        Either::Right((done, _)) => Some(done),
    }
}

fn invalid(remote: SocketAddr, why: &str) -> HandshakeError {
    let failure = Failure {
        code: FailureCode::INVALID_ARGUMENT,
        operation: Operation::QuicHandshake,
        detail: format!("QUIC handshake with {remote}: {why}"),
    };
    NetError::Failed(failure).into()
}
