//! Handshakes, with certificates of every kind.

use crate::support::{Bench, code, refusing, replying, replying_once, resetting, server, silent};
use netsonde_data::FailureCode;
use netsonde_net::{Connection, NetConfig, NetError, RootsError, tls::HandshakeOptions};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use std::io::Write as _;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn issuer(&self) -> &rcgen::Issuer<'static, KeyPair> {
        &self.0
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server for `name` needs, after `change` had its way with the certificate.
    pub(crate) fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        config(vec![certificate.der().clone(), self.0.der().clone()], &key)
    }
}

fn config(chain: Vec<rustls::pki_types::CertificateDer<'static>>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// A server that shakes hands and sends back what it gets.
pub(crate) async fn echo(config: ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                stream.write_all(&buffer[..count]).await.unwrap();
            }
        }
    })
    .await
}

pub(crate) fn named(name: &str) -> HandshakeOptions {
    HandshakeOptions {
        server_name: Some(name.to_owned()),
        ..HandshakeOptions::default()
    }
}

pub(crate) async fn shake(
    bench: &Bench,
    address: SocketAddr,
    options: HandshakeOptions,
) -> Result<Connection, NetError> {
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    Ok(bench.net.handshake(&bench.tx, connection, options).await?)
}

/// The failure of a handshake as example.org with a server that `change` made different.
async fn failure(change: impl FnOnce(&mut CertificateParams)) -> (FailureCode, Bench) {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.org", change)).await;
    let code = code(shake(&bench, address, named("example.org")).await);
    let handshake = &bench.seen().tls_handshakes[0];
    assert_eq!(handshake.failure.as_ref(), Some(&code));
    assert_eq!(
        (handshake.tls_version.as_str(), handshake.cipher_suite.as_str()),
        ("", "")
    );
    assert_eq!(
        handshake.peer_certificates.len(),
        2,
        "certificates are recorded though they did not verify"
    );
    (code, bench)
}

#[tokio::test]
async fn a_good_handshake_is_seen_with_all_it_agreed_on() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.org", |_| {})).await;
    let options = HandshakeOptions {
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ..named("example.org")
    };
    let connection = shake(&bench, address, options).await.unwrap();
    assert_eq!(
        (connection.alpn(), connection.peer_certificates().len()),
        (Some("http/1.1"), 2)
    );
    assert_eq!(connection.remote(), address);

    let seen = bench.seen();
    let handshake = &seen.tls_handshakes[0];
    assert_eq!(
        (handshake.network.as_str(), handshake.address.clone()),
        ("tcp", address.to_string())
    );
    assert_eq!(
        (
            handshake.tls_version.as_str(),
            handshake.negotiated_protocol.as_str()
        ),
        ("TLSv1.3", "http/1.1")
    );
    assert!(
        handshake.cipher_suite.starts_with("TLS_"),
        "{}",
        handshake.cipher_suite
    );
    assert!(
        !handshake.cipher_suite.contains("TLS13"),
        "{}",
        handshake.cipher_suite
    );
    assert_eq!(
        (handshake.server_name.as_str(), handshake.no_tls_verify),
        ("example.org", false)
    );
    assert_eq!(
        (handshake.failure.clone(), handshake.peer_certificates.len()),
        (None, 2)
    );
    assert_eq!(
        (handshake.transaction_id, handshake.tags.as_slice()),
        (1, ["tag".to_owned()].as_slice())
    );

    let operations: Vec<_> = seen
        .network_events
        .iter()
        .map(|event| event.operation.as_str())
        .collect();
    assert_eq!(operations[..3], ["connect", "tls_handshake_start", "write"]);
    assert!(
        operations.contains(&"read") && operations.last() == Some(&"tls_handshake_done"),
        "{operations:?}"
    );
    let done = seen.network_events.last().unwrap();
    assert_eq!(
        (done.t.to_bits(), done.failure.clone()),
        (handshake.t.to_bits(), None)
    );
    assert_eq!(
        (done.address.clone(), done.proto.as_str()),
        (address.to_string(), "tcp")
    );
    assert!(
        seen.network_events.windows(2).all(|pair| pair[0].t <= pair[1].t),
        "in the order of time"
    );
}

#[tokio::test]
async fn bytes_pass_and_are_seen_as_ciphertext() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.org", |_| {})).await;
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    let before = bench.events("write").len();
    assert_eq!(bench.net.write(&connection, b"hello", None).await.unwrap(), 5);
    assert_eq!(
        &bench.net.read(&connection, 100, None).await.unwrap()[..],
        b"hello"
    );
    assert!(
        bench.events("write")[before].num_bytes > 5,
        "a record is longer than what it carries"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_invalid() {
    let (code, _) = failure(|params| params.not_after = date_time_ymd(2020, 1, 1)).await;
    assert_eq!(code, FailureCode::SSL_INVALID_CERTIFICATE);
}

#[tokio::test]
async fn a_certificate_of_the_future_is_invalid() {
    let (code, _) = failure(|params| params.not_before = date_time_ymd(3000, 1, 1)).await;
    assert_eq!(code, FailureCode::SSL_INVALID_CERTIFICATE);
}

#[tokio::test]
async fn a_certificate_for_clients_is_invalid() {
    let (code, _) =
        failure(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]).await;
    assert_eq!(code, FailureCode::SSL_INVALID_CERTIFICATE);
}

#[tokio::test]
async fn a_certificate_of_another_host_is_for_the_wrong_name() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("other.example", |_| {})).await;
    let result = shake(&bench, address, named("example.org")).await;
    assert_eq!(code(result), FailureCode::SSL_INVALID_HOSTNAME);
}

#[tokio::test]
async fn an_authority_nobody_knows_is_unknown() {
    let bench = Bench::new();
    let address = echo(Authority::new().server("example.org", |_| {})).await;
    let error = shake(&bench, address, named("example.org")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "TLS handshake with {address}: ssl_unknown_authority (invalid peer certificate: UnknownIssuer)"
        )
    );
    assert_eq!(bench.seen().tls_handshakes[0].peer_certificates.len(), 2);
}

#[tokio::test]
async fn an_unknown_authority_for_another_name_counts_as_the_name() {
    let bench = Bench::new();
    let address = echo(Authority::new().server("other.example", |_| {})).await;
    assert_eq!(
        code(shake(&bench, address, named("example.org")).await),
        FailureCode::SSL_INVALID_HOSTNAME
    );
}

#[tokio::test]
async fn self_signed_certificates_have_no_known_authority() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let bench = Bench::new();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["example.org".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        let address = echo(config(vec![certificate.der().clone()], &key)).await;
        assert_eq!(
            code(shake(&bench, address, named("example.org")).await),
            FailureCode::SSL_UNKNOWN_AUTHORITY
        );
    }
}

#[tokio::test]
async fn without_verification_anything_goes_and_is_recorded() {
    let bench = Bench::new();
    let address = echo(Authority::new().server("other.example", |_| {})).await;
    let options = HandshakeOptions {
        no_verify: true,
        ..named("example.org")
    };
    let connection = shake(&bench, address, options).await.unwrap();
    assert_eq!(connection.peer_certificates().len(), 2);
    let handshake = &bench.seen().tls_handshakes[0];
    assert!(handshake.no_tls_verify && handshake.failure.is_none());
}

#[tokio::test]
async fn own_roots_replace_all_others() {
    let (known, own) = (Authority::new(), Authority::new());
    let bench = Bench::trusting(&known.pem());
    let (at_known, at_own) = (
        echo(known.server("example.org", |_| {})).await,
        echo(own.server("example.org", |_| {})).await,
    );
    let options = HandshakeOptions {
        roots_pem: vec![own.pem()],
        ..named("example.org")
    };
    assert!(shake(&bench, at_own, options.clone()).await.is_ok());
    assert_eq!(
        code(shake(&bench, at_known, options).await),
        FailureCode::SSL_UNKNOWN_AUTHORITY
    );
    assert!(shake(&bench, at_known, named("example.org")).await.is_ok());
}

#[tokio::test]
async fn further_roots_leave_all_others_trusted() {
    let (known, own, further) = (Authority::new(), Authority::new(), Authority::new());
    let bench = Bench::trusting(&known.pem());
    let (at_known, at_own, at_further) = (
        echo(known.server("example.org", |_| {})).await,
        echo(own.server("example.org", |_| {})).await,
        echo(further.server("example.org", |_| {})).await,
    );
    let options = HandshakeOptions {
        extra_roots_pem: vec![further.pem()],
        ..named("example.org")
    };
    for address in [at_known, at_further] {
        assert!(shake(&bench, address, options.clone()).await.is_ok());
    }
    assert_eq!(
        code(shake(&bench, at_own, options.clone()).await),
        FailureCode::SSL_UNKNOWN_AUTHORITY
    );
    let options = HandshakeOptions {
        roots_pem: vec![own.pem()],
        ..options
    };
    for address in [at_own, at_further] {
        assert!(shake(&bench, address, options.clone()).await.is_ok());
    }
    assert_eq!(
        code(shake(&bench, at_known, options).await),
        FailureCode::SSL_UNKNOWN_AUTHORITY
    );
}

#[tokio::test]
async fn an_address_is_verified_and_not_sent() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("127.0.0.1", |_| {})).await;
    assert!(shake(&bench, address, named("127.0.0.1")).await.is_ok());
    assert!(shake(&bench, address, HandshakeOptions::default()).await.is_ok());
    let elsewhere = echo(authority.server("192.0.2.1", |_| {})).await;
    assert_eq!(
        code(shake(&bench, elsewhere, named("127.0.0.1")).await),
        FailureCode::SSL_INVALID_HOSTNAME
    );
}

#[tokio::test]
async fn a_reset_an_end_and_cleartext_are_told_apart() {
    let bench = Bench::new();
    let code_at = async |address| code(shake(&bench, address, named("example.org")).await);
    assert_eq!(code_at(resetting(b"").await).await, FailureCode::CONNECTION_RESET);
    assert_eq!(code_at(replying_once(b"").await).await, FailureCode::EOF_ERROR);
    assert_eq!(
        code_at(replying_once(b"HTTP/1.1 400 Bad Request\r\n\r\n").await)
            .await
            .as_str(),
        "unknown_failure: tls: first record does not look like a TLS handshake"
    );
    // TLS 1.2 records with an alert: fatal, unrecognized_name and handshake_failure.
    assert_eq!(
        code_at(replying(b"\x15\x03\x03\0\x02\x02\x70").await).await,
        FailureCode::SSL_INVALID_HOSTNAME
    );
    assert_eq!(
        code_at(replying(b"\x15\x03\x03\0\x02\x02\x28").await)
            .await
            .as_str(),
        "unknown_failure: remote error: tls: handshake failure"
    );
}

#[tokio::test]
async fn silence_ends_at_our_deadline_and_so_does_its_read() {
    let bench = Bench::new();
    let options = HandshakeOptions {
        timeout: Some(Duration::from_millis(100)),
        ..named("example.org")
    };
    assert_eq!(
        code(shake(&bench, silent().await, options).await),
        FailureCode::GENERIC_TIMEOUT_ERROR
    );
    let reads = bench.events("read");
    assert_eq!(reads.len(), 1);
    assert_eq!(reads[0].failure, Some(FailureCode::GENERIC_TIMEOUT_ERROR));
    let handshake = &bench.seen().tls_handshakes[0];
    assert!(
        (0.1..2.0).contains(&(handshake.t - handshake.t0)),
        "{handshake:?}"
    );
    assert!(handshake.peer_certificates.is_empty());
}

#[tokio::test]
async fn a_dropped_handshake_is_interrupted_and_closes() {
    let bench = Bench::new();
    let connection = bench.net.connect(&bench.tx, silent().await, None).await.unwrap();
    let (net, tx, held) = (bench.net.clone(), bench.tx.clone(), connection.clone());
    bench
        .drop_half_way(async move { net.handshake(&tx, connection, named("example.org")).await })
        .await;
    let seen = bench.seen();
    assert_eq!(seen.tls_handshakes[0].failure, Some(FailureCode::INTERRUPTED));
    assert_eq!(bench.events("read")[0].failure, Some(FailureCode::INTERRUPTED));
    assert_eq!(
        bench.events("tls_handshake_done")[0].t.to_bits(),
        seen.tls_handshakes[0].t.to_bits()
    );
    assert_eq!(
        code(bench.net.read(&held, 1, None).await),
        FailureCode::CONNECTION_ALREADY_CLOSED
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    let address = silent().await;
    let no_name = shake(&bench, address, named("not a name")).await.unwrap_err();
    assert!(no_name.to_string().contains("not a name"), "{no_name}");
    let options = HandshakeOptions {
        roots_pem: vec!["nonsense".to_owned()],
        ..named("example.org")
    };
    let no_roots = shake(&bench, address, options).await.unwrap_err();
    assert!(
        no_roots.to_string().contains("text 1 of 1 holds no certificate"),
        "{no_roots}"
    );
    assert!(bench.seen().tls_handshakes.is_empty() && bench.events("write").is_empty());
}

#[tokio::test]
async fn a_root_that_is_no_certificate_is_named_and_an_odd_one_does_not_spoil_the_rest() {
    let authority = Authority::new();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let net = |pem: Vec<String>| {
        let trace = netsonde_net::Trace::new(netsonde_net::Clock::start());
        let meter = Arc::new(netsonde_net::Meter::new(netsonde_net::Budget::default()));
        let config = NetConfig {
            extra_roots_pem: pem,
            ..NetConfig::default()
        };
        netsonde_net::Net::new(&config, trace, meter)
    };
    let error = net(vec![authority.pem(), "none".to_owned()]).unwrap_err();
    assert_eq!(
        error,
        RootsError::Empty {
            position: 2,
            count: 2
        }
    );
    assert!(matches!(
        net(vec![broken.to_owned()]),
        Err(RootsError::NoneUsable { certificates: 1, .. })
    ));
    assert!(net(vec![broken.to_owned(), authority.pem()]).is_ok());
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    assert!(matches!(
        net(vec![cut.to_owned()]),
        Err(RootsError::NotPem { position: 1, .. })
    ));
}

#[test]
fn old_roots_of_a_script_can_be_used() {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/scripts/seed_full.jsonc"
    );
    let Ok(script) = std::fs::read_to_string(script) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no {script}");
        return;
    };
    let end = "-----END CERTIFICATE-----";
    let texts = script
        .match_indices("-----BEGIN CERTIFICATE-----")
        .map(|(begin, _)| {
            let length = script[begin..].find(end).unwrap() + end.len();
            script[begin..begin + length].replace("\\n", "\n")
        });
    let texts: Vec<String> = texts.collect();
    assert!(texts.len() >= 2, "{texts:?}");
    Bench::trusting(&texts.concat());
    for text in texts {
        Bench::trusting(&text);
    }
}

#[tokio::test]
async fn a_connection_shakes_hands_once() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.org", |_| {})).await;
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    let again = bench
        .net
        .handshake(&bench.tx, connection, named("example.org"))
        .await
        .map_err(NetError::from);
    assert_eq!(code(again), FailureCode::INVALID_ARGUMENT);
    assert_eq!(
        code(bench.net.connect(&bench.tx, refusing().await, None).await),
        FailureCode::CONNECTION_REFUSED
    );
}
