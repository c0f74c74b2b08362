//! QUIC handshakes, and exchanges on streams.

use crate::{
    support::{Bench, code},
    tls::{Authority, named},
};
use netsonde_data::{FailureCode, failure::Operation, observation::TlsHandshake};
use netsonde_net::{
    Connection,
    tls::{HandshakeError, HandshakeOptions},
};
use quinn::{Endpoint, crypto::rustls::QuicServerConfig};
use rcgen::{CertificateParams, date_time_ymd};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// What a server for `name` shakes hands with.
pub(crate) fn server_config(
    authority: &Authority,
    name: &str,
    alpn: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> quinn::ServerConfig {
    let mut tls = authority.server(name, change);
    tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()))
}

/// A server that sends back what each stream brings, until one brings `hold`.
pub(crate) fn echo(config: quinn::ServerConfig) -> (SocketAddr, Endpoint) {
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let accepting = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            tokio::spawn(async move {
                let Ok(connection) = incoming.await else { return };
                while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                    let bytes = receive.read_to_end(1 << 20).await.unwrap();
                    if bytes == b"hold" {
                        std::future::pending::<()>().await;
                    }
                    send.write_all(&bytes).await.unwrap();
                    send.finish().unwrap();
                }
            });
        }
    });
    (address, endpoint)
}

pub(crate) async fn shake(
    bench: &Bench,
    address: SocketAddr,
    options: HandshakeOptions,
) -> Result<Connection, HandshakeError> {
    bench.net.quic_handshake(&bench.tx, address, options).await
}

pub(crate) fn only(bench: &Bench) -> TlsHandshake {
    let mut handshakes = bench.seen().quic_handshakes;
    assert_eq!(handshakes.len(), 1, "{handshakes:#?}");
    handshakes.remove(0)
}

#[tokio::test]
async fn a_good_handshake_is_seen_with_all_it_agreed_on() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = echo(server_config(&authority, "example.org", "h3", |_| {}));
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    assert_eq!(
        (
            connection.alpn(),
            connection.peer_certificates().len(),
            connection.remote()
        ),
        (Some("h3"), 2, address)
    );
    let handshake = only(&bench);
    assert_eq!(
        (
            handshake.network.as_str(),
            handshake.address.clone(),
            handshake.server_name.as_str()
        ),
        ("udp", address.to_string(), "example.org")
    );
    assert_eq!(
        (
            handshake.tls_version.as_str(),
            handshake.negotiated_protocol.as_str()
        ),
        ("TLSv1.3", "h3")
    );
    assert!(
        handshake.cipher_suite.starts_with("TLS_"),
        "{}",
        handshake.cipher_suite
    );
    assert_eq!((handshake.failure, handshake.x_quic_version), (None, Some(1)));
    let ja4 = handshake.x_ja4.unwrap();
    assert!(ja4.starts_with("q13d"), "{ja4}");
    let start = &bench.events("quic_handshake_start")[0];
    let done = &bench.events("quic_handshake_done")[0];
    assert_eq!((start.t, done.t), (handshake.t0, handshake.t));
    assert_eq!(
        (start.proto.as_str(), start.address.clone()),
        ("udp", address.to_string())
    );
}

#[tokio::test]
async fn each_datagram_is_an_event_and_counted() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = echo(server_config(&authority, "example.org", "doq", |_| {}));
    let options = HandshakeOptions {
        alpn: vec!["doq".to_owned()],
        ..named("example.org")
    };
    let connection = shake(&bench, address, options).await.unwrap();
    let within = Duration::from_secs(10);
    let request = vec![7; 100_000];
    let reply = bench
        .net
        .quic_exchange(&connection, &request, 200_000, within, Operation::DnsRoundTrip)
        .await;
    assert_eq!(reply.unwrap(), request);
    let events = |operation| {
        let events = bench.events(operation);
        assert!(events.iter().all(|event| event.proto == "udp"
            && event.address == address.to_string()
            && event.failure.is_none()
            && event.tags == ["tag"]
            && event.t0 <= event.t));
        let sizes: Vec<_> = events.iter().map(|event| event.num_bytes).collect();
        assert!(
            sizes.iter().all(|size| (20..=1472).contains(size)),
            "{operation}: {sizes:?}"
        );
        sizes.iter().sum::<u64>()
    };
    let (sent, received) = (events("write_to"), events("read_from"));
    assert!(sent > 100_000 && received > 100_000, "{sent} {received}");
    let used = bench.net.meter().used();
    assert_eq!(
        (used.connections, used.bytes_sent, used.bytes_received),
        (1, sent, received)
    );
}

#[tokio::test]
async fn a_reply_that_is_too_long_or_never_comes_fails_the_exchange_alone() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = echo(server_config(&authority, "example.org", "h3", |_| {}));
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    let exchange = |request: &'static [u8], limit, within| {
        bench
            .net
            .quic_exchange(&connection, request, limit, within, Operation::DnsRoundTrip)
    };
    let within = Duration::from_secs(10);
    assert_eq!(
        code(exchange(b"four", 3, within).await),
        FailureCode::MESSAGE_SIZE
    );
    assert_eq!(exchange(b"four", 4, within).await.unwrap(), "four");
    let within = Duration::from_millis(300);
    assert_eq!(
        code(exchange(b"hold", 4, within).await),
        FailureCode::GENERIC_TIMEOUT_ERROR
    );
}

/// The failure of a handshake as example.org with a server that `change` made different.
async fn failure(change: impl FnOnce(&mut CertificateParams)) -> FailureCode {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = echo(server_config(&authority, "example.org", "h3", change));
    let code = code(shake(&bench, address, named("example.org")).await);
    let handshake = only(&bench);
    assert_eq!(handshake.failure.as_ref(), Some(&code));
    assert_eq!(
        (
            handshake.tls_version.as_str(),
            handshake.negotiated_protocol.as_str()
        ),
        ("TLSv1.3", "h3"),
        "what was agreed on before the certificate was refused"
    );
    assert_eq!(handshake.peer_certificates.len(), 2);
    let detail = handshake.x_failure_detail.unwrap();
    assert!(
        detail.starts_with("CRYPTO_ERROR 0x1") && detail.contains("(local)"),
        "{detail}"
    );
    code
}

#[tokio::test]
async fn a_bad_certificate_fails_as_over_tcp_and_is_recorded() {
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    assert_eq!(failure(expired).await, FailureCode::SSL_INVALID_CERTIFICATE);
    let of_another = |params: &mut CertificateParams| {
        *params = CertificateParams::new(["other.example".to_owned()]).unwrap();
    };
    assert_eq!(failure(of_another).await, FailureCode::SSL_INVALID_HOSTNAME);
}

#[tokio::test]
async fn an_unknown_authority_fails_unless_nothing_is_verified_or_it_is_given() {
    let authority = Authority::new();
    let bench = Bench::new();
    let (address, _server) = echo(server_config(&authority, "example.org", "h3", |_| {}));
    assert_eq!(
        code(shake(&bench, address, named("example.org")).await),
        FailureCode::SSL_UNKNOWN_AUTHORITY
    );
    let unverified = HandshakeOptions {
        no_verify: true,
        ..named("example.org")
    };
    shake(&bench, address, unverified).await.unwrap();
    let given = HandshakeOptions {
        roots_pem: vec![authority.pem()],
        ..named("example.org")
    };
    shake(&bench, address, given).await.unwrap();
}

#[tokio::test]
async fn a_server_that_speaks_no_protocol_of_ours_says_so() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = echo(server_config(&authority, "example.org", "doq", |_| {}));
    let failure = code(shake(&bench, address, named("example.org")).await);
    assert!(
        failure
            .as_str()
            .starts_with("unknown_failure: CRYPTO_ERROR 0x178 (remote): tls: no application protocol"),
        "{failure}"
    );
}

#[tokio::test]
async fn nobody_listening_is_refused_at_once() {
    let closed = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bench = Bench::new();
    assert_eq!(
        code(shake(&bench, closed, named("example.org")).await),
        FailureCode::CONNECTION_REFUSED
    );
    let handshake = only(&bench);
    assert_eq!(handshake.failure, Some(FailureCode::CONNECTION_REFUSED));
    assert!(handshake.t - handshake.t0 < 1.0);
    let events = bench.seen().network_events;
    assert!(
        events
            .iter()
            .any(|event| event.failure == Some(FailureCode::CONNECTION_REFUSED)
                && ["read_from", "write_to"].contains(&event.operation.as_str())),
        "{events:#?}"
    );
}
