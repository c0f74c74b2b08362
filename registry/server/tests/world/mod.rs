//! A small world on loopback: a resolver over HTTPS with names as told, web servers that answer as told, and the binary
//! that is asked about them. Tests and the load bench share it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "test code: what is not as expected should fail the test"
)]

pub mod helper;
pub mod load;
pub mod origin;
pub mod resolver;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use resolver::Zone;
use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

/// What the test's servers have certificates from.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for these names or addresses, and its key, both PEM.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap();
        let certificate = certificate.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// TLS as a server of these names or addresses.
    pub fn acceptor(&self, names: &[&str], alpn: &[&str]) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.server_config(names, alpn)))
    }

    pub fn server_config(&self, names: &[&str], alpn: &[&str]) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap();
        let certificate = certificate.signed_by(&key, &self.issuer).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }
}

/// The world: an authority, a resolver, and a folder for files.
pub struct World {
    pub authority: Authority,
    pub zone: Zone,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let authority = Authority::new();
        let zone = Zone::start(&authority).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        Self {
            authority,
            zone,
            folder,
        }
    }
}

/// A loopback address that nobody else is likely to use at this moment.
pub fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = std::process::id().wrapping_mul(61) ^ NEXT.fetch_add(1, Ordering::Relaxed);
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(127, a | 0x40, b, c | 1)
}

/// Whether this process may listen on 443; if not, says that the test is skipped.
pub fn may_serve_443(test: &str) -> bool {
    let bound = TcpListener::bind((own_address(), 443));
    if let Err(error) = &bound {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: listen on port 443: {error}");
    }
    bound.is_ok()
}
