//! Old versions of TLS, with OpenSSL's server where there is one.

use crate::{
    support::{Bench, code},
    tls::{Authority, named, shake},
};
use netsonde_net::tls::{BackendName, HandshakeOptions, Version, Versions};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

/// `openssl s_server`, which ends with this.
struct OpenSsl {
    process: Child,
    address: SocketAddr,
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl OpenSsl {
    /// A server for example.org that speaks one version only; none, said loudly, where OpenSSL is not there.
    fn start(test: &str, authority: &Authority, version: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = CertificateParams::new(["example.org".to_owned()])
            .unwrap()
            .signed_by(&key, authority.issuer())
            .unwrap();
        let path = folder.path().join("server.pem");
        std::fs::write(&path, format!("{}{}", certificate.pem(), key.serialize_pem())).unwrap();
        let spawned = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-rev", version])
            .args(["-cipher", "DEFAULT@SECLEVEL=0", "-cert"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut process) = spawned else {
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: there is no openssl");
            return None;
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ")?.parse().ok());
        let Some(address) = address else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED {test}: openssl does not speak {version}"
            );
            return None;
        };
        Some(Self { process, address })
    }
}

fn only(version: Version, backend: BackendName) -> HandshakeOptions {
    HandshakeOptions {
        versions: Some(Versions::new(version, version).unwrap()),
        backend,
        ..named("example.org")
    }
}

#[tokio::test]
async fn a_server_too_old_for_us_says_so() {
    let authority = Authority::new();
    let Some(server) = OpenSsl::start("a_server_too_old_for_us_says_so", &authority, "-tls1") else {
        return;
    };
    let bench = Bench::trusting(&authority.pem());
    let failed = code(shake(&bench, server.address, named("example.org")).await);
    let seen = &bench.seen().tls_handshakes[0];
    assert_eq!(
        failed.as_str(),
        "unknown_failure: remote error: tls: protocol version not supported"
    );
    assert_eq!(
        seen.x_failure_detail.as_deref(),
        Some("alert received: ProtocolVersion (70)")
    );
    assert!(seen.peer_certificates.is_empty() && seen.tls_version.is_empty());
}

#[tokio::test]
async fn one_version_is_offered_where_one_is_asked_for() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    for (flag, version, name, ja4) in [
        ("-tls1_2", Version::Tls12, "TLSv1.2", "t12d"),
        ("-tls1_3", Version::Tls13, "TLSv1.3", "t13d"),
    ] {
        let Some(server) = OpenSsl::start("one_version_is_offered_where_one_is_asked_for", &authority, flag)
        else {
            return;
        };
        let connection = shake(&bench, server.address, only(version, BackendName::Rustls))
            .await
            .unwrap();
        assert_eq!(connection.tls_version(), Some(name));
        let seen = bench.seen().tls_handshakes.pop().unwrap();
        assert!(seen.x_ja4.unwrap().starts_with(ja4));
        // The server takes one connection at a time.
        drop(connection);
        let other = match version {
            Version::Tls12 => Version::Tls13,
            _ => Version::Tls12,
        };
        let failed = code(shake(&bench, server.address, only(other, BackendName::Rustls)).await);
        assert!(failed.is_unknown(), "{failed}");
    }
}

#[cfg(feature = "boringssl")]
#[tokio::test]
async fn boringssl_speaks_what_is_old() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    for (flag, version, name, ja4) in [
        ("-tls1", Version::Tls10, "TLSv1", "t10d"),
        ("-tls1_1", Version::Tls11, "TLSv1.1", "t11d"),
    ] {
        let Some(server) = OpenSsl::start("boringssl_speaks_what_is_old", &authority, flag) else {
            return;
        };
        let connection = shake(&bench, server.address, only(version, BackendName::BoringSsl))
            .await
            .unwrap();
        assert_eq!(connection.tls_version(), Some(name));
        bench.net.write(&connection, b"abc\n", None).await.unwrap();
        assert_eq!(
            bench.net.read(&connection, 10, None).await.unwrap().as_ref(),
            b"cba\n"
        );
        let seen = bench.seen().tls_handshakes.pop().unwrap();
        assert_eq!(seen.tls_version, name);
        assert!(
            seen.cipher_suite.starts_with("TLS_ECDHE_ECDSA_WITH_AES_"),
            "{}",
            seen.cipher_suite
        );
        assert!(seen.x_ja4.as_deref().unwrap().starts_with(ja4), "{seen:?}");
        assert_eq!(seen.x_backend.as_deref(), Some("boringssl"));
    }
}
