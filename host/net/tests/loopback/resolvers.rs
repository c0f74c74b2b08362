//! Lookups over TCP, TLS, HTTPS and QUIC, and replies that come late.
//!
//! The servers are other libraries': hickory's codec over tokio-rustls, hyper and quinn.

use crate::{
    quic::server_config,
    support::{Bench, code, refusing, replying_once, server, silent},
    tls::{Authority, named},
};
use bytes::Bytes;
use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record, RecordType, rdata},
};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use netsonde_data::{FailureCode, failure::Operation};
use netsonde_net::{
    NetError,
    dns::{Answer, LookupOptions, QueryType, Resolver},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::UdpSocket,
};
use tokio_rustls::TlsAcceptor;

/// The reply of a good resolver: an address of each family, and a text.
pub(crate) fn reply(query: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(query).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.edns = None;
    let question = message.queries[0].clone();
    let data = match question.query_type() {
        RecordType::A => RData::A(rdata::A::new(1, 2, 3, 4)),
        RecordType::AAAA => RData::AAAA(rdata::AAAA::new(0x2606, 0x4700, 0, 0, 0, 0, 0, 1)),
        _ => RData::TXT(rdata::TXT::new(vec!["hello".to_owned()])),
    };
    message.add_answer(Record::from_rdata(question.name().clone(), 60, data));
    message.to_vec().unwrap()
}

/// A resolver on a stream: answers all queries that have come, the last one first.
async fn answer_backwards(mut stream: impl AsyncRead + AsyncWrite + Unpin, count: usize) {
    let mut queries = Vec::new();
    for _ in 0..count {
        let Ok(length) = stream.read_u16().await else {
            return;
        };
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        queries.push(query);
    }
    for query in queries.into_iter().rev() {
        let reply = reply(&query);
        stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&reply).await.unwrap();
    }
}

pub(crate) fn asking(resolver: Resolver) -> LookupOptions {
    LookupOptions {
        resolver,
        timeout: Some(Duration::from_secs(10)),
        ..LookupOptions::default()
    }
}

pub(crate) async fn ask(bench: &Bench, options: LookupOptions) -> Answer {
    bench.net.ask(&bench.tx, "example.org", options).await.unwrap()
}

pub(crate) fn addresses(answer: &Answer) -> Vec<String> {
    answer.addresses.iter().map(ToString::to_string).collect()
}

const BOTH: [&str; 2] = ["1.2.3.4", "2606:4700::1"];

/// Every query failed like this, and was observed with this engine, address and detail.
fn all_failed(bench: &Bench, engine: &str, resolver: &str, failure: &FailureCode, detail: Option<&str>) {
    let queries = bench.seen().queries;
    assert_eq!(queries.len(), 2);
    for query in queries {
        assert_eq!(
            (query.engine.as_str(), query.resolver_address.as_str()),
            (engine, resolver)
        );
        assert_eq!(query.failure.as_ref(), Some(failure));
        assert_eq!(query.x_failure_detail.as_deref(), detail);
        assert!(query.answers.is_empty());
    }
}

#[tokio::test]
async fn tcp_answers_may_come_in_any_order_on_one_connection() {
    let bench = Bench::new();
    let address = server(|stream| answer_backwards(stream, 2)).await;
    let answer = ask(&bench, asking(Resolver::Tcp(address))).await;
    assert_eq!(
        (answer.failure.clone(), addresses(&answer)),
        (None, BOTH.map(String::from).to_vec())
    );
    let types: Vec<_> = answer.replies.iter().map(|reply| reply.query_type).collect();
    assert_eq!(types, [QueryType::A, QueryType::AAAA]);
    let seen = bench.seen();
    assert_eq!((seen.tcp_connect.len(), seen.queries.len()), (1, 2));
    for query in &seen.queries {
        assert_eq!(
            (query.engine.as_str(), query.resolver_address.clone()),
            ("tcp", address.to_string())
        );
        assert_eq!((query.answers[0].ttl, query.transaction_id), (Some(60), 1));
        assert!(!query.raw_response.is_empty());
    }
    assert_eq!(seen.network_events.last().unwrap().operation, "resolve_done");
    assert_eq!(bench.net.meter().used().queries, 2);
}

#[tokio::test]
async fn a_resolver_that_can_not_be_connected_to_fails_every_query() {
    let bench = Bench::new();
    let address = refusing().await;
    let result = bench
        .net
        .lookup(&bench.tx, "example.org", asking(Resolver::Tcp(address)))
        .await;
    let Err(NetError::Failed(failure)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(
        (failure.code, failure.operation),
        (FailureCode::CONNECTION_REFUSED, Operation::Connect)
    );
    all_failed(
        &bench,
        "tcp",
        &address.to_string(),
        &FailureCode::CONNECTION_REFUSED,
        None,
    );
}

#[tokio::test]
async fn a_stream_that_ends_early_leaves_the_rest_unanswered() {
    let bench = Bench::new();
    let address = server(|stream| answer_backwards(stream, 1)).await;
    let answer = ask(&bench, asking(Resolver::Tcp(address))).await;
    assert_eq!(addresses(&answer), ["1.2.3.4"]);
    let failures: Vec<_> = answer
        .replies
        .iter()
        .map(|reply| reply.failure.is_some())
        .collect();
    assert_eq!(failures, [false, true]);
    // Half a message is none.
    let bench = Bench::new();
    let address = replying_once(b"\x00\x20\x00").await;
    let result = bench
        .net
        .lookup(&bench.tx, "example.org", asking(Resolver::Tcp(address)))
        .await;
    assert_eq!(code(result), FailureCode::EOF_ERROR);
}

#[tokio::test]
async fn an_answer_to_another_query_is_an_answer_with_a_wrong_id() {
    let bench = Bench::new();
    let address = server(|mut stream| async move {
        let length = stream.read_u16().await.unwrap();
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        let mut reply = reply(&query);
        reply[0] ^= 0x55;
        stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&reply).await.unwrap();
    });
    let options = LookupOptions {
        query_types: vec![QueryType::A],
        ..asking(Resolver::Tcp(address.await))
    };
    let result = bench.net.lookup(&bench.tx, "example.org", options).await;
    assert_eq!(code(result), FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID);
    let query = &bench.seen().queries[0];
    assert!(!query.raw_response.is_empty());
    assert!(query.x_failure_detail.as_ref().unwrap().contains("the query had"));
}

#[tokio::test]
async fn a_silent_stream_ends_at_our_deadline() {
    let bench = Bench::new();
    let address = silent().await;
    let options = LookupOptions {
        timeout: Some(Duration::from_millis(200)),
        ..asking(Resolver::Tcp(address))
    };
    ask(&bench, options).await;
    all_failed(
        &bench,
        "tcp",
        &address.to_string(),
        &FailureCode::GENERIC_TIMEOUT_ERROR,
        None,
    );
    let reads = bench.events("read");
    assert_eq!(
        reads[0].failure,
        Some(FailureCode::GENERIC_TIMEOUT_ERROR),
        "{reads:?}"
    );
}

#[tokio::test]
async fn a_dropped_lookup_over_a_stream_is_interrupted_in_each_query() {
    let bench = Bench::new();
    let options = asking(Resolver::Tcp(silent().await));
    let (net, tx) = (bench.net.clone(), bench.tx.clone());
    bench
        .drop_half_way(async move { net.lookup(&tx, "example.org", options).await })
        .await;
    let queries = bench.seen().queries;
    assert_eq!(queries.len(), 2);
    assert!(
        queries
            .iter()
            .all(|query| query.failure == Some(FailureCode::INTERRUPTED))
    );
}

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

#[tokio::test]
async fn quic_resolvers_get_a_stream_for_each_query() {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let config = server_config(&authority, "dns.example", "doq", |_| {});
    let server = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = server.local_addr().unwrap();
    tokio::spawn(async move {
        let connection = server.accept().await.unwrap().await.unwrap();
        while let Ok((mut send, mut receive)) = connection.accept_bi().await {
            let query = receive.read_to_end(1 << 16).await.unwrap();
            assert_eq!(query[2..4], [0, 0], "the id is zero");
            let query = &query[2..];
            if query.windows(3).any(|bytes| bytes == [0, 28, 0]) {
                // Half a length, and the end.
                send.write_all(&[0]).await.unwrap();
            } else {
                let reply = reply(query);
                send.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes())
                    .await
                    .unwrap();
                send.write_all(&reply).await.unwrap();
            }
            send.finish().unwrap();
        }
    });
    let resolver = Resolver::Doq {
        endpoint,
        name: "dns.example".to_owned(),
    };
    let answer = ask(&bench, asking(resolver)).await;
    assert_eq!(addresses(&answer), ["1.2.3.4"]);
    assert_eq!(
        answer.replies[1].failure.as_ref().unwrap().code,
        FailureCode::EOF_ERROR
    );
    let seen = bench.seen();
    assert_eq!((seen.quic_handshakes.len(), seen.queries.len()), (1, 2));
    assert_eq!(seen.quic_handshakes[0].negotiated_protocol, "doq");
    let with_port = format!("dns.example:{}", endpoint.port());
    assert!(
        seen.queries
            .iter()
            .all(|query| query.engine == "doq" && query.resolver_address == with_port)
    );
}

/// A resolver over UDP that sends all these replies, one after the other.
async fn sending(replies: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((count, client)) = socket.recv_from(&mut buffer).await {
            for reply in replies(&buffer[..count]) {
                socket.send_to(&reply, client).await.unwrap();
            }
        }
    });
    address
}

/// What a censor sends: the name does not exist.
fn injected(query: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(query).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.metadata.response_code = ResponseCode::NXDomain;
    message.to_vec().unwrap()
}

#[tokio::test]
async fn the_injected_answer_and_the_true_one_are_both_seen() {
    let bench = Bench::new();
    let resolver = sending(|query| {
        let mut forged = reply(query);
        forged[1] ^= 1;
        vec![injected(query), reply(query), forged, b"junk".to_vec()]
    })
    .await;
    let options = LookupOptions {
        query_types: vec![QueryType::A],
        collect: Some(Duration::from_millis(500)),
        ..asking(Resolver::Udp(resolver))
    };
    let answer = ask(&bench, options).await;
    assert_eq!(
        answer.failure.as_ref().unwrap().code,
        FailureCode::DNS_NXDOMAIN_ERROR
    );
    assert!(answer.addresses.is_empty());
    let late: Vec<_> = answer.replies.iter().filter(|reply| reply.is_late).collect();
    assert_eq!((answer.replies.len(), late.len()), (4, 3));
    assert!(late.iter().all(|reply| reply.source == Some(resolver)));
    assert!(late[0].t >= answer.replies[0].t);
    let seen = bench.seen();
    assert_eq!((seen.queries.len(), seen.queries[0].rcode), (1, 3));
    let late = &seen.x_dns_duplicate_responses;
    assert_eq!(late[0].failure, None);
    assert_eq!(late[0].answers[0].ipv4.as_deref(), Some("1.2.3.4"));
    assert_eq!(
        (late[0].transaction_id, late[0].tags.clone()),
        (1, vec!["tag".to_owned()])
    );
    assert_eq!(late[1].failure, Some(FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID));
    assert!(late[2].failure.as_ref().unwrap().is_unknown());
    assert!(bench.events("read").iter().all(|event| event.failure.is_none()));
}

#[tokio::test]
async fn nobody_listens_longer_than_asked() {
    let bench = Bench::new();
    let resolver = sending(|query| vec![reply(query), reply(query)]).await;
    let answer = ask(&bench, asking(Resolver::Udp(resolver))).await;
    assert_eq!(answer.replies.len(), 2);
    assert!(bench.seen().x_dns_duplicate_responses.is_empty());
}

#[tokio::test]
async fn a_truncated_answer_is_not_asked_for_again() {
    let bench = Bench::new();
    let resolver = sending(|query| {
        let mut reply = Message::from_vec(&reply(query)).unwrap();
        reply.metadata.truncation = true;
        reply.answers.clear();
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let answer = ask(&bench, asking(Resolver::Udp(resolver))).await;
    assert_eq!(answer.failure.unwrap().code, FailureCode::DNS_NO_ANSWER);
    let seen = bench.seen();
    assert!(seen.tcp_connect.is_empty());
    assert!(seen.queries.iter().all(|query| query.x_is_truncated
        && query.x_failure_detail.as_deref() == Some("the response is truncated")));
    assert_eq!(bench.events("write").len(), 2);
}

#[tokio::test]
async fn any_type_can_be_asked_for_and_an_address_for_its_name() {
    let bench = Bench::new();
    let resolver = sending(|query| vec![reply(query)]).await;
    let mut options = asking(Resolver::Udp(resolver));
    options.query_types = vec!["TXT".parse().unwrap()];
    let answer = ask(&bench, options.clone()).await;
    assert_eq!((answer.failure, answer.addresses.len()), (None, 0));
    let query = &bench.seen().queries[0];
    assert_eq!(
        (query.query_type.as_str(), query.answers[0].answer_type.as_str()),
        ("TXT", "TXT")
    );
    assert!(query.answers[0].x_data.as_ref().unwrap().contains("hello"));

    options.query_types = vec![QueryType::PTR];
    let answer = bench.net.ask(&bench.tx, "192.0.2.1", options).await.unwrap();
    assert_eq!(answer.failure.unwrap().code, FailureCode::DNS_NO_ANSWER);
    assert_eq!(bench.seen().queries[1].hostname, "1.2.0.192.in-addr.arpa");
}
