//! Lookups over HTTP/3.

use crate::{
    quic::server_config,
    resolvers::{addresses, ask, asking, reply},
    support::Bench,
    tls::Authority,
};
use bytes::{Buf, Bytes};
use netsonde_data::{FailureCode, failure::Operation};
use netsonde_net::dns::Resolver;
use quinn::Endpoint;
use std::net::SocketAddr;

/// A resolver that answers each POST with this status.
fn serve(authority: &Authority, status: u16) -> (SocketAddr, Endpoint) {
    let config = server_config(authority, "dns.example", "h3", |_| {});
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let accepting = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            let Ok(quic) = incoming.await else { return };
            let http = h3_quinn::Connection::new(quic);
            let mut connection = h3::server::builder().build::<_, Bytes>(http).await.unwrap();
            tokio::spawn(async move {
                while let Ok(Some(resolver)) = connection.accept().await {
                    let (request, mut stream) = resolver.resolve_request().await.unwrap();
                    assert_eq!(
                        (request.method().as_str(), request.uri().path()),
                        ("POST", "/dns-query")
                    );
                    assert_eq!(request.headers()["content-type"], "application/dns-message");
                    let mut query = Vec::new();
                    while let Some(mut piece) = stream.recv_data().await.unwrap() {
                        query.extend(piece.copy_to_bytes(piece.remaining()));
                    }
                    let head = http::Response::builder().status(status);
                    let head = head
                        .header("content-type", "application/dns-message")
                        .body(())
                        .unwrap();
                    stream.send_response(head).await.unwrap();
                    stream.send_data(reply(&query).into()).await.unwrap();
                    stream.finish().await.unwrap();
                }
            });
        }
    });
    (endpoint.local_addr().unwrap(), endpoint)
}

fn at(endpoint: SocketAddr) -> Resolver {
    Resolver::Doh3 {
        endpoint,
        url: "https://dns.example/dns-query".to_owned(),
    }
}

#[tokio::test]
async fn http3_resolvers_are_posted_to() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (endpoint, _server) = serve(&authority, 200);
    let answer = ask(&bench, asking(at(endpoint))).await;
    assert_eq!((answer.failure.clone(), addresses(&answer).len()), (None, 2));
    let seen = bench.seen();
    assert_eq!(
        (
            seen.quic_handshakes.len(),
            seen.tls_handshakes.len(),
            seen.requests.len()
        ),
        (1, 0, 2)
    );
    assert_eq!(seen.quic_handshakes[0].server_name, "dns.example");
    for query in &seen.queries {
        assert_eq!(
            (
                query.engine.as_str(),
                query.resolver_address.as_str(),
                query.x_transport.as_deref()
            ),
            ("doh", "https://dns.example/dns-query", Some("doh3"))
        );
    }
}

#[tokio::test]
async fn http3_that_fails_says_so() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (endpoint, _server) = serve(&authority, 503);
    let failure = ask(&bench, asking(at(endpoint))).await.failure.unwrap();
    assert_eq!(failure.code, FailureCode::unknown("doh: server returned error"));
    let details = bench
        .seen()
        .queries
        .into_iter()
        .map(|query| query.x_failure_detail.unwrap());
    assert_eq!(details.collect::<Vec<_>>(), ["HTTP status 503"; 2]);

    let stranger = Bench::new();
    let failure = ask(&stranger, asking(at(endpoint))).await.failure.unwrap();
    assert_eq!(
        (failure.code, failure.operation),
        (FailureCode::SSL_UNKNOWN_AUTHORITY, Operation::QuicHandshake)
    );
    assert_eq!(stranger.seen().queries.len(), 2);
}
