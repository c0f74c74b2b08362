//! Resolvers over TLS.

use super::{BOTH, addresses, all_failed, answer_backwards, ask, asking};
use crate::{
    support::{Bench, server},
    tls::{Authority, named},
};
use netsonde_data::{FailureCode, failure::Operation};
use netsonde_net::dns::{LookupOptions, Resolver};
use std::{net::SocketAddr, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// A resolver over TLS for this name that agrees on `alpn`.
async fn dot(authority: &Authority, name: &str, alpn: &str) -> SocketAddr {
    let mut config = authority.server(name, |_| {});
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_backwards(stream, 2).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn tls_resolvers_are_verified_by_their_name() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let endpoint = dot(&authority, "dns.example", "dot").await;
    let resolver = |name: &str| Resolver::Dot {
        endpoint,
        name: name.to_owned(),
    };
    let answer = ask(&bench, asking(resolver("dns.example"))).await;
    assert_eq!(addresses(&answer), BOTH);
    let seen = bench.seen();
    assert_eq!((seen.tcp_connect.len(), seen.tls_handshakes.len()), (1, 1));
    let handshake = &seen.tls_handshakes[0];
    assert_eq!(
        (
            handshake.server_name.as_str(),
            handshake.negotiated_protocol.as_str()
        ),
        ("dns.example", "dot")
    );
    // OONI's pipeline takes the endpoint of a handshake from the first event of its transaction.
    let first = &seen.network_events[0];
    assert_eq!(
        (first.operation.as_str(), &first.address),
        ("resolve_start", &handshake.address)
    );
    let query = &seen.queries[0];
    let with_port = format!("dns.example:{}", endpoint.port());
    assert_eq!(
        (query.engine.as_str(), query.resolver_address.as_str()),
        ("dot", with_port.as_str())
    );

    let bench = Bench::trusting(&authority.pem());
    let failure = ask(&bench, asking(resolver("other.example")))
        .await
        .failure
        .unwrap();
    assert_eq!(
        (failure.code, failure.operation),
        (FailureCode::SSL_INVALID_HOSTNAME, Operation::TlsHandshake)
    );
    let address = format!("other.example:{}", endpoint.port());
    all_failed(&bench, "dot", &address, &FailureCode::SSL_INVALID_HOSTNAME, None);
}

#[tokio::test]
async fn the_handshake_with_a_resolver_can_be_another_one() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let endpoint = dot(&authority, "front.example", "h2").await;
    let mut tls = named("front.example");
    tls.alpn = vec!["h2".to_owned()];
    let options = LookupOptions {
        tls: Some(tls),
        ..asking(Resolver::Dot {
            endpoint,
            name: "dns.example".to_owned(),
        })
    };
    assert_eq!(addresses(&ask(&bench, options).await), BOTH);
    assert_eq!(bench.seen().tls_handshakes[0].server_name, "front.example");
}
