//! Certificates: one authority the lab's clients trust, one that nobody trusts, and what hosts show.

use super::ServeError;
use crate::ech::Ech;
use crate::scenario::{Alpn, Certificate, Host};
use quinn::crypto::rustls::QuicServerConfig;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// The name on the certificate of a host whose certificate is for another.
const WRONG_HOST: &str = "wrong.host.test";

/// Why a certificate cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    #[error("{0}")]
    Sign(#[from] rcgen::Error),
    #[error("{0}")]
    Serve(#[from] rustls::Error),
    #[error("{0}")]
    Quic(quinn::crypto::rustls::NoInitialCipherSuite),
    #[cfg(feature = "boringssl")]
    #[error("{0}")]
    Old(boring::error::ErrorStack),
}

/// Both authorities.
pub(crate) struct Pki {
    trusted: Authority,
    unknown: Authority,
    provider: Arc<CryptoProvider>,
}

/// A certificate and its private key.
pub(super) struct Issued {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Result<Self, PkiError> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }
}

impl Pki {
    pub(crate) fn new() -> Result<Self, PkiError> {
        Ok(Self {
            trusted: Authority::new("netsonde lab authority")?,
            unknown: Authority::new("netsonde lab authority that nobody trusts")?,
            provider: crate::ech::crypto_provider(),
        })
    }

    /// The certificate of the authority that the lab's clients trust.
    pub(crate) fn trusted_pem(&self) -> &str {
        &self.trusted.pem
    }

    /// The TLS side of a web server with these hosts: certificates by SNI, ALPN as the first of them says.
    pub(crate) fn server(&self, hosts: &[&Host]) -> Result<TlsAcceptor, ServeError> {
        let alpn = hosts.first().map_or_else(Vec::new, |host| {
            let names = host.alpn.iter().map(|alpn| match alpn {
                Alpn::H2 => b"h2".to_vec(),
                Alpn::Http11 => b"http/1.1".to_vec(),
            });
            names.collect()
        });
        let config = self.config(hosts, alpn).map_err(refused(hosts))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// The TLS side of a resolver.
    pub(crate) fn dot(&self, hosts: &[&Host]) -> Result<TlsAcceptor, ServeError> {
        let config = self
            .config(hosts, vec![b"dot".to_vec()])
            .map_err(refused(hosts))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// The TLS side of a server over QUIC that speaks one protocol.
    pub(crate) fn quic(
        &self,
        hosts: &[&Host],
        alpn: &str,
        ech: Option<Arc<Ech>>,
    ) -> Result<quinn::ServerConfig, ServeError> {
        let config = self.config(hosts, vec![alpn.into()]).map_err(refused(hosts))?;
        let config =
            QuicServerConfig::try_from(config).map_err(|error| refused(hosts)(PkiError::Quic(error)))?;
        let plain = Arc::new(config);
        Ok(quinn::ServerConfig::with_crypto(match ech {
            Some(ech) => Arc::new(crate::ech::quic::Config { plain, ech }),
            None => plain,
        }))
    }

    /// The TLS side of a web server that speaks old versions of TLS only.
    #[cfg(feature = "boringssl")]
    pub(crate) fn old_tls(&self, host: &Host) -> Result<boring::ssl::SslContext, ServeError> {
        let issued = self.issue(host).map_err(refused(&[host]))?;
        super::old_tls::context(&issued).map_err(|error| refused(&[host])(PkiError::Old(error)))
    }

    fn config(&self, hosts: &[&Host], alpn: Vec<Vec<u8>>) -> Result<rustls::ServerConfig, PkiError> {
        let mut certificates = Vec::new();
        for host in hosts {
            let names = shown(host).map(str::to_ascii_lowercase).collect();
            certificates.push((names, Arc::new(self.certify(host)?)));
        }
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ByName(certificates)));
        config.alpn_protocols = alpn;
        Ok(config)
    }

    /// The certificate a host shows, as rustls takes it.
    fn certify(&self, host: &Host) -> Result<CertifiedKey, PkiError> {
        let Issued { certificate, key } = self.issue(host)?;
        let key = self.provider.key_provider.load_private_key(key)?;
        Ok(CertifiedKey::new(vec![certificate], key))
    }

    /// The certificate a host shows, and its private key, as text for programs.
    pub(crate) fn pem(&self, host: &Host) -> Result<(String, String), ServeError> {
        let (certificate, key) = self.sign(host).map_err(refused(&[host]))?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// The same as rustls's types.
    fn issue(&self, host: &Host) -> Result<Issued, PkiError> {
        let (certificate, key) = self.sign(host)?;
        Ok(Issued {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        })
    }

    /// Makes the certificate a host shows, with a key of its own.
    fn sign(&self, host: &Host) -> Result<(rcgen::Certificate, KeyPair), PkiError> {
        let own = shown(host)
            .map(str::to_owned)
            .chain(host.addresses.iter().map(ToString::to_string));
        let names: Vec<String> = match host.certificate {
            Certificate::WrongHost => vec![WRONG_HOST.to_owned()],
            Certificate::Valid | Certificate::Expired | Certificate::UnknownAuthority => own.collect(),
        };
        let mut params = CertificateParams::new(names.clone())?;
        params
            .distinguished_name
            .push(DnType::CommonName, names.into_iter().next().unwrap_or_default());
        if host.certificate == Certificate::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let authority = match host.certificate {
            Certificate::UnknownAuthority => &self.unknown,
            Certificate::Valid | Certificate::Expired | Certificate::WrongHost => &self.trusted,
        };
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &authority.issuer)?, key))
    }
}

/// The names a host's certificate is for.
fn shown(host: &Host) -> impl Iterator<Item = &str> {
    host.names()
        .chain(host.certificate_names.iter().map(String::as_str))
        .chain(host.ech.iter().map(|ech| ech.public_name.as_str()))
}

fn refused(hosts: &[&Host]) -> impl FnOnce(PkiError) -> ServeError {
    let host = hosts.first().map(|host| host.name.clone()).unwrap_or_default();
    move |source| ServeError::Certificate { host, source }
}

/// Certificates by server name; the first stands in for names nobody has, and for none.
#[derive(Debug)]
struct ByName(Vec<(Vec<String>, Arc<CertifiedKey>)>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().map(str::to_ascii_lowercase);
        let named = asked.and_then(|asked| self.0.iter().find(|(names, _)| names.contains(&asked)));
        named.or(self.0.first()).map(|(_, key)| Arc::clone(key))
    }
}
