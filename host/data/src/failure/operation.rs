//! The names of operations that OONI knows (`failed_operation`).

use serde::{Deserialize, Serialize};
use std::fmt;

/// An operation of a measurement, as `failed_operation` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A name lookup.
    Resolve,
    /// A TCP connect.
    Connect,
    /// One DNS query and its answer.
    DnsRoundTrip,
    /// A TLS handshake.
    TlsHandshake,
    /// A QUIC handshake.
    QuicHandshake,
    /// Opening a socket for QUIC.
    QuicListen,
    /// An HTTP request and its response.
    HttpRoundTrip,
    /// A read from a stream.
    Read,
    /// A write to a stream.
    Write,
    /// A datagram received.
    ReadFrom,
    /// A datagram sent.
    WriteTo,
    /// Closing a socket.
    Close,
    /// The nettest as a whole.
    TopLevel,
    /// Something else.
    #[serde(other)]
    Unknown,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 14] = [
        Self::Resolve,
        Self::Connect,
        Self::DnsRoundTrip,
        Self::TlsHandshake,
        Self::QuicHandshake,
        Self::QuicListen,
        Self::HttpRoundTrip,
        Self::Read,
        Self::Write,
        Self::ReadFrom,
        Self::WriteTo,
        Self::Close,
        Self::TopLevel,
        Self::Unknown,
    ];

    /// The name that OONI uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::DnsRoundTrip => "dns_round_trip",
            Self::TlsHandshake => "tls_handshake",
            Self::QuicHandshake => "quic_handshake",
            Self::QuicListen => "quic_listen",
            Self::HttpRoundTrip => "http_round_trip",
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadFrom => "read_from",
            Self::WriteTo => "write_to",
            Self::Close => "close",
            Self::Unknown => "unknown",
            Self::TopLevel => "top_level",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Operation {
    /// The operation of this name; a name that is not known is [`Operation::Unknown`].
    fn from(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|operation| operation.as_str() == name)
            .unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_what_they_name() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from(operation.as_str()), operation);
            let json = serde_json::to_value(operation).unwrap();
            assert_eq!(json, operation.as_str());
            assert_eq!(serde_json::from_value::<Operation>(json).unwrap(), operation);
        }
        assert_eq!(Operation::from("teleport"), Operation::Unknown);
        assert_eq!(
            serde_json::from_value::<Operation>("teleport".into()).unwrap(),
            Operation::Unknown
        );
    }
}
