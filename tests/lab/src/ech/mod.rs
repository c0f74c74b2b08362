//! TLS servers with Encrypted Client Hello (RFC 9849): such that accept it, that reject it with configurations to
//! retry with, and that do not know it.
//!
//! `keys` opens what clients encrypted, `provider` makes rustls say what a server says of ECH, `quic` does so inside
//! QUIC, `server` is a web server for tests of any crate, on loopback. Not here: a `HelloRetryRequest` to a client whose offer is accepted
//! (a connection that needs one fails), and sessions that are resumed, which work, but whose retries nobody tests.

mod keys;
mod provider;
pub(crate) mod quic;
mod server;

pub use crate::scenario::EchMode;
pub use server::EchServer;

use crate::tls::hello::{ClientHello, ENCRYPTED_CLIENT_HELLO};
use crate::tls::records::{self, Beginning, RECORD_HEADER};
use keys::Key;
use provider::{CONFIRMATION, Say};
use rustls::ServerConnection;
use rustls::crypto::CryptoProvider;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How much is read at once.
const CHUNK: usize = 4096;
/// The identifiers of a server's own key, and of one that it published once and no longer has.
const CURRENT: u8 = 1;
const STALE: u8 = 2;

/// Why a server's key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EchError {
    /// The public name is longer than an `ECHConfig` can say.
    #[error("the public name is too long for an ECHConfig: use 255 bytes at most")]
    TooLong,
    /// The cryptographic library refused.
    #[error("make an ECH key: {0}")]
    Key(#[from] rustls::Error),
}

/// What became of a client's offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The inner `ClientHello` was answered.
    Accepted,
    /// There was an offer, or the GREASE of one, and the outer `ClientHello` was answered.
    Rejected,
    /// There was none.
    Absent,
}

/// A server's side of Encrypted Client Hello.
pub(crate) struct Ech {
    /// Its key, unless it knows of none.
    key: Option<Key>,
    published: Vec<u8>,
}

impl Ech {
    /// A server behind this public name.
    pub(crate) fn new(mode: EchMode, public_name: &str) -> Result<Self, EchError> {
        let key = Key::generate(CURRENT, public_name)?;
        let published = match mode {
            EchMode::Accept | EchMode::Ignorant => key.config_list()?,
            EchMode::Reject => Key::generate(STALE, public_name)?.config_list()?,
        };
        let key = (mode != EchMode::Ignorant).then_some(key);
        Ok(Self { key, published })
    }

    /// The `ECHConfigList` that HTTPS records publish for it.
    pub(crate) fn published(&self) -> &[u8] {
        &self.published
    }

    /// Does a server's handshake. The acceptor's configuration has to be built with [`crypto_provider`].
    pub(crate) async fn accept<S>(
        &self,
        tls: &TlsAcceptor,
        mut stream: S,
    ) -> io::Result<(TlsStream<S>, Offer)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let received = read_hello(&mut stream).await?;
        let (say, offer, bytes) = self.judge(received);
        let mut answer = Ok(Vec::new());
        let mut accept = tls.accept_with(stream, |connection| answer = begin(connection, say, &bytes));
        let answer = answer?;
        if let Some(stream) = accept.get_mut() {
            stream.write_all(&answer).await?;
            stream.flush().await?;
        }
        Ok((accept.await?, offer))
    }

    /// What to say to a client, what became of its offer, and the bytes that are to be answered.
    fn judge(&self, received: Vec<u8>) -> (Say, Offer, Vec<u8>) {
        let Beginning::Whole { body, end } = records::client_hello(&received) else {
            return (Say::Nothing, Offer::Absent, received);
        };
        let (say, offer, inner) = self.consider(&body);
        let Some(mut bytes) = inner.and_then(|inner| in_a_record(&inner)) else {
            return (say, offer, received);
        };
        bytes.extend_from_slice(received.get(end..).unwrap_or_default());
        (say, offer, bytes)
    }

    /// What to say to a client that sent a hello with this body, what became of its offer, and the body that is to be
    /// answered where that is another one.
    fn consider(&self, body: &[u8]) -> (Say, Offer, Option<Vec<u8>>) {
        let offered =
            ClientHello::read(body).is_some_and(|hello| hello.extension(ENCRYPTED_CLIENT_HELLO).is_some());
        if !offered {
            return (Say::Nothing, Offer::Absent, None);
        }
        let Some(key) = &self.key else {
            return (Say::Nothing, Offer::Rejected, None);
        };
        if let Some(opened) = key.open(body) {
            let say = Say::Accepted {
                inner_random: opened.random,
                confirmation: None,
            };
            return (say, Offer::Accepted, Some(opened.body));
        }
        let say = key.config_list().ok().and_then(retry).unwrap_or_default();
        (say, Offer::Rejected, None)
    }
}

/// The cryptography that servers with Encrypted Client Hello need.
pub(crate) fn crypto_provider() -> Arc<CryptoProvider> {
    provider::provider()
}

/// The extension that carries configurations to retry with.
fn retry(config_list: Vec<u8>) -> Option<Say> {
    let length = u16::try_from(config_list.len()).ok()?;
    let mut extension = ENCRYPTED_CLIENT_HELLO.to_be_bytes().to_vec();
    extension.extend(length.to_be_bytes());
    extension.extend(config_list);
    Some(Say::Retry(extension))
}

/// Reads until a whole `ClientHello` is there, or it is clear that none comes.
async fn read_hello(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut chunk = [0; CHUNK];
    while let Beginning::Partial(_) = records::client_hello(&received) {
        let length = stream.read(&mut chunk).await?;
        if length == 0 {
            break;
        }
        received.extend_from_slice(chunk.get(..length).unwrap_or_default());
    }
    Ok(received)
}

/// A `ClientHello` as a message.
fn message(body: &[u8]) -> Option<Vec<u8>> {
    let [0, length @ ..] = u32::try_from(body.len()).ok()?.to_be_bytes() else {
        return None;
    };
    Some([&[1][..], &length, body].concat())
}

/// A `ClientHello` in a record of its own.
fn in_a_record(body: &[u8]) -> Option<Vec<u8>> {
    let message = message(body)?;
    let record = u16::try_from(message.len()).ok()?.to_be_bytes();
    Some([&[22, 3, 1][..], &record, &message].concat())
}

/// Answers a `ClientHello`: what is to be sent.
fn begin(connection: &mut ServerConnection, say: Say, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let (processed, said) = provider::saying(say, || {
        while !bytes.is_empty() {
            connection.read_tls(&mut bytes)?;
            // An alert is in the answer then, and the handshake that goes on from here fails with the same error.
            if connection.process_new_packets().is_err() {
                break;
            }
        }
        io::Result::Ok(())
    });
    processed?;
    let mut answer = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut answer)?;
    }
    if let Say::Accepted {
        confirmation: Some(confirmation),
        ..
    } = said
    {
        let place = CONFIRMATION.start + RECORD_HEADER..CONFIRMATION.end + RECORD_HEADER;
        if let Some(random) = answer.get_mut(place) {
            random.copy_from_slice(&confirmation);
        }
    }
    Ok(answer)
}
