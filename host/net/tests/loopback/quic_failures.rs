//! QUIC handshakes and connections that fail, and what is seen of them.

use crate::{
    quic::{echo, only, server_config, shake},
    support::{Bench, code},
    tls::{Authority, named},
};
use netsonde_data::{FailureCode, failure::Operation};
use netsonde_net::{
    Budget, Class, Connection, Destinations, Named, NetConfig, NetError, Rules, Scope, UdpOptions,
    tls::HandshakeOptions,
};
use quinn::{
    Endpoint, EndpointConfig, TokioRuntime, TransportConfig,
    crypto::{CryptoError, HmacKey},
};
use quinn_proto::HashedConnectionIdGenerator;
use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

const DRAFT_29: u32 = 0xff00_001d;
const DENIED: &str = "unknown_failure: denied by destination policy";

/// A socket that takes datagrams and answers none.
fn silent() -> (SocketAddr, UdpSocket) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// Say something and hear what comes back.
async fn exchange(bench: &Bench, connection: &Connection) -> Result<bytes::Bytes, NetError> {
    let within = Duration::from_secs(10);
    bench
        .net
        .quic_exchange(connection, b"?", 10, within, Operation::DnsRoundTrip)
        .await
}

/// A server that speaks draft 29 only.
fn drafty(authority: &Authority) -> (SocketAddr, Endpoint) {
    let mut config = EndpointConfig::default();
    config.supported_versions(vec![DRAFT_29]);
    let (address, socket) = silent();
    let server = server_config(authority, "example.org", "h3", |_| {});
    let endpoint = Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).unwrap();
    let accepting = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            let connection = incoming.await.unwrap();
            tokio::spawn(async move { connection.closed().await });
        }
    });
    (address, endpoint)
}

#[tokio::test]
async fn a_server_without_our_version_names_its_own() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = drafty(&authority);
    assert_eq!(
        code(shake(&bench, address, named("example.org")).await),
        FailureCode::QUIC_INCOMPATIBLE_VERSION
    );
    let handshake = only(&bench);
    assert_eq!(handshake.failure, Some(FailureCode::QUIC_INCOMPATIBLE_VERSION));
    assert_eq!(handshake.x_quic_version, Some(1));
    let offered = handshake.x_quic_version_negotiation.unwrap();
    assert!(
        offered.contains(&DRAFT_29) && !offered.contains(&1),
        "{offered:x?}"
    );
    assert!(handshake.x_ja4.is_some() && handshake.tls_version.is_empty());
}

#[tokio::test]
async fn the_next_of_our_versions_that_the_server_named_is_tried() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = drafty(&authority);
    let options = HandshakeOptions {
        quic_versions: vec![1, 0xff00_0020, DRAFT_29],
        ..named("example.org")
    };
    shake(&bench, address, options).await.unwrap();
    let handshake = only(&bench);
    assert_eq!(
        (handshake.failure, handshake.x_quic_version),
        (None, Some(DRAFT_29))
    );
    assert!(handshake.x_quic_version_negotiation.is_some());
}

#[tokio::test]
async fn silence_is_a_timeout_with_the_datagrams_that_were_sent_into_it() {
    let bench = Bench::new();
    let (address, _socket) = silent();
    let options = HandshakeOptions {
        timeout: Some(Duration::from_millis(300)),
        ..named("example.org")
    };
    assert_eq!(
        code(shake(&bench, address, options).await),
        FailureCode::GENERIC_TIMEOUT_ERROR
    );
    let handshake = only(&bench);
    assert!(handshake.t - handshake.t0 >= 0.3);
    assert!(handshake.x_ja4.is_some() && handshake.peer_certificates.is_empty());
    let sent = bench.events("write_to");
    assert!(sent.iter().all(|event| event.num_bytes >= 1200), "{sent:#?}");
    let waited = &bench.events("read_from")[0];
    assert_eq!(waited.failure, Some(FailureCode::GENERIC_TIMEOUT_ERROR));
}

#[tokio::test]
async fn a_dropped_handshake_was_interrupted() {
    let bench = Bench::new();
    let (address, _socket) = silent();
    let (net, tx) = (bench.net.clone(), bench.tx.clone());
    bench
        .drop_half_way(async move { net.quic_handshake(&tx, address, named("example.org")).await })
        .await;
    assert_eq!(only(&bench).failure, Some(FailureCode::INTERRUPTED));
    assert_eq!(bench.events("quic_handshake_done").len(), 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    let (address, _socket) = silent();
    let version = HandshakeOptions {
        quic_versions: vec![1, 2],
        ..named("example.org")
    };
    for options in [version, named("no name")] {
        let failure = code(shake(&bench, address, options).await);
        assert_eq!(failure, FailureCode::INVALID_ARGUMENT);
    }
    assert_eq!(bench.seen(), netsonde_data::Observations::default());
}

#[tokio::test]
async fn a_destination_that_is_denied_is_an_observation() {
    let bench = Bench::with(&NetConfig::default(), Budget::default());
    let (address, _socket) = silent();
    let denied = code(shake(&bench, address, named("example.org")).await);
    assert_eq!(denied.as_str(), DENIED);
    assert_eq!(only(&bench).failure, Some(denied));
    assert_eq!(bench.seen().network_events, []);
}

#[tokio::test]
async fn repetitions_are_datagrams_too_where_nobody_answers() {
    let (address, server) = silent();
    server.set_nonblocking(true).unwrap();
    let arrived = || std::iter::from_fn(|| server.recv(&mut [0; 2048]).ok()).count();
    let mut targets = Named::default();
    targets.add_text(&address.to_string());
    let rules = Rules {
        classes: [Class::Targets].into(),
        targets,
        allowed: [Scope::Loopback].into(),
        ..Rules::default()
    };
    let config = NetConfig {
        destinations: Destinations::Ruled(Box::new(rules)),
        ..NetConfig::default()
    };
    let bench = Bench::with(&config, Budget::default());
    let socket = bench.net.udp_open(&bench.tx, UdpOptions::default()).unwrap();
    for _ in 0..253 {
        bench.net.udp_send(&socket, address, b"?", None).await.unwrap();
    }
    assert_eq!(arrived(), 253);
    // One handshake more is begun, and not repeated to the end.
    let denied = code(shake(&bench, address, named("example.org")).await);
    assert_eq!(denied.as_str(), DENIED);
    assert_eq!(only(&bench).failure, Some(denied));
    assert_eq!(arrived(), 3, "256 in all");
    assert!(code(shake(&bench, address, named("example.org")).await).as_str() == DENIED);
    assert_eq!(arrived(), 0);
}

#[tokio::test]
async fn a_budget_that_ends_ends_the_handshake() {
    let authority = Authority::new();
    let (address, _server) = echo(server_config(&authority, "example.org", "h3", |_| {}));
    let [sent, received] = [
        Budget {
            bytes_sent: 1000,
            ..Budget::default()
        },
        Budget {
            bytes_received: 1000,
            ..Budget::default()
        },
    ]
    .map(Bench::with_budget);
    for (bench, what) in [(sent, "bytes_sent"), (received, "bytes_received")] {
        match shake(&bench, address, named("example.org"))
            .await
            .map_err(NetError::from)
        {
            Err(NetError::Exceeded(exceeded)) => assert_eq!(exceeded.what, what),
            other => panic!("{other:?}"),
        }
        assert_eq!(only(&bench).failure, Some(FailureCode::INTERRUPTED));
    }
}

#[tokio::test]
async fn bytes_can_not_be_read_from_the_connection_itself() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = echo(server_config(&authority, "example.org", "h3", |_| {}));
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    assert_eq!(
        code(bench.net.read(&connection, 1, None).await),
        FailureCode::INVALID_ARGUMENT
    );
    assert_eq!(
        code(bench.net.write(&connection, b"a", None).await),
        FailureCode::INVALID_ARGUMENT
    );
    let over = bench.net.handshake(&bench.tx, connection, named("example.org"));
    let over = over.await.map_err(|failed| failed.error);
    assert_eq!(code(over), FailureCode::INVALID_ARGUMENT);
}

/// A server that does `answer` with the first that comes.
fn answering(
    authority: &Authority,
    answer: impl Fn(quinn::Incoming) + Send + 'static,
) -> (SocketAddr, Endpoint) {
    let config = server_config(authority, "example.org", "h3", |_| {});
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let accepting = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            answer(incoming);
        }
    });
    (endpoint.local_addr().unwrap(), endpoint)
}

#[tokio::test]
async fn a_server_that_refuses_is_no_server() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = answering(&authority, quinn::Incoming::refuse);
    assert_eq!(
        code(shake(&bench, address, named("example.org")).await),
        FailureCode::CONNECTION_REFUSED
    );
    let detail = only(&bench).x_failure_detail.unwrap();
    assert!(detail.starts_with("CONNECTION_REFUSED (remote)"), "{detail}");
}

#[tokio::test]
async fn a_retry_is_checked_and_followed() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = answering(&authority, |incoming| {
        if incoming.remote_address_validated() {
            tokio::spawn(async move { incoming.await.unwrap().closed().await });
        } else {
            incoming.retry().unwrap();
        }
    });
    shake(&bench, address, named("example.org")).await.unwrap();
    assert_eq!(only(&bench).failure, None);
}

/// The key that makes reset tokens, as a server keeps it over a restart. It need not be secret here.
struct KnownToBoth;

impl HmacKey for KnownToBoth {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        for (out, byte) in signature_out.iter_mut().zip(data.iter().cycle()) {
            *out = byte ^ 0x5a;
        }
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let mut expected = vec![0; signature.len()];
        self.sign(data, &mut expected);
        (expected == signature).then_some(()).ok_or(CryptoError)
    }
}

#[tokio::test]
async fn a_server_that_forgot_the_connection_resets_it() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, socket) = silent();
    let start = move |socket: UdpSocket, server: quinn::ServerConfig| {
        let mut config = EndpointConfig::new(Arc::new(KnownToBoth));
        config.cid_generator(|| Box::new(HashedConnectionIdGenerator::from_key(7)));
        Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).unwrap()
    };
    let server = server_config(&authority, "example.org", "h3", |_| {});
    let first = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let same_server = server.clone();
    let kept = socket.try_clone().unwrap();
    first.spawn(async move {
        let endpoint = start(socket, same_server);
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(async move { incoming.await.unwrap().closed().await });
        }
    });
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    first.shutdown_background();
    let _second = start(kept, server);
    let exchange = exchange(&bench, &connection).await;
    assert_eq!(code(exchange), FailureCode::CONNECTION_RESET);
}

#[tokio::test]
async fn a_connection_that_was_silent_for_too_long_timed_out() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let mut config = server_config(&authority, "example.org", "h3", |_| {});
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_millis(300).try_into().unwrap()));
    config.transport_config(Arc::new(transport));
    let (address, _server) = echo(config);
    let connection = shake(&bench, address, named("example.org")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let exchange = exchange(&bench, &connection).await;
    assert_eq!(code(exchange), FailureCode::GENERIC_TIMEOUT_ERROR);
}
