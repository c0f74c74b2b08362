//! Resolvers over HTTPS.

use super::{BOTH, addresses, all_failed, ask, asking, reply};
use crate::{
    support::{Bench, code, server},
    tls::Authority,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use netsonde_data::{FailureCode, failure::Operation};
use netsonde_net::dns::Resolver;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// How a resolver over HTTPS answers.
#[derive(Clone, Copy)]
struct Manner {
    alpn: &'static str,
    status: u16,
    media_type: &'static str,
}

const GOOD: Manner = Manner {
    alpn: "h2",
    status: 200,
    media_type: "application/dns-message",
};

async fn doh(authority: &Authority, manner: Manner) -> Resolver {
    let mut config = authority.server("dns.example", |_| {});
    config.alpn_protocols = vec![manner.alpn.as_bytes().to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let endpoint = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = hyper::service::service_fn(
                move |request: hyper::Request<hyper::body::Incoming>| async move {
                    assert_eq!(request.headers()["content-type"], "application/dns-message");
                    assert_eq!(
                        (request.method().as_str(), request.uri().path()),
                        ("POST", "/dns-query")
                    );
                    let authority = request.uri().authority().map(ToString::to_string);
                    let query = request.into_body().collect().await?.to_bytes();
                    assert_eq!(query.len() % 128, 0, "it is padded");
                    Ok::<_, hyper::Error>(
                        hyper::Response::builder()
                            .status(manner.status)
                            .header("content-type", manner.media_type)
                            .header("x-authority", authority.unwrap_or_default())
                            .body(Full::new(Bytes::from(reply(&query))))
                            .unwrap(),
                    )
                },
            );
            let io = TokioIo::new(stream);
            if manner.alpn == "h2" {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(io, service).await;
            } else {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(io, service)
                    .await;
            }
        }
    })
    .await;
    Resolver::Doh {
        endpoint,
        url: "https://dns.example/dns-query".to_owned(),
    }
}

#[tokio::test]
async fn https_resolvers_are_posted_to() {
    for alpn in ["h2", "http/1.1"] {
        let authority = Authority::new();
        let bench = Bench::trusting(&authority.pem());
        let mut options = asking(doh(&authority, Manner { alpn, ..GOOD }).await);
        options.headers = vec![("Host".to_owned(), "hidden.example".to_owned())];
        let answer = ask(&bench, options).await;
        assert_eq!(
            (answer.failure.clone(), addresses(&answer)),
            (None, BOTH.map(String::from).to_vec())
        );
        let seen = bench.seen();
        assert_eq!(
            (seen.tls_handshakes.len(), seen.requests.len(), seen.queries.len()),
            (1, 2, 2)
        );
        assert_eq!(seen.tls_handshakes[0].server_name, "dns.example");
        for query in &seen.queries {
            assert_eq!(
                (
                    query.engine.as_str(),
                    query.resolver_address.as_str(),
                    query.x_transport.as_deref()
                ),
                ("doh", "https://dns.example/dns-query", Some("doh"))
            );
        }
        for request in &seen.requests {
            assert_eq!(
                (request.alpn.as_str(), request.request.method.as_str()),
                (alpn, "POST")
            );
            let headers = serde_json::to_string(&request.response.headers).unwrap();
            assert!(alpn != "h2" || headers.contains("hidden.example"), "{headers}");
        }
    }
}

#[tokio::test]
async fn https_that_brings_no_dns_message_says_why() {
    let authority = Authority::new();
    let error = Manner { status: 500, ..GOOD };
    let page = Manner {
        media_type: "text/html",
        ..GOOD
    };
    let cases = [
        (error, "doh: server returned error", "HTTP status 500"),
        (
            page,
            "doh: invalid content-type",
            "HTTP content type \"text/html\"",
        ),
    ];
    for (manner, text, detail) in cases {
        let bench = Bench::trusting(&authority.pem());
        let answer = ask(&bench, asking(doh(&authority, manner).await)).await;
        assert_eq!(answer.failure.unwrap().operation, Operation::Resolve);
        let failure = FailureCode::unknown(text);
        all_failed(
            &bench,
            "doh",
            "https://dns.example/dns-query",
            &failure,
            Some(detail),
        );
    }
}

#[tokio::test]
async fn a_url_that_is_not_one_of_https_makes_no_sense() {
    let bench = Bench::new();
    for url in ["", "dns.example", "http://dns.example/", "https://"] {
        let resolver = Resolver::Doh {
            endpoint: "127.0.0.1:1".parse().unwrap(),
            url: url.to_owned(),
        };
        let result = bench.net.ask(&bench.tx, "example.org", asking(resolver)).await;
        assert_eq!(code(result), FailureCode::INVALID_ARGUMENT, "{url}");
    }
    assert!(bench.seen().queries.is_empty());
}
