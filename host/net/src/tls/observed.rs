//! What is written down about a handshake.

use super::{
    HandshakeError, HandshakeOptions,
    backend::{Agreed, Broken, Said},
    ech::base64,
    hello::FirstFlight,
    ja4,
    options::Ech,
    verifier::Verifier,
};
use crate::{Net, NetError, Transaction, trace::Event, trace::endpoint_text};
use netsonde_data::{
    binary::BinaryData,
    failure::{Failure, FailureCode, Operation},
    observation::TlsHandshake,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// A handshake that began, and leaves one observation when it ends.
#[derive(Debug)]
pub(super) struct Handshake {
    net: Net,
    tx: Transaction,
    remote: SocketAddr,
    t0: Duration,
    /// What the observation says whatever comes of it.
    template: TlsHandshake,
    is_ech_made_up: bool,
    verifier: Arc<Verifier>,
    pub(super) flight: FirstFlight,
}

impl Handshake {
    /// Write the beginning down. `network` is `tcp` or `udp`.
    pub(super) fn begin(
        net: &Net,
        tx: &Transaction,
        options: &HandshakeOptions,
        said: Said,
        network: &'static str,
        remote: SocketAddr,
        verifier: Arc<Verifier>,
    ) -> Self {
        let t0 = net.trace().clock().now();
        let begun = Self {
            net: net.clone(),
            tx: tx.clone(),
            remote,
            t0,
            template: TlsHandshake {
                network: network.to_owned(),
                address: endpoint_text(remote),
                no_tls_verify: options.no_verify,
                server_name: said.server_name,
                outer_server_name: said.ech.outer_server_name,
                echconfig: said.ech.echconfig,
                t0: t0.as_secs_f64(),
                x_backend: Some(options.backend.as_str().to_owned()),
                x_verified_name: said.verified_name,
                ..TlsHandshake::default()
            },
            is_ech_made_up: options.ech == Ech::MadeUp,
            verifier,
            flight: FirstFlight::default(),
        };
        begun.mark("tls_handshake_start", t0);
        begun
    }

    /// The certificates that the peer presented so far, leaf first.
    pub(super) fn certificates(&self) -> Vec<Vec<u8>> {
        self.verifier.certificates()
    }

    /// When it began.
    pub(super) fn t0(&self) -> Duration {
        self.t0
    }

    /// The handshake succeeded.
    pub(super) fn succeeded(&self, agreed: &Agreed) {
        self.end(TlsHandshake {
            cipher_suite: agreed.cipher.clone(),
            negotiated_protocol: agreed.alpn.clone().unwrap_or_default(),
            tls_version: agreed.version.clone(),
            x_key_exchange_group: agreed.group.clone(),
            x_ech_accepted: agreed.ech_accepted,
            ..self.template.clone()
        });
    }

    /// The handshake failed. That a made-up ECH configuration is rejected is what was asked for, and no failure.
    pub(super) fn failed(&self, broken: &Broken) {
        let is_as_wanted = self.is_ech_made_up && broken.ech_rejected;
        self.end(TlsHandshake {
            failure: (!is_as_wanted).then(|| broken.code.clone()),
            x_ech_accepted: (broken.ech_rejected && !is_as_wanted).then_some(false),
            x_ech_retry_configs: broken.ech_retry_configs.as_deref().map(base64),
            x_failure_detail: broken.detail.clone(),
            ..self.template.clone()
        });
    }

    /// The handshake failed: written down, and put into the caller's words. A budget that ran out meanwhile is the
    /// cause.
    pub(super) fn error(&self, net: &Net, broken: Broken) -> HandshakeError {
        let exceeded = net.meter().exceeded();
        if exceeded.is_some() {
            self.failed(&Broken::new(FailureCode::INTERRUPTED, None));
        } else {
            self.failed(&broken);
        }
        HandshakeError {
            error: exceeded.map_or_else(|| self.failure(&broken), NetError::from),
            peer_certificates: self.certificates(),
            ech_retry_configs: broken.ech_retry_configs,
        }
    }

    fn failure(&self, broken: &Broken) -> NetError {
        let doing = format!("TLS handshake with {}", self.remote);
        let mut failure = Failure::new(broken.code.clone(), Operation::TlsHandshake, &doing);
        if let Some(detail) = &broken.detail {
            failure.detail = format!("{} ({detail})", failure.detail);
        }
        NetError::Failed(failure)
    }

    fn end(&self, handshake: TlsHandshake) {
        let t = self.net.trace().clock().now();
        self.mark("tls_handshake_done", t);
        let hello = self.flight.client_hello();
        let handshake = TlsHandshake {
            peer_certificates: self.certificates().into_iter().map(BinaryData).collect(),
            t: t.as_secs_f64(),
            x_ja4: hello.and_then(|hello| ja4::ja4('t', &hello)),
            ..handshake
        };
        self.net.trace().tls_handshake(&self.tx, handshake);
    }

    fn mark(&self, operation: &str, t: Duration) {
        let proto = match self.template.network.as_str() {
            "udp" => "udp",
            _ => "tcp",
        };
        let mark = Event {
            proto,
            ..Event::mark(operation, Some(self.remote), t)
        };
        self.net.trace().event(&self.tx, mark);
    }
}
