//! One exchange on a QUIC connection: bytes out, the end of our side, bytes in until the end of theirs.
//!
//! DNS over QUIC (RFC 9250) is exactly this.

use crate::{Connection, Net, NetError, connection::Mode, guard::Guard};
use bytes::Bytes;
use netsonde_data::failure::{Failure, FailureCode, Operation};
use quinn::{ReadToEndError, WriteError};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

use super::{Quic, failure};

impl Connection {
    /// The QUIC connection, where it is one.
    pub(crate) fn as_quic(&self) -> Option<Arc<Quic>> {
        match &*self.mode() {
            Mode::Quic(quic) => Some(Arc::clone(quic)),
            _ => None,
        }
    }
}

impl Net {
    /// Send `request` on a bidirectional stream of its own, end it, and read what comes back to its end: at most `limit`
    /// bytes, or the failure is `message_size`. Several may go on at once. `operation` is what it is part of.
    ///
    /// The datagrams are in `network_events`, marked with the transaction that the connection was used for last. The
    /// exchange itself is for the caller to write down.
    pub async fn quic_exchange(
        &self,
        connection: &Connection,
        request: &[u8],
        limit: usize,
        within: Duration,
        operation: Operation,
    ) -> Result<Bytes, NetError> {
        self.meter().check()?;
        let doing = format!("exchange over QUIC with {}", connection.remote());
        let failed = |code| Failure::new(code, operation, &doing);
        let quic = connection
            .as_quic()
            .ok_or_else(|| failed(FailureCode::INVALID_ARGUMENT))?;
        let guard = Guard::new(|| connection.0.socket.abandon(&FailureCode::INTERRUPTED));
        let exchange = quic.within_budget(self.meter(), exchange(&quic.connection, request, limit));
        let result = timeout(within, exchange).await;
        guard.disarm();
        let result = if let Ok(done) = result {
            done.unwrap_or(Err(FailureCode::INTERRUPTED))
        } else {
            let failure = FailureCode::GENERIC_TIMEOUT_ERROR;
            connection.0.socket.abandon(&failure);
            Err(failure)
        };
        match (result, self.meter().exceeded()) {
            (Ok(reply), _) => Ok(reply),
            (Err(_), Some(exceeded)) => Err(exceeded.into()),
            (Err(code), None) => Err(failed(code).into()),
        }
    }
}

async fn exchange(
    connection: &quinn::Connection,
    request: &[u8],
    limit: usize,
) -> Result<Bytes, FailureCode> {
    let lost = |error| failure::code(&error, None);
    let (mut send, mut receive) = connection.open_bi().await.map_err(lost)?;
    match send.write_all(request).await {
        // A peer that needs no more of the request may answer already.
        Ok(()) | Err(WriteError::Stopped(_)) => {}
        Err(WriteError::ConnectionLost(error)) => return Err(lost(error)),
        Err(other) => return Err(FailureCode::unknown(other.to_string())),
    }
    // Fails only where the peer has stopped the stream, see above.
    let _ = send.finish();
    receive
        .read_to_end(limit)
        .await
        .map(Bytes::from)
        .map_err(|error| match error {
            ReadToEndError::TooLong => FailureCode::MESSAGE_SIZE,
            ReadToEndError::Read(quinn::ReadError::ConnectionLost(error)) => lost(error),
            ReadToEndError::Read(quinn::ReadError::Reset(code)) => {
                FailureCode::unknown(format!("stream reset by peer: {:#x}", code.into_inner()))
            }
            ReadToEndError::Read(other) => FailureCode::unknown(other.to_string()),
        })
}
