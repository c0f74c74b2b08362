//! HTTP/3 transactions.

use crate::{
    quic::{server_config, shake},
    support::{Bench, code},
    tls::{Authority, named},
};
use bytes::Bytes;
use h3::{error::Code, server::RequestStream};
use h3_quinn::BidiStream;
use netsonde_data::FailureCode;
use netsonde_net::{Connection, http::Request, tls::HandshakeOptions};
use quinn::Endpoint;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

type Stream = RequestStream<BidiStream<Bytes>, Bytes>;

/// A server that answers each request by its path, and remembers what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<http::Request<()>>>>,
    _endpoint: Endpoint,
}

fn serve(authority: &Authority) -> Server {
    let config = server_config(authority, "example.org", "h3", |_| {});
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (accepting, remembered) = (endpoint.clone(), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Some(incoming) = accepting.accept().await {
            let remembered = Arc::clone(&remembered);
            tokio::spawn(async move {
                let quic = incoming.await.unwrap();
                let http = h3_quinn::Connection::new(quic.clone());
                let mut connection = h3::server::builder().build::<_, Bytes>(http).await.unwrap();
                while let Ok(Some(resolver)) = connection.accept().await {
                    let (request, stream) = resolver.resolve_request().await.unwrap();
                    remembered.lock().unwrap().push(request.clone());
                    tokio::spawn(answer(request.uri().path().to_owned(), stream, quic.clone()));
                }
            });
        }
    });
    Server {
        address: endpoint.local_addr().unwrap(),
        asked,
        _endpoint: endpoint,
    }
}

async fn answer(path: String, mut stream: Stream, quic: quinn::Connection) {
    let head = |length: usize| {
        let head = http::Response::builder().header("content-length", length);
        head.header("x-one", "1").status(203).body(()).unwrap()
    };
    match path.as_str() {
        "/echo" => {
            let mut body = Vec::new();
            while let Some(piece) = stream.recv_data().await.unwrap() {
                bytes::BufMut::put(&mut body, piece);
            }
            stream.send_response(head(body.len())).await.unwrap();
            stream.send_data(body.into()).await.unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("x-after", "2".parse().unwrap());
            stream.send_trailers(trailers).await.unwrap();
            stream.finish().await.unwrap();
        }
        "/short" => {
            stream.send_response(head(10)).await.unwrap();
            stream.send_data(Bytes::from_static(b"half")).await.unwrap();
            stream.finish().await.unwrap();
        }
        "/hang" => {
            stream.send_response(head(10)).await.unwrap();
            stream.send_data(Bytes::from_static(b"half")).await.unwrap();
            quic.closed().await;
        }
        "/reset" => {
            stream.send_response(head(10)).await.unwrap();
            stream.send_data(Bytes::from_static(b"half")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            stream.stop_stream(Code::H3_INTERNAL_ERROR);
            quic.closed().await;
        }
        "/hints" => {
            for status in [100, 103, 103] {
                let hints = http::Response::builder()
                    .status(status)
                    .header("link", "</style.css>");
                stream.send_response(hints.body(()).unwrap()).await.unwrap();
            }
            stream.send_response(head(4)).await.unwrap();
            stream.send_data(Bytes::from_static(b"last")).await.unwrap();
            stream.finish().await.unwrap();
        }
        "/close" => quic.close(0x102_u32.into(), b"gone"),
        other => panic!("nothing is at {other}"),
    }
}

async fn connect(bench: &Bench, server: &Server) -> Connection {
    shake(bench, server.address, named("example.org")).await.unwrap()
}

fn get(path: &str) -> Request {
    Request {
        url: format!("https://example.org{path}"),
        ..Request::default()
    }
}

#[tokio::test]
async fn several_transactions_share_a_connection() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let post = Request {
        method: "POST".to_owned(),
        headers: vec![("X-Mine".to_owned(), "3".to_owned())],
        body: Bytes::from_static(b"question"),
        ..get("/echo?a=b")
    };
    let other = bench.net.trace().begin(vec![], Some(7));
    let (first, second) = tokio::join!(
        bench.net.round_trip(&bench.tx, &connection, post),
        bench.net.round_trip(&other, &connection, get("/echo")),
    );
    let first = first.unwrap();
    assert_eq!(
        (first.status, &first.body[..], first.body_failure),
        (203, &b"question"[..], None)
    );
    assert_eq!(first.trailers, [("x-after".to_owned(), Bytes::from_static(b"2"))]);
    assert_eq!(second.unwrap().body, "");

    let seen = bench.seen();
    assert_eq!(seen.requests.len(), 2);
    let request = seen
        .requests
        .iter()
        .find(|request| request.transaction_id == bench.tx.id())
        .unwrap();
    assert_eq!(
        (
            request.network.as_str(),
            request.alpn.as_str(),
            request.address.clone()
        ),
        ("udp", "h3", server.address.to_string())
    );
    assert_eq!(
        (request.request.x_transport.as_str(), request.response.code),
        ("udp", 203)
    );
    let start = &bench.events("http_transaction_start")[0];
    assert_eq!((start.proto.as_str(), start.t), ("udp", request.t0));
    let asked = server.asked.lock().unwrap();
    let asked = asked.iter().find(|asked| asked.method() == "POST").unwrap();
    assert_eq!(asked.uri(), "https://example.org/echo?a=b");
    assert_eq!(asked.headers()["x-mine"], "3");
    assert!(!asked.headers().contains_key("host"));
}

#[tokio::test]
async fn pseudo_headers_are_sent_as_given() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let request = Request {
        pseudo_headers: vec![(":authority".to_owned(), "front.example".to_owned())],
        ..get("/echo")
    };
    bench
        .net
        .round_trip(&bench.tx, &connection, request.clone())
        .await
        .unwrap();
    assert_eq!(
        server.asked.lock().unwrap()[0].uri(),
        "https://front.example/echo"
    );
    let contradicting = Request {
        headers: vec![("Host".to_owned(), "other.example".to_owned())],
        ..request
    };
    let refused = code(bench.net.round_trip(&bench.tx, &connection, contradicting).await);
    assert!(refused.as_str().contains("host"), "{refused}");
    let still = bench.net.round_trip(&bench.tx, &connection, get("/echo")).await;
    assert_eq!(still.unwrap().status, 203);
}

#[tokio::test]
async fn a_body_is_kept_up_to_the_limit_and_the_connection_goes_on() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let request = Request {
        method: "POST".to_owned(),
        body: vec![b'a'; 100_000].into(),
        body_snapshot_limit: 1_000,
        ..get("/echo")
    };
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, request)
        .await
        .unwrap();
    assert_eq!(
        (
            response.body.len(),
            response.body_is_truncated,
            response.body_failure
        ),
        (1_000, true, None)
    );
    let next = bench
        .net
        .round_trip(&bench.tx, &connection, get("/echo"))
        .await
        .unwrap();
    assert!(!next.body_is_truncated);
}

#[tokio::test]
async fn a_body_cut_short_is_kept_with_its_failure() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let reset = "unknown_failure: stream reset by peer: H3_INTERNAL_ERROR";
    for (path, failure) in [
        ("/short", "eof_error"),
        ("/hang", "generic_timeout_error"),
        ("/reset", reset),
    ] {
        let request = Request {
            timeout: Some(Duration::from_secs(1)),
            ..get(path)
        };
        let response = bench
            .net
            .round_trip(&bench.tx, &connection, request)
            .await
            .unwrap();
        assert_eq!(response.body, "half", "{path}");
        assert_eq!(response.body_failure.unwrap().code.as_str(), failure, "{path}");
        let seen = bench.seen();
        assert_eq!(seen.requests[0].failure.as_ref().unwrap().as_str(), failure);
        assert_eq!(seen.requests[0].response.code, 203);
    }
    let after = bench.net.round_trip(&bench.tx, &connection, get("/echo")).await;
    assert_eq!(after.unwrap().status, 203, "other exchanges are not concerned");
}

#[tokio::test]
async fn a_connection_that_the_server_closes_says_how() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let closed = code(bench.net.round_trip(&bench.tx, &connection, get("/close")).await);
    assert_eq!(
        closed.as_str(),
        "unknown_failure: application error 0x102 (remote): gone"
    );
    let again = code(bench.net.round_trip(&bench.tx, &connection, get("/echo")).await);
    assert_eq!(again, closed);
}

#[tokio::test]
async fn a_dropped_transaction_was_interrupted() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let (net, tx, same) = (bench.net.clone(), bench.tx.clone(), connection.clone());
    bench
        .drop_half_way(async move { net.round_trip(&tx, &same, get("/hang")).await })
        .await;
    let request = &bench.seen().requests[0];
    assert_eq!(request.failure, Some(FailureCode::INTERRUPTED));
    assert_eq!(request.response.code, 203);
}

#[tokio::test]
async fn http_is_not_spoken_over_another_protocol() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let (address, _server) = crate::quic::echo(server_config(&authority, "example.org", "doq", |_| {}));
    let options = HandshakeOptions {
        alpn: vec!["doq".to_owned()],
        ..named("example.org")
    };
    let connection = shake(&bench, address, options).await.unwrap();
    assert_eq!(
        code(bench.net.round_trip(&bench.tx, &connection, get("/")).await),
        FailureCode::INVALID_ARGUMENT
    );
}

#[tokio::test]
async fn interim_responses_are_not_the_response() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let server = serve(&authority);
    let connection = connect(&bench, &server).await;
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, get("/hints"))
        .await
        .unwrap();
    assert_eq!((response.status, &response.body[..]), (203, &b"last"[..]));
    assert!(response.headers.iter().all(|(name, _)| name != "link"));
    assert_eq!(bench.seen().requests[0].response.code, 203);
}
