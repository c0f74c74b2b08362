//! TLS over a TCP connection.

mod alert;
mod failure;
mod ja4;
mod roots;
mod verifier;

pub(crate) use alert::text as alert_text;
pub(crate) use failure::{certificate as certificate_code, failure_code};
pub use ja4::ja4;
pub(crate) use roots::Roots;
pub use roots::RootsError;
pub(crate) use verifier::Verifier;

use crate::{
    Connection, Net, NetError, Transaction, guard::Guard, socket::Socket, socket::Stream, trace::Event,
};
use netsonde_data::{
    binary::BinaryData,
    failure::{Failure, FailureCode, Operation},
    observation::TlsHandshake,
};
use rustls::{ClientConfig, SupportedCipherSuite, client::Resumption, pki_types::ServerName};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How long a handshake may take if the caller does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

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
    /// The versions of QUIC to speak, in order of preference; 1 if nothing is said. Over TCP there is nothing to choose.
    pub quic_versions: Vec<u32>,
    /// How long it may take: 10 seconds if nothing is said.
    pub timeout: Option<Duration>,
}

/// What a handshake agreed on.
#[derive(Debug, Default)]
struct Agreed {
    version: String,
    cipher: String,
    alpn: Option<String>,
}

/// What is needed to shake hands with one peer.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    pub(crate) verifier: Arc<Verifier>,
}

impl Net {
    /// Shake hands over a TCP connection, which is consumed: a failed handshake closes it. Observed as
    /// `tls_handshakes`, and as `tls_handshake_start` and `tls_handshake_done` in `network_events`.
    ///
    /// Options that make no sense (a name that is none, roots that are no certificates) fail with
    /// `invalid_argument` before anything is sent, and are not observed.
    pub async fn handshake(
        &self,
        tx: &Transaction,
        connection: Connection,
        options: HandshakeOptions,
    ) -> Result<Connection, NetError> {
        self.meter().check()?;
        let remote = connection.remote();
        let Client {
            config,
            name,
            verifier,
        } = self
            .tls_client(&options, remote)
            .map_err(|reason| invalid(remote, &reason))?;
        let stream = take_tcp(&connection)?;
        let socket = Arc::clone(stream.shared());
        socket.use_for(tx);

        let clock = self.trace().clock();
        let t0 = clock.now();
        self.trace()
            .event(tx, Event::mark("tls_handshake_start", Some(remote), t0));
        let ended = |failure: Option<FailureCode>, agreed: &Agreed, t: Duration| {
            self.trace()
                .event(tx, Event::mark("tls_handshake_done", Some(remote), t));
            self.trace().tls_handshake(
                tx,
                observation(&options, remote, &verifier, failure, agreed, t0, t),
            );
        };
        let connector = TlsConnector::from(config);
        // Outlives the guard and the timeout: once it is dropped, the socket is closed.
        let mut shaking = pin!(connector.connect(name, stream));
        let guard = Guard::new(|| {
            socket.abandon(&FailureCode::INTERRUPTED);
            ended(Some(FailureCode::INTERRUPTED), &Agreed::default(), clock.now());
        });
        let result = timeout(options.timeout.unwrap_or(TIMEOUT), shaking.as_mut()).await;
        guard.disarm();
        let result = if let Ok(result) = result {
            result.map_err(|error| match self.meter().exceeded() {
                Some(exceeded) => exceeded.into(),
                None => failed(failure_code(&error), remote),
            })
        } else {
            socket.abandon(&FailureCode::GENERIC_TIMEOUT_ERROR);
            Err(failed(FailureCode::GENERIC_TIMEOUT_ERROR, remote))
        };
        let agreed = result.as_ref().map(agreed).unwrap_or_default();
        ended(result.as_ref().err().map(NetError::code), &agreed, clock.now());
        let stream = Stream::Tls(Box::new(result?));
        Ok(Connection::tls(stream, agreed.alpn, verifier.certificates()))
    }

    /// What the options come to, for TLS over TCP and inside QUIC alike. The error says what makes no sense.
    pub(crate) fn tls_client(
        &self,
        options: &HandshakeOptions,
        remote: SocketAddr,
    ) -> Result<Client, String> {
        let name = server_name(options, remote)?;
        let verifier = Arc::new(self.verifier(options)?);
        let config = config(options, &verifier).map_err(|error| error.to_string())?;
        Ok(Client {
            config: Arc::new(config),
            name,
            verifier,
        })
    }

    fn verifier(&self, options: &HandshakeOptions) -> Result<Verifier, String> {
        if options.no_verify {
            return Ok(Verifier::lenient());
        }
        if options.roots_pem.is_empty() {
            return Ok(Verifier::strict(self.roots().verifier()));
        }
        let roots = Roots::only(&options.roots_pem).map_err(|error| error.to_string())?;
        Ok(Verifier::strict(roots.verifier()))
    }
}

/// The name to verify, and, unless it is an address, to send.
fn server_name(options: &HandshakeOptions, remote: SocketAddr) -> Result<ServerName<'static>, String> {
    match &options.server_name {
        None => Ok(ServerName::IpAddress(remote.ip().into())),
        Some(name) => ServerName::try_from(name.clone())
            .map_err(|_| format!("the server name {name:?} is neither a domain nor an address")),
    }
}

fn config(options: &HandshakeOptions, verifier: &Arc<Verifier>) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(roots::provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(verifier) as Arc<_>)
        .with_no_client_auth();
    config.alpn_protocols = options
        .alpn
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    config.enable_sni = options.server_name.is_some();
    // Every handshake is a whole one: a resumed session shows no certificates.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The TCP socket of a connection that has spoken nothing but bytes.
fn take_tcp(connection: &Connection) -> Result<Socket, NetError> {
    let remote = connection.remote();
    if connection.is_tls() {
        return Err(invalid(remote, "it speaks TLS already"));
    }
    match Connection::take_stream(&mut connection.mode()) {
        Some(Stream::Plain(socket)) => Ok(socket),
        Some(Stream::Tls(_)) | None => Err(invalid(
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

fn failed(code: FailureCode, remote: SocketAddr) -> NetError {
    NetError::failed(
        code,
        Operation::TlsHandshake,
        &format!("TLS handshake with {remote}"),
    )
}

/// What a finished handshake agreed on, in the words of Go's library, which OONI's data has.
fn agreed(stream: &TlsStream<Socket>) -> Agreed {
    let (_, tls) = stream.get_ref();
    let version = tls.protocol_version().map(|version| match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        other => format!("TLS_VERSION_UNKNOWN_{}", u16::from(other)),
    });
    let cipher = tls.negotiated_cipher_suite().map(cipher_name);
    let alpn = tls
        .alpn_protocol()
        .map(|protocol| String::from_utf8_lossy(protocol).into_owned());
    Agreed {
        version: version.unwrap_or_default(),
        cipher: cipher.unwrap_or_default(),
        alpn,
    }
}

/// The IANA name of a cipher suite.
pub(crate) fn cipher_name(suite: SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.replace("TLS13_", "TLS_")
}

fn observation(
    options: &HandshakeOptions,
    remote: SocketAddr,
    verifier: &Verifier,
    failure: Option<FailureCode>,
    agreed: &Agreed,
    t0: Duration,
    t: Duration,
) -> TlsHandshake {
    TlsHandshake {
        network: "tcp".to_owned(),
        address: remote.to_string(),
        cipher_suite: agreed.cipher.clone(),
        failure,
        negotiated_protocol: agreed.alpn.clone().unwrap_or_default(),
        no_tls_verify: options.no_verify,
        peer_certificates: verifier.certificates().into_iter().map(BinaryData).collect(),
        server_name: options.server_name.clone().unwrap_or_default(),
        t0: t0.as_secs_f64(),
        t: t.as_secs_f64(),
        tls_version: agreed.version.clone(),
        ..TlsHandshake::default()
    }
}
