//! TLS: over a TCP connection, or as a session over bytes that the caller carries.
//!
//! `backend` says what a TLS library does here, `with_rustls` and `with_boring` are the two that there are. Options
//! are checked once, into a plan that either library takes. Names, alerts and failures are OONI's whoever shook hands.

mod alert;
mod backend;
mod ech;
mod failure;
mod group;
mod hello;
mod ja4;
mod observed;
mod options;
mod roots;
mod session;
mod verifier;
#[cfg(feature = "boringssl")]
mod with_boring;
mod with_rustls;

pub(crate) use alert::text as alert_text;
pub(crate) use backend::{Agreed, Broken, Io, Said};
pub(crate) use ech::base64;
pub(crate) use failure::{certificate as certificate_code, failure_code};
pub use group::Group;
pub use ja4::ja4;
pub use options::{BackendName, Ech, HandshakeOptions, Identity, Sni, Version, Versions};
pub(crate) use roots::Roots;
pub use roots::RootsError;
pub use session::TlsSession;
pub(crate) use verifier::Verifier;
pub(crate) use with_rustls::{Client, cipher_name, ech_rejection, kx_name};

use crate::{Connection, Net, NetError, Transaction, guard::Guard, socket::Socket, socket::Stream};
use backend::{Backend, Plan, Refused};
use hello::Opening;
use netsonde_data::failure::{Failure, FailureCode, Operation};
use observed::Handshake;
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a handshake may take if the caller does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What remains of a handshake that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct HandshakeError {
    /// Why.
    #[source]
    pub error: NetError,
    /// The certificates that the peer presented, DER, leaf first.
    pub peer_certificates: Vec<Vec<u8>>,
    /// The ECH configurations that a server which rejected ours wants instead: an `ECHConfigList`.
    pub ech_retry_configs: Option<Vec<u8>>,
}

impl From<NetError> for HandshakeError {
    fn from(error: NetError) -> Self {
        Self {
            error,
            peer_certificates: Vec::new(),
            ech_retry_configs: None,
        }
    }
}

impl From<HandshakeError> for NetError {
    fn from(error: HandshakeError) -> Self {
        error.error
    }
}

impl Net {
    /// Shake hands over a TCP connection, which is consumed: a failed handshake closes it. Observed as
    /// `tls_handshakes`, and as `tls_handshake_start` and `tls_handshake_done` in `network_events`.
    ///
    /// Options that make no sense (a name that is none, roots that are no certificates) fail with
    /// `invalid_argument` before anything is sent, and are not observed. A backend that can not do what is asked for, or
    /// is not there, is observed as a handshake that failed at once.
    pub async fn handshake(
        &self,
        tx: &Transaction,
        connection: Connection,
        options: HandshakeOptions,
    ) -> Result<Connection, HandshakeError> {
        self.meter().check().map_err(NetError::from)?;
        let remote = connection.remote();
        let stream = take_tcp(&connection)?;
        let socket = Arc::clone(stream.shared());
        socket.use_for(tx);
        let (backend, seen) = self.prepare(tx, &options, "tcp", remote)?;

        let opening = Opening::new(stream, seen.flight.clone(), options.split_hello_at);
        // Outlives the guard and the timeout: once it is dropped, the socket is closed.
        let mut shaking = pin!(backend.shake(Box::new(opening)));
        let guard = Guard::new(|| {
            socket.abandon(&FailureCode::INTERRUPTED);
            seen.failed(&Broken::new(FailureCode::INTERRUPTED, None));
        });
        let result = timeout(options.timeout.unwrap_or(TIMEOUT), shaking.as_mut()).await;
        guard.disarm();
        let result = result.unwrap_or_else(|_| {
            socket.abandon(&FailureCode::GENERIC_TIMEOUT_ERROR);
            Err(Broken::new(FailureCode::GENERIC_TIMEOUT_ERROR, None))
        });
        match result {
            Ok(secured) => {
                seen.succeeded(&secured.agreed);
                let stream = Stream::Tls(secured.io, socket);
                Ok(Connection::tls(stream, secured.agreed, seen.certificates()))
            }
            Err(broken) => Err(seen.error(self, broken)),
        }
    }

    /// Check the options and write the beginning down.
    fn prepare(
        &self,
        tx: &Transaction,
        options: &HandshakeOptions,
        network: &'static str,
        remote: SocketAddr,
    ) -> Result<(Box<dyn Backend>, Handshake), NetError> {
        let (plan, said) = self
            .plan(options, remote)
            .map_err(|refused| invalid(remote, &refused.reason()))?;
        let verifier = Arc::clone(&plan.verifier);
        let begin = || Handshake::begin(self, tx, options, said, network, remote, verifier);
        match plan.backend(options.backend) {
            Ok(backend) => Ok((backend, begin())),
            Err(Refused::Invalid(reason)) => Err(invalid(remote, &reason)),
            Err(Refused::Unsupported(reason)) => {
                let broken = Broken::new(FailureCode::unknown(reason), None);
                Err(begin().error(self, broken).error)
            }
        }
    }

    /// What the options come to inside QUIC. The error says what makes no sense there.
    pub(crate) fn tls_client(
        &self,
        options: &HandshakeOptions,
        remote: SocketAddr,
    ) -> Result<(Client, Said), String> {
        if options.backend != BackendName::Rustls {
            return Err("QUIC is spoken by the TLS backend rustls only".to_owned());
        }
        if options.split_hello_at.is_some() {
            return Err("a hello inside QUIC can not be split".to_owned());
        }
        if options.ech == Ech::MadeUp {
            return Err("a made-up ECH configuration can be offered over TCP only".to_owned());
        }
        let versions = options.versions.unwrap_or_default();
        if !versions.contains(Version::Tls13) {
            return Err("QUIC needs TLS 1.3".to_owned());
        }
        let (plan, said) = self.plan(options, remote).map_err(Refused::reason)?;
        let client = Client::new(plan).map_err(Refused::reason)?;
        Ok((client, said))
    }

    fn plan(&self, options: &HandshakeOptions, remote: SocketAddr) -> Result<(Plan, Said), Refused> {
        Plan::new(options, remote, |replaced| {
            Ok(self.verifier(options)?.replacing(replaced))
        })
    }

    fn verifier(&self, options: &HandshakeOptions) -> Result<Verifier, String> {
        if options.no_verify {
            return Ok(Verifier::lenient());
        }
        let (only, extra) = (&options.roots_pem, &options.extra_roots_pem);
        let roots = match (only.is_empty(), extra.is_empty()) {
            (true, true) => Ok(self.roots().clone()),
            (true, false) => Roots::mozilla_and(&[self.extra_roots_pem(), extra].concat()),
            (false, _) => Roots::only(&[only.as_slice(), extra].concat()),
        };
        let roots = roots.map_err(|error| error.to_string())?;
        Ok(Verifier::strict(roots.verifier()))
    }
}

/// The TCP socket of a connection that has spoken nothing but bytes.
fn take_tcp(connection: &Connection) -> Result<Socket, NetError> {
    let remote = connection.remote();
    if connection.is_tls() {
        return Err(invalid(remote, "it speaks TLS already"));
    }
    match Connection::take_stream(&mut connection.mode()) {
        Some(Stream::Plain(socket)) => Ok(socket),
        Some(Stream::Tls(..)) | None => Err(invalid(
            remote,
            "it speaks HTTP, is closed, or a read or write is still going on",
        )),
    }
}

fn invalid(remote: SocketAddr, reason: &str) -> NetError {
    let code = FailureCode::INVALID_ARGUMENT;
    let detail = format!("TLS handshake with {remote}: {reason}");
    NetError::Failed(Failure {
        code,
        operation: Operation::TlsHandshake,
        detail,
    })
}
