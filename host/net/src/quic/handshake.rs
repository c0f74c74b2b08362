//! One handshake, from its admission to its observation.

use super::{
    Quic, failure,
    session::{Config, Sight},
    socket::{Socket, Watch},
    unless,
};
use crate::{
    Connection, Net, NetError, Transaction,
    guard::Guard,
    policy::Transport,
    socket::Proto,
    tls::{Agreed, Broken, Client, Ech, HandshakeError, HandshakeOptions, Said, base64, ech_rejection, ja4},
    trace::{Event, endpoint_text},
};
use netsonde_data::{
    binary::BinaryData,
    failure::{FailureCode, Operation},
    observation::TlsHandshake,
};
use quinn::{Endpoint, EndpointConfig, TokioRuntime, TransportConfig, VarInt};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a handshake may take if the caller does not say.
const TIMEOUT: Duration = Duration::from_secs(10);
/// For how long a connection may be silent before it counts as lost.
const IDLE: Duration = Duration::from_secs(30);

/// A handshake.
pub(super) struct Handshake<'a> {
    net: &'a Net,
    tx: &'a Transaction,
    remote: SocketAddr,
    /// With at least one version.
    options: &'a HandshakeOptions,
    client: Client,
    said: Said,
    sight: Arc<Sight>,
}

/// A failure that is known by its code alone.
fn coded(code: FailureCode) -> Broken {
    Broken::new(code, None)
}

impl<'a> Handshake<'a> {
    pub(super) fn new(
        net: &'a Net,
        tx: &'a Transaction,
        remote: SocketAddr,
        options: &'a HandshakeOptions,
        (client, said): (Client, Said),
    ) -> Self {
        Self {
            net,
            tx,
            remote,
            options,
            client,
            said,
            sight: Arc::default(),
        }
    }

    pub(super) async fn run(&self) -> Result<Connection, HandshakeError> {
        self.admitted().await?;
        self.net.meter().connection().map_err(NetError::from)?;
        let t0 = self.now();
        self.mark("quic_handshake_start", t0);
        let socket = match Socket::open(self.net, self.tx, self.remote) {
            Ok(socket) => Arc::new(socket),
            Err(error) => {
                self.net.meter().no_socket(&error);
                return Err(self.failed(coded(FailureCode::from_io(&error)), None, t0));
            }
        };
        let (shared, watch) = (Arc::clone(socket.shared()), Arc::clone(socket.watch()));
        let guard = Guard::new(|| {
            shared.abandon(&FailureCode::INTERRUPTED);
            self.failed(coded(FailureCode::INTERRUPTED), Some(&watch), t0);
        });
        let shaking = unless(socket.failed(), self.shake(Arc::clone(&socket)));
        let result = timeout(self.options.timeout.unwrap_or(TIMEOUT), shaking).await;
        guard.disarm();
        let result = match result {
            Ok(Some(result)) => result,
            Ok(None) => Err(coded(
                watch.failure().cloned().unwrap_or(FailureCode::INTERRUPTED),
            )),
            Err(_) => {
                shared.abandon(&FailureCode::GENERIC_TIMEOUT_ERROR);
                Err(coded(FailureCode::GENERIC_TIMEOUT_ERROR))
            }
        };
        let connection = match (result, self.net.meter().exceeded()) {
            (Ok(connection), _) => connection,
            (Err(_), Some(exceeded)) => {
                self.failed(coded(FailureCode::INTERRUPTED), Some(&watch), t0);
                return Err(NetError::from(exceeded).into());
            }
            (Err(failed), None) => return Err(self.failed(failed, Some(&watch), t0)),
        };
        self.ended(None, Some(&watch), t0);
        let seen = self.sight.seen();
        let agreed = Agreed {
            version: "TLSv1.3".to_owned(),
            cipher: seen.cipher,
            group: seen.group,
            alpn: seen.alpn,
            ech_accepted: self.is_ech_offered().then_some(true),
        };
        let quic = Quic { connection, watch };
        let certificates = self.client.verifier.certificates();
        Ok(Connection::quic(quic, shared, agreed, certificates))
    }

    /// Wait for the admission; a refusal is the handshake's failure.
    async fn admitted(&self) -> Result<(), NetError> {
        let asked = self.now();
        let guard =
            Guard::new(|| self.observe(Some(coded(FailureCode::INTERRUPTED)), None, asked, self.now()));
        let admitted = self.net.admit(Transport::Udp, self.remote).await;
        guard.disarm();
        if let Err(NetError::Failed(denied)) = &admitted {
            let now = self.now();
            self.observe(Some(coded(denied.code.clone())), None, now, now);
        }
        admitted
    }

    async fn shake(&self, socket: Arc<Socket>) -> Result<quinn::Connection, Broken> {
        let watch = Arc::clone(socket.watch());
        let versions = &self.options.quic_versions;
        let mut config = EndpointConfig::default();
        config.supported_versions(versions.clone());
        let endpoint = Endpoint::new_with_abstract_socket(config, None, socket, Arc::new(TokioRuntime))
            .map_err(|error| coded(FailureCode::from_io(&error)))?;
        let first = versions.first().copied().unwrap_or(super::VERSION);
        let failed = match self.attempt(&endpoint, first).await {
            Ok(connection) => return Ok(connection),
            Err(failed) => failed,
        };
        // Incompatible version negotiation (RFC 9368, section 2.1): the first of ours that the server names too.
        let offered = watch.offered_versions().unwrap_or_default();
        let common = versions
            .iter()
            .find(|&&version| version != first && offered.contains(&version));
        match common {
            Some(&version) if failed.code == FailureCode::QUIC_INCOMPATIBLE_VERSION => {
                self.attempt(&endpoint, version).await
            }
            _ => Err(failed),
        }
    }

    async fn attempt(&self, endpoint: &Endpoint, version: u32) -> Result<quinn::Connection, Broken> {
        let session = Config {
            tls: Arc::clone(&self.client.config),
            name: self.client.name.clone(),
            sight: Arc::clone(&self.sight),
        };
        let mut transport = TransportConfig::default();
        let idle = self.options.timeout.unwrap_or(TIMEOUT).max(IDLE);
        let idle = u32::try_from(idle.as_millis()).unwrap_or(u32::MAX);
        transport.max_idle_timeout(Some(VarInt::from_u32(idle).into()));
        let mut config = quinn::ClientConfig::new(Arc::new(session));
        config.version(version).transport_config(Arc::new(transport));
        self.sight.begin(version);
        // The name is in the session; quinn has no use for it.
        let connecting = endpoint
            .connect_with(config, self.remote, "")
            .map_err(|error| coded(FailureCode::unknown(error.to_string())))?;
        connecting.await.map_err(|error| {
            let ours = self.sight.seen().error;
            ours.as_ref().and_then(ech_rejection).unwrap_or_else(|| {
                let ours = ours.as_ref();
                Broken::new(failure::code(&error, ours), failure::detail(&error, ours))
            })
        })
    }

    /// Write the failure down, and say it to the caller.
    fn failed(&self, failed: Broken, watch: Option<&Watch>, t0: Duration) -> HandshakeError {
        let doing = format!("QUIC handshake with {}", self.remote);
        let error = HandshakeError {
            error: NetError::failed(failed.code.clone(), Operation::QuicHandshake, &doing),
            peer_certificates: self.client.verifier.certificates(),
            ech_retry_configs: failed.ech_retry_configs.clone(),
        };
        self.ended(Some(failed), watch, t0);
        error
    }

    fn ended(&self, failed: Option<Broken>, watch: Option<&Watch>, t0: Duration) {
        let t = self.now();
        self.mark("quic_handshake_done", t);
        self.observe(failed, watch, t0, t);
    }

    fn mark(&self, operation: &str, t: Duration) {
        let event = Event {
            proto: Proto::Udp.as_str(),
            ..Event::mark(operation, Some(self.remote), t)
        };
        self.net.trace().event(self.tx, event);
    }

    fn observe(&self, failed: Option<Broken>, watch: Option<&Watch>, t0: Duration, t: Duration) {
        let ech_accepted = match &failed {
            None => self.is_ech_offered().then_some(true),
            Some(failed) => failed.ech_rejected.then_some(false),
        };
        let retry_configs = failed
            .as_ref()
            .and_then(|failed| failed.ech_retry_configs.as_deref());
        let retry_configs = retry_configs.map(base64);
        let (code, detail) = failed.map_or((None, None), |failed| (Some(failed.code), failed.detail));
        let seen = self.sight.seen();
        let certificates = self.client.verifier.certificates();
        // QUIC knows no other; the suite is known from the server's first flight on.
        let tls_version = if seen.cipher.is_empty() { "" } else { "TLSv1.3" };
        let handshake = TlsHandshake {
            network: Proto::Udp.as_str().to_owned(),
            address: endpoint_text(self.remote),
            failure: code,
            cipher_suite: seen.cipher,
            negotiated_protocol: seen.alpn.unwrap_or_default(),
            no_tls_verify: self.options.no_verify,
            peer_certificates: certificates.into_iter().map(BinaryData).collect(),
            server_name: self.said.server_name.clone(),
            outer_server_name: self.said.ech.outer_server_name.clone(),
            echconfig: self.said.ech.echconfig.clone(),
            x_verified_name: self.said.verified_name.clone(),
            tls_version: tls_version.to_owned(),
            x_backend: Some("rustls".to_owned()),
            x_ech_accepted: ech_accepted,
            x_ech_retry_configs: retry_configs,
            x_failure_detail: detail,
            x_key_exchange_group: seen.group,
            x_ja4: ja4('q', &seen.client_hello),
            x_quic_version: seen.version,
            x_quic_version_negotiation: watch.and_then(Watch::offered_versions).map(<[u32]>::to_vec),
            t0: t0.as_secs_f64(),
            t: t.as_secs_f64(),
            ..TlsHandshake::default()
        };
        self.net.trace().quic_handshake(self.tx, handshake);
    }

    /// Whether a hello was encrypted. A handshake that succeeds then has been accepted: rustls ends one that was rejected.
    fn is_ech_offered(&self) -> bool {
        matches!(self.options.ech, Ech::Configs(_))
    }

    fn now(&self) -> Duration {
        self.net.trace().clock().now()
    }
}
