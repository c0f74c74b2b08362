//! Transactions over HTTP/2.

use crate::{
    http::connect,
    support::{Bench, code, server},
    tls::{Authority, named},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use netsonde_data::FailureCode;
use netsonde_net::{
    Connection, NetError,
    http::{Request, Response},
    tls::HandshakeOptions,
};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// A connection to a server that tells in the body what it was asked.
async fn shaken(authority: &Authority) -> (Bench, Connection) {
    let mut config = authority.server("example.org", |_| {});
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            let service =
                hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                    let (parts, body) = request.into_parts();
                    if parts.uri.path() == "/large-head" {
                        let mut response = hyper::Response::builder();
                        for number in 0..50 {
                            response = response.header(format!("x-{number}"), "v".repeat(4_000));
                        }
                        return Ok(response.body(Full::default()).unwrap());
                    }
                    let body = body.collect().await?.to_bytes();
                    let text = format!(
                        "{:?} {} {} {}",
                        parts.version,
                        parts.method,
                        parts.uri,
                        body.len()
                    );
                    Ok::<_, hyper::Error>(hyper::Response::new(Full::new(Bytes::from(text))))
                });
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    })
    .await;
    let bench = Bench::trusting(&authority.pem());
    let connection = connect(&bench, address).await;
    let options = HandshakeOptions {
        alpn: vec!["h2".to_owned()],
        ..named("example.org")
    };
    let connection = bench.net.handshake(&bench.tx, connection, options).await.unwrap();
    (bench, connection)
}

#[tokio::test]
async fn pseudo_headers_are_sent_as_given() {
    let authority = Authority::new();
    let (bench, connection) = shaken(&authority).await;
    let fronting = |pseudo_headers: &[(&str, &str)], headers: &[(&str, &str)]| {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        Request {
            url: "https://example.org/a".to_owned(),
            pseudo_headers: owned(pseudo_headers),
            headers: owned(headers),
            ..Request::default()
        }
    };
    let request = fronting(
        &[
            (":authority", "front.example"),
            (":path", "/b?c"),
            (":scheme", "http"),
        ],
        &[],
    );
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, request)
        .await
        .unwrap();
    assert_eq!(&response.body[..], b"HTTP/2.0 GET http://front.example/b?c 0");
    let unknown = fronting(&[(":colour", "red")], &[]);
    let refused = code(bench.net.round_trip(&bench.tx, &connection, unknown).await);
    assert!(refused.as_str().contains(":colour"), "{refused}");
    let seen = bench.seen().requests;
    assert_eq!(seen[0].request.url, "https://example.org/a");
}

#[tokio::test]
async fn http2_is_spoken_where_it_was_agreed_on() {
    let authority = Authority::new();
    let (bench, connection) = shaken(&authority).await;
    let request = Request {
        url: "https://example.org/a".to_owned(),
        ..Request::default()
    };
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, request.clone())
        .await
        .unwrap();
    assert_eq!(&response.body[..], b"HTTP/2.0 GET https://example.org/a 0");
    let headers = vec![("Host".to_owned(), "other.example".to_owned())];
    let post = Request {
        method: "POST".to_owned(),
        body: Bytes::from_static(b"xy"),
        headers,
        ..request
    };
    let response = bench.net.round_trip(&bench.tx, &connection, post).await.unwrap();
    assert_eq!(&response.body[..], b"HTTP/2.0 POST https://other.example/a 2");
    let seen = bench.seen().requests;
    assert_eq!(
        (seen.len(), seen[0].alpn.as_str(), seen[0].response.code),
        (2, "h2", 200)
    );
}

#[tokio::test]
async fn http2_that_ends_early_ends_like_the_stream_under_it() {
    let authority = Authority::new();
    let mut config = authority.server("example.org", |_| {});
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).await;
        }
    })
    .await;
    let bench = Bench::trusting(&authority.pem());
    let connection = connect(&bench, address).await;
    let options = HandshakeOptions {
        alpn: vec!["h2".to_owned()],
        ..named("example.org")
    };
    let connection = bench.net.handshake(&bench.tx, connection, options).await.unwrap();
    let request = Request {
        url: "https://example.org/".to_owned(),
        ..Request::default()
    };
    let failure = code(bench.net.round_trip(&bench.tx, &connection, request).await);
    assert!(
        [FailureCode::EOF_ERROR, FailureCode::CONNECTION_RESET].contains(&failure),
        "{failure}"
    );
}

/// HTTP/2 with a server that says `frames` once the handshake is done, and nothing else.
async fn http2_told(frames: &'static [u8]) -> Result<Response, NetError> {
    let authority = Authority::new();
    let mut config = authority.server("example.org", |_| {});
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_all(frames).await.unwrap();
            stream.flush().await.unwrap();
            let mut sink = [0; 1024];
            while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
        }
    })
    .await;
    let bench = Bench::trusting(&authority.pem());
    let connection = connect(&bench, address).await;
    let options = HandshakeOptions {
        alpn: vec!["h2".to_owned()],
        ..named("example.org")
    };
    let connection = bench.net.handshake(&bench.tx, connection, options).await.unwrap();
    // What the server says is there before the request is.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let request = Request {
        url: "https://example.org/".to_owned(),
        timeout: Some(Duration::from_secs(5)),
        ..Request::default()
    };
    bench.net.round_trip(&bench.tx, &connection, request).await
}

#[tokio::test]
async fn http2_that_the_server_breaks_off_before_the_request_says_why() {
    // SETTINGS; GOAWAY with ENHANCE_YOUR_CALM.
    let frames = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b";
    let failure = code(http2_told(frames).await);
    assert!(
        failure.as_str().starts_with("unknown_failure: http2 error")
            && failure.as_str().contains("excessive load"),
        "{failure}"
    );
}

#[tokio::test]
async fn heads_may_be_as_large_as_over_the_other_versions() {
    let authority = Authority::new();
    let (bench, connection) = shaken(&authority).await;
    let request = Request {
        url: "https://example.org/large-head".to_owned(),
        ..Request::default()
    };
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, request)
        .await
        .unwrap();
    let large = response.headers.iter().filter(|(_, value)| value.len() == 4_000);
    assert_eq!(large.count(), 50);
}
