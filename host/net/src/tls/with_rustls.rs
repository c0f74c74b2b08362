//! Handshakes by rustls.

use super::{
    backend::{Agreed, Backend, Broken, EchPlan, Io, Plan, Refused, Secured, Shaking},
    failure,
    group::{Group, group_name},
    options::Version,
    roots,
    verifier::Verifier,
};
use rustls::{
    ClientConfig, ConfigBuilder, Error, PeerIncompatible, SupportedCipherSuite, WantsVerifier,
    client::{EchConfig, EchGreaseConfig, EchMode, EchStatus, Resumption},
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs::hpke},
    internal::msgs::codec::Codec,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use std::{io, sync::Arc};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// rustls, made ready for one handshake: over TCP, or inside QUIC.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    pub(crate) verifier: Arc<Verifier>,
}

impl Client {
    pub(super) fn new(plan: Plan) -> Result<Self, Refused> {
        let invalid = |error: Error| Refused::Invalid(error.to_string());
        let builder = versions(&plan)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&plan.verifier) as Arc<_>);
        let mut config = match plan.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(invalid)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = plan.alpn;
        config.enable_sni = plan.is_name_sent;
        // Every handshake is a whole one: a resumed session shows no certificates.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name: plan.name,
            verifier: plan.verifier,
        })
    }
}

/// The versions to offer, which ECH narrows down to TLS 1.3.
fn versions(plan: &Plan) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Refused> {
    let invalid = |error: Error| Refused::Invalid(error.to_string());
    if plan.versions.contains(Version::Tls10) || plan.versions.contains(Version::Tls11) {
        return Err(Refused::Unsupported(
            "the TLS backend rustls speaks TLS 1.2 and 1.3 only; ask for the backend boringssl".to_owned(),
        ));
    }
    let builder = ClientConfig::builder_with_provider(provider(&plan.groups));
    let mode = match &plan.ech {
        EchPlan::Absent => {
            let versions: Vec<_> = [(Version::Tls13, &TLS13), (Version::Tls12, &TLS12)]
                .into_iter()
                .filter(|(version, _)| plan.versions.contains(*version))
                .map(|(_, version)| version)
                .collect();
            return builder.with_protocol_versions(&versions).map_err(invalid);
        }
        EchPlan::Grease => {
            let suite = hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
            let (placeholder, _) = rustls::crypto::hpke::Hpke::generate_key_pair(suite).map_err(invalid)?;
            EchMode::Grease(EchGreaseConfig::new(suite, placeholder))
        }
        EchPlan::Configs(list) => {
            let config = EchConfig::new(list.as_slice().into(), hpke::ALL_SUPPORTED_SUITES);
            EchMode::Enable(config.map_err(invalid)?)
        }
    };
    builder.with_ech(mode).map_err(invalid)
}

/// The cryptography of every handshake, with other groups where some are asked for.
fn provider(groups: &[Group]) -> Arc<CryptoProvider> {
    let provider = roots::provider();
    if groups.is_empty() {
        return provider;
    }
    Arc::new(CryptoProvider {
        kx_groups: groups.iter().map(|group| group.rustls()).collect(),
        ..CryptoProvider::clone(&provider)
    })
}

impl Backend for Client {
    fn shake(self: Box<Self>, io: Box<dyn Io>) -> Shaking {
        Box::pin(async move {
            let connector = TlsConnector::from(self.config);
            match connector.connect(self.name, io).await {
                Ok(stream) => Ok(Secured {
                    agreed: agreed(&stream),
                    io: Box::new(stream),
                }),
                Err(error) => Err(broken(&error)),
            }
        })
    }
}

fn broken(error: &io::Error) -> Broken {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    tls.and_then(ech_rejection)
        .unwrap_or_else(|| Broken::new(failure::failure_code(error), failure::failure_detail(error)))
}

/// What became of a handshake whose encrypted hello the server did not take; none for any other error.
pub(crate) fn ech_rejection(error: &Error) -> Option<Broken> {
    let Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(configs)) = error else {
        return None;
    };
    // rustls hands the configurations over parsed; written out, they are what the server sent.
    Some(Broken::rejected(configs.as_ref().map(Codec::get_encoding)))
}

fn agreed(stream: &TlsStream<Box<dyn Io>>) -> Agreed {
    let (_, tls) = stream.get_ref();
    let version = tls.protocol_version().map(|version| match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        other => format!("TLS_VERSION_UNKNOWN_{}", u16::from(other)),
    });
    let cipher = tls.negotiated_cipher_suite().map(cipher_name);
    let group = tls.negotiated_key_exchange_group().map(kx_name);
    let alpn = tls
        .alpn_protocol()
        .map(|protocol| String::from_utf8_lossy(protocol).into_owned());
    let ech_accepted = match tls.ech_status() {
        EchStatus::Accepted => Some(true),
        EchStatus::Rejected => Some(false),
        EchStatus::NotOffered | EchStatus::Grease | EchStatus::Offered => None,
    };
    Agreed {
        version: version.unwrap_or_default(),
        cipher: cipher.unwrap_or_default(),
        group,
        alpn,
        ech_accepted,
    }
}

/// The IANA name of a group.
pub(crate) fn kx_name(group: &dyn SupportedKxGroup) -> String {
    group_name(group.name().into())
}

/// The IANA name of a cipher suite.
pub(crate) fn cipher_name(suite: SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.replace("TLS13_", "TLS_")
}
