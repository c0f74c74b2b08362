//! A connection and what it is used for.

use crate::{http::Client, quic::Quic, socket::Shared, socket::Stream, tls::Agreed, trace::Transaction};
use netsonde_data::observation::NetworkEvent;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::io::{ReadHalf, WriteHalf};

/// An open connection: TCP, TLS over TCP, or QUIC. Clones share it; dropping the last one closes it.
#[derive(Clone, Debug)]
pub struct Connection(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) socket: Arc<Shared>,
    /// What a TLS handshake agreed on; none for cleartext.
    tls: Option<Agreed>,
    peer_certificates: Vec<Vec<u8>>,
    mode: Mutex<Mode>,
}

/// What a connection is used for.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// Reading and writing bytes.
    Raw(Arc<Halves>),
    /// HTTP, from the first round trip on.
    Http(Arc<Client>),
    /// Exchanges on streams of their own.
    Quic(Arc<Quic>),
    /// Nothing any more: a handshake took the stream.
    Consumed,
}

/// The two directions of a stream, each with a lock of its own, so that a read and a write can overlap.
#[derive(Debug)]
pub(crate) struct Halves {
    pub(crate) read: tokio::sync::Mutex<ReadHalf<Stream>>,
    pub(crate) write: tokio::sync::Mutex<WriteHalf<Stream>>,
}

impl Connection {
    pub(crate) fn cleartext(stream: Stream) -> Self {
        Self::new(stream, None, Vec::new())
    }

    pub(crate) fn tls(stream: Stream, agreed: Agreed, peer_certificates: Vec<Vec<u8>>) -> Self {
        Self::new(stream, Some(agreed), peer_certificates)
    }

    fn new(stream: Stream, tls: Option<Agreed>, peer_certificates: Vec<Vec<u8>>) -> Self {
        let socket = Arc::clone(stream.shared());
        let (read, write) = tokio::io::split(stream);
        let halves = Halves {
            read: read.into(),
            write: write.into(),
        };
        let inner = Inner {
            socket,
            tls,
            peer_certificates,
            mode: Mutex::new(Mode::Raw(Arc::new(halves))),
        };
        Self(Arc::new(inner))
    }

    pub(crate) fn quic(
        quic: Quic,
        socket: Arc<Shared>,
        agreed: Agreed,
        peer_certificates: Vec<Vec<u8>>,
    ) -> Self {
        let inner = Inner {
            socket,
            tls: Some(agreed),
            peer_certificates,
            mode: Mutex::new(Mode::Quic(Arc::new(quic))),
        };
        Self(Arc::new(inner))
    }

    /// The remote endpoint.
    pub fn remote(&self) -> SocketAddr {
        self.0.socket.remote()
    }

    /// The protocol that the handshake agreed on; none for cleartext.
    pub fn alpn(&self) -> Option<&str> {
        self.0.tls.as_ref()?.alpn.as_deref()
    }

    /// The certificates of the peer, DER, leaf first; empty for cleartext.
    pub fn peer_certificates(&self) -> &[Vec<u8>] {
        &self.0.peer_certificates
    }

    /// The version of TLS, `TLSv1.3`; none for cleartext.
    pub fn tls_version(&self) -> Option<&str> {
        Some(&self.0.tls.as_ref()?.version)
    }

    /// The cipher suite, `TLS_AES_128_GCM_SHA256`; none for cleartext.
    pub fn cipher_suite(&self) -> Option<&str> {
        Some(&self.0.tls.as_ref()?.cipher)
    }

    /// Whether the server decrypted the hello that was encrypted to it.
    pub fn is_ech_accepted(&self) -> bool {
        self.0
            .tls
            .as_ref()
            .is_some_and(|tls| tls.ech_accepted == Some(true))
    }

    /// The ICMP errors that came back for what the connection sent, as events (`x_icmp`), as far as the system tells.
    /// Those that ended an attempt to connect are the transaction's ([`crate::Trace::icmp_errors`]).
    pub fn icmp_errors(&self) -> Vec<NetworkEvent> {
        self.0.socket.icmp_errors()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.0.tls.is_some()
    }

    /// Mark what happens on the socket from now on with `tx`.
    pub(crate) fn use_for(&self, tx: &Transaction) {
        self.0.socket.use_for(tx);
    }

    pub(crate) fn mode(&self) -> MutexGuard<'_, Mode> {
        self.0.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Take the stream out, unless the connection speaks HTTP, is consumed, or a read or write is under way.
    pub(crate) fn take_stream(mode: &mut Mode) -> Option<Stream> {
        match std::mem::replace(mode, Mode::Consumed) {
            Mode::Raw(halves) => match Arc::try_unwrap(halves) {
                Ok(halves) => Some(halves.read.into_inner().unsplit(halves.write.into_inner())),
                Err(shared) => {
                    *mode = Mode::Raw(shared);
                    None
                }
            },
            other => {
                *mode = other;
                None
            }
        }
    }
}
