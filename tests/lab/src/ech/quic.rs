//! Encrypted Client Hello inside QUIC: quinn's session, which is given the inner hello in the place of the outer, and
//! whose answer is changed as over TCP. Nothing is encrypted here yet, so that messages are changed where they come out.

use super::provider::{self, CONFIRMATION, Say};
use super::{Ech, Offer};
use crate::tls::records::{self, Beginning};
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn_proto::crypto::{
    ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session, UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError};
use std::any::Any;
use std::sync::Arc;

/// Makes sessions with Encrypted Client Hello.
pub(crate) struct Config {
    pub(crate) plain: Arc<QuicServerConfig>,
    pub(crate) ech: Arc<Ech>,
}

/// What a session knows of the client.
pub(crate) struct Told {
    /// Whether it named a server, in the hello that was answered.
    pub(crate) is_named: bool,
    pub(crate) offer: Offer,
}

impl ServerConfig for Config {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.plain.initial_keys(version, dst_cid)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.plain.retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        Box::new(Answering {
            plain: Arc::clone(&self.plain).start_session(version, params),
            ech: Arc::clone(&self.ech),
            hello: Some(Vec::new()),
            offer: Offer::Absent,
            said: Say::Nothing,
        })
    }
}

struct Answering {
    plain: Box<dyn Session>,
    ech: Arc<Ech>,
    /// What has come of the client's hello, until it is whole.
    hello: Option<Vec<u8>>,
    offer: Offer,
    /// What the answer is still to say.
    said: Say,
}

impl Session for Answering {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.plain.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        let data = self.plain.handshake_data()?.downcast::<HandshakeData>().ok()?;
        Some(Box::new(Told {
            is_named: data.server_name.is_some(),
            offer: self.offer,
        }))
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.plain.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.plain.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.plain.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.plain.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        let Some(hello) = &mut self.hello else {
            return self.plain.read_handshake(buf);
        };
        hello.extend_from_slice(buf);
        let answered = match records::body(hello) {
            Beginning::Partial(_) => return Ok(false),
            Beginning::Other => self.hello.take().unwrap_or_default(),
            Beginning::Whole { body, .. } => {
                let (say, offer, inner) = self.ech.consider(&body);
                (self.said, self.offer) = (say, offer);
                let outer = self.hello.take().unwrap_or_default();
                inner.and_then(|inner| super::message(&inner)).unwrap_or(outer)
            }
        };
        let (read, said) = provider::saying(std::mem::take(&mut self.said), || {
            self.plain.read_handshake(&answered)
        });
        self.said = said;
        read
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.plain.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let mut written = Vec::new();
        let keys = self.plain.write_handshake(&mut written);
        match &self.said {
            Say::Accepted {
                confirmation: Some(confirmation),
                ..
            } if provider::is_server_hello(&written) => {
                if let Some(random) = written.get_mut(CONFIRMATION) {
                    random.copy_from_slice(confirmation);
                }
            }
            Say::Retry(extension) => {
                if let Some(changed) = provider::with_retry(&written, extension) {
                    written = changed;
                }
            }
            _ => {}
        }
        buf.extend(written);
        keys
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.plain.next_1rtt_keys()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.plain.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.plain.export_keying_material(output, label, context)
    }
}
