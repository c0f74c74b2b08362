//! TLS inside QUIC, held so that it can be looked at.
//!
//! Quinn's own session tells neither the cipher suite nor the error that rustls gave, and nothing at all of a handshake
//! that failed. This one is the same rustls connection behind the same trait, and writes down what it sees.

use quinn_proto::{
    ConnectError, ConnectionId, Side, TransportError, TransportErrorCode,
    crypto::{
        self, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, UnsupportedVersion,
        rustls::QuicClientConfig,
    },
    transport_parameters::TransportParameters,
};
use rustls::{
    ClientConfig, Error,
    pki_types::ServerName,
    quic::{ClientConnection, Connection, KeyChange, Secrets, Suite, Version},
};
use std::{
    any::Any,
    io::Cursor,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the sessions of one handshake have shown so far.
#[derive(Debug, Default)]
pub(super) struct Sight(Mutex<Seen>);

/// What a session has shown so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The version of QUIC.
    pub(super) version: Option<u32>,
    /// The first message that was sent: the `ClientHello`, without a record around it.
    pub(super) client_hello: Vec<u8>,
    /// The cipher suite's IANA name.
    pub(super) cipher: String,
    /// The group that keys were exchanged in.
    pub(super) group: Option<String>,
    /// The protocol that ALPN agreed on.
    pub(super) alpn: Option<String>,
    /// Why rustls gave up.
    pub(super) error: Option<Error>,
}

impl Sight {
    /// A session of this version begins.
    pub(super) fn begin(&self, version: u32) {
        *self.lock() = Seen {
            version: Some(version),
            ..Seen::default()
        };
    }

    /// What there was to see.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the sessions of one handshake.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    pub(super) sight: Arc<Sight>,
}

impl Config {
    /// The suite of the Initial packets, which every version fixes to AES-128-GCM (RFC 9001, section 5.2).
    fn initial_suite(&self) -> Option<Suite> {
        let suites = &self.tls.crypto_provider().cipher_suites;
        suites
            .iter()
            .filter(|suite| suite.suite() == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256)
            .find_map(|suite| suite.tls13()?.quic_suite())
    }
}

impl crypto::ClientConfig for Config {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        _server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn crypto::Session>, ConnectError> {
        let dialect = dialect(version)?;
        let initial = self.initial_suite().ok_or(UnsupportedVersion)?;
        let mut encoded = Vec::new();
        params.write(&mut encoded);
        let tls = ClientConnection::new(Arc::clone(&self.tls), dialect, self.name.clone(), encoded);
        Ok(Box::new(Session {
            tls: tls.map(Connection::Client).map_err(|error| {
                self.sight.lock().error = Some(error);
                ConnectError::UnsupportedVersion
            })?,
            config: self,
            version,
            dialect,
            initial,
            params: *params,
            next: None,
        }))
    }
}

/// How TLS messages are protected in a version of QUIC: as in the RFC, or as in the drafts up to 32.
fn dialect(version: u32) -> Result<Version, UnsupportedVersion> {
    match version {
        1 | 0xff00_0021..=0xff00_0022 => Ok(Version::V1),
        0xff00_001d..=0xff00_0020 => Ok(Version::V1Draft),
        _ => Err(UnsupportedVersion),
    }
}

/// Whether this version of QUIC can be spoken.
pub(super) fn speaks(version: u32) -> bool {
    dialect(version).is_ok()
}

struct Session {
    tls: Connection,
    config: Arc<Config>,
    version: u32,
    dialect: Version,
    initial: Suite,
    params: TransportParameters,
    next: Option<Secrets>,
}

impl Session {
    fn look(&self) {
        let mut seen = self.config.sight.lock();
        if let Some(suite) = self.tls.negotiated_cipher_suite() {
            seen.cipher = crate::tls::cipher_name(suite);
        }
        seen.group = self.tls.negotiated_key_exchange_group().map(crate::tls::kx_name);
        if let Some(protocol) = self.tls.alpn_protocol() {
            seen.alpn = Some(String::from_utf8_lossy(protocol).into_owned());
        }
    }
}

impl crypto::Session for Session {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        let side = match side {
            Side::Client => rustls::Side::Client,
            Side::Server => rustls::Side::Server,
        };
        keys(self.initial.keys(dst_cid, side, self.dialect))
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        None
    }

    fn early_data_accepted(&self) -> Option<bool> {
        Some(false)
    }

    fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        let result = self.tls.read_hs(buf);
        self.look();
        result.map_err(|error| {
            let code = self
                .tls
                .alert()
                .map_or(TransportErrorCode::PROTOCOL_VIOLATION, |alert| {
                    TransportErrorCode::crypto(alert.into())
                });
            let reason = error.to_string();
            self.config.sight.lock().error = Some(error);
            TransportError {
                code,
                frame: None,
                reason,
            }
        })?;
        Ok(false)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(encoded) = self.tls.quic_transport_parameters() else {
            return Ok(None);
        };
        Ok(Some(TransportParameters::read(
            Side::Client,
            &mut Cursor::new(encoded),
        )?))
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let before = buf.len();
        let change = self.tls.write_hs(buf);
        let mut seen = self.config.sight.lock();
        if seen.client_hello.is_empty() {
            seen.client_hello = buf.get(before..).unwrap_or_default().to_vec();
        }
        drop(seen);
        match change? {
            KeyChange::Handshake { keys: new } => Some(keys(new)),
            KeyChange::OneRtt { keys: new, next } => {
                self.next = Some(next);
                Some(keys(new))
            }
        }
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let new = self.next.as_mut()?.next_packet_keys();
        Some(KeyPair {
            local: Box::new(new.local),
            remote: Box::new(new.remote),
        })
    }

    /// Quinn knows the keys of Retry packets and does not show them, so a session of its own answers. It is made when
    /// there is such a packet, which is rare.
    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        let Ok(quinns) = QuicClientConfig::try_from(Arc::clone(&self.config.tls)) else {
            return false;
        };
        crypto::ClientConfig::start_session(Arc::new(quinns), self.version, "retry.invalid", &self.params)
            .is_ok_and(|session| session.is_valid_retry(orig_dst_cid, header, payload))
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.tls
            .export_keying_material(output, label, Some(context))
            .map(|_| ())
            .map_err(|_| ExportKeyingMaterialError)
    }
}

fn keys(keys: rustls::quic::Keys) -> Keys {
    Keys {
        header: KeyPair {
            local: Box::new(keys.local.header),
            remote: Box::new(keys.remote.header),
        },
        packet: KeyPair {
            local: Box::new(keys.local.packet),
            remote: Box::new(keys.remote.packet),
        },
    }
}
