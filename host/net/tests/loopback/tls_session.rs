//! TLS whose bytes the caller carries: here over a socket of the test's own, in frames of three bytes at most.

use crate::{
    support::{Bench, code},
    tls::{Authority, echo, named},
};
use netsonde_data::FailureCode;
use netsonde_net::{
    NetError,
    tls::{HandshakeOptions, Identity, TlsSession},
};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Carries what a session has to say, and hands over what comes, a few bytes at a time.
struct Carrier(TcpStream);

impl Carrier {
    async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, session: &mut TlsSession) {
        for frame in session.outgoing().chunks(3) {
            self.0.write_all(frame).await.unwrap();
        }
    }

    async fn receive(&mut self, session: &mut TlsSession) -> Result<(), NetError> {
        let mut buffer = [0; 3];
        let count = self.0.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the server hung up");
        Ok(session.receive(&buffer[..count])?)
    }

    /// To the end of the handshake, which waits for the server to have had its say.
    async fn shake(&mut self, session: &mut TlsSession) -> Result<(), NetError> {
        while session.is_handshaking() {
            self.send(session).await;
            self.receive(session).await?;
        }
        self.send(session).await;
        Ok(())
    }

    async fn read(&mut self, session: &mut TlsSession) -> Vec<u8> {
        loop {
            let bytes = session.read(100).unwrap();
            if !bytes.is_empty() {
                return bytes;
            }
            self.receive(session).await.unwrap();
        }
    }
}

/// A server that only talks to clients of its authority, and such a client.
pub(crate) fn strict(authority: &Authority) -> (ServerConfig, HandshakeOptions) {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let verifier = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["example.org".to_owned()])
        .unwrap()
        .signed_by(&key, authority.issuer())
        .unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let options = HandshakeOptions {
        identity: Some(Identity {
            certificates_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }),
        ..named("example.org")
    };
    (config, options)
}

#[tokio::test]
async fn a_session_shakes_hands_and_talks_over_frames_of_any_kind() {
    let authority = Authority::new();
    let (config, options) = strict(&authority);
    let address = echo(config).await;
    let bench = Bench::trusting(&authority.pem());
    let mut session = bench
        .net
        .tls_session(&bench.tx, &options, "udp", address)
        .unwrap();
    assert!(bench.seen().tls_handshakes.is_empty());
    let early = code(session.write(b"too early"));
    assert_eq!(early, FailureCode::NOT_CONNECTED);

    let mut carrier = Carrier::to(address).await;
    carrier.shake(&mut session).await.unwrap();
    assert_eq!(session.peer_certificates().len(), 1);
    for text in [b"first".as_slice(), b"second"] {
        assert_eq!(session.write(text).unwrap(), text.len());
        carrier.send(&mut session).await;
        assert_eq!(carrier.read(&mut session).await, text);
    }
    session.close();
    assert!(!session.outgoing().is_empty(), "the end is announced");

    let seen = bench.seen();
    let handshake = &seen.tls_handshakes[0];
    assert_eq!(
        (handshake.network.as_str(), handshake.address.clone()),
        ("udp", address.to_string())
    );
    assert_eq!(
        (handshake.failure.clone(), handshake.tls_version.as_str()),
        (None, "TLSv1.3")
    );
    assert!(handshake.x_ja4.as_deref().unwrap().starts_with("t13d"));
    drop(session);
    assert_eq!(bench.seen().tls_handshakes.len(), 1);
    let operations: Vec<_> = seen
        .network_events
        .iter()
        .map(|event| event.operation.as_str())
        .collect();
    assert_eq!(operations, ["tls_handshake_start", "tls_handshake_done"]);
    assert_eq!(seen.network_events[0].proto, "udp");
}

#[tokio::test]
async fn a_failure_stays_one_and_leaves_an_alert_to_send() {
    let (authority, unknown) = (Authority::new(), Authority::new());
    let address = echo(unknown.server("example.org", |_| {})).await;
    let bench = Bench::trusting(&authority.pem());
    let mut session = bench
        .net
        .tls_session(&bench.tx, &named("example.org"), "tcp", address)
        .unwrap();
    let failed = code(Carrier::to(address).await.shake(&mut session).await);
    assert_eq!(failed, FailureCode::SSL_UNKNOWN_AUTHORITY);
    assert!(!session.is_handshaking());
    assert_eq!(session.peer_certificates().len(), 2);
    assert!(!session.outgoing().is_empty(), "the server is told");
    assert_eq!(code(session.read(1)), FailureCode::SSL_UNKNOWN_AUTHORITY);
    drop(session);
    let seen = bench.seen().tls_handshakes;
    assert_eq!((seen.len(), seen[0].failure.clone()), (1, Some(failed)));
    assert_eq!(seen[0].peer_certificates.len(), 2);
}

#[tokio::test]
async fn a_session_that_is_dropped_or_late_says_so() {
    let bench = Bench::new();
    let remote = "192.0.2.1:1194".parse().unwrap();
    let begin =
        |options: &HandshakeOptions| bench.net.tls_session(&bench.tx, options, "tcp", remote).unwrap();
    drop(begin(&named("example.org")));
    let options = HandshakeOptions {
        timeout: Some(Duration::from_millis(1)),
        ..named("example.org")
    };
    let mut late = begin(&options);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let failed = late.receive(b"").unwrap_err();
    assert_eq!(code::<()>(Err(failed.error)), FailureCode::GENERIC_TIMEOUT_ERROR);
    let failures: Vec<_> = bench
        .seen()
        .tls_handshakes
        .into_iter()
        .map(|seen| seen.failure)
        .collect();
    assert_eq!(
        failures,
        [
            Some(FailureCode::INTERRUPTED),
            Some(FailureCode::GENERIC_TIMEOUT_ERROR)
        ]
    );
}

#[tokio::test]
async fn a_session_holds_so_much_and_no_more() {
    let bench = Bench::new();
    let remote = "192.0.2.1:1194".parse().unwrap();
    let mut session = bench
        .net
        .tls_session(&bench.tx, &named("example.org"), "tcp", remote)
        .unwrap();
    let failed = session.receive(&vec![22; TlsSession::BUFFERED + 1]).unwrap_err();
    assert_eq!(code::<()>(Err(failed.error)), FailureCode::INVALID_ARGUMENT);
    let options = HandshakeOptions {
        split_hello_at: Some(1),
        ..named("example.org")
    };
    let refused = bench
        .net
        .tls_session(&bench.tx, &options, "tcp", remote)
        .unwrap_err();
    assert!(refused.to_string().contains("who carries"), "{refused}");
}

#[tokio::test]
async fn a_session_takes_no_more_than_it_can_hold() {
    let authority = Authority::new();
    let (config, options) = strict(&authority);
    let address = echo(config).await;
    let bench = Bench::trusting(&authority.pem());
    let mut session = bench
        .net
        .tls_session(&bench.tx, &options, "tcp", address)
        .unwrap();
    let mut carrier = Carrier::to(address).await;
    carrier.shake(&mut session).await.unwrap();
    let plaintext = vec![b'x'; 16 << 20];
    assert_eq!(session.write(&plaintext).unwrap(), TlsSession::BUFFERED);
    assert_eq!(code(session.write(&plaintext)), FailureCode::INVALID_ARGUMENT);
    let held = session.outgoing().len();
    assert!(held < TlsSession::BUFFERED + 4_096, "{held}");
}
