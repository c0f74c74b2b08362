//! Transactions.

use crate::support::{Bench, code, replying, replying_once, resetting, server, silent};
use bytes::Bytes;
use netsonde_data::{FailureCode, MaybeBinary};
use netsonde_net::{
    Connection, NetError,
    http::{Request, Response},
};
use std::{net::SocketAddr, ops::ControlFlow, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

fn get(address: SocketAddr) -> Request {
    Request {
        url: format!("http://{address}/path?query"),
        ..Request::default()
    }
}

pub(crate) async fn connect(bench: &Bench, address: SocketAddr) -> Connection {
    bench.net.connect(&bench.tx, address, None).await.unwrap()
}

async fn once(bench: &Bench, address: SocketAddr, request: Request) -> Result<Response, NetError> {
    let connection = connect(bench, address).await;
    bench.net.round_trip(&bench.tx, &connection, request).await
}

/// A server that answers 200 and tells what it was sent.
async fn telling() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let address = server(move |mut stream| {
        let tell = tell.clone();
        async move {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                tell.send(String::from_utf8_lossy(&buffer[..count]).into_owned())
                    .unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    (address, told)
}

#[tokio::test]
async fn a_body_can_be_taken_and_not_kept() {
    let bench = Bench::new();
    let address = replying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n0123456789").await;
    for (limit, wanted, expected, is_truncated) in [
        (1 << 19, usize::MAX, "0123456789", false),
        (4, usize::MAX, "0123", true),
        (1 << 19, 0, "0123456789", true),
    ] {
        let (tell, mut told) = mpsc::unbounded_channel();
        let take = move |status: u16, piece: &[u8]| {
            tell.send((status, piece.to_vec())).unwrap();
            if piece.len() > wanted {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let connection = connect(&bench, address).await;
        let request = Request {
            body_snapshot_limit: limit,
            ..get(address)
        };
        let taking = bench.net.round_trip_taking(&bench.tx, &connection, request, take);
        let response = taking.await.unwrap();
        assert_eq!(
            (response.body.len(), response.body_is_truncated),
            (0, is_truncated)
        );
        assert_eq!(told.recv().await.unwrap(), (404, expected.as_bytes().to_vec()));
        assert_eq!(told.recv().await, None);
        assert_eq!(bench.seen().requests[0].response.body, MaybeBinary::default());
    }
}

#[tokio::test]
async fn a_transaction_is_seen_whole() {
    let bench = Bench::new();
    let reply =
        b"HTTP/1.1 403 Forbidden\r\nx-b: 2\r\nserver: nginx\r\nX-B: 1\r\nX-Client: 130.192.91.211\r\n\
        Content-Length: 7\r\n\r\nblocked";
    let address = replying(reply).await;
    let headers = vec![("User-Agent".to_owned(), "Chrome/116.0.0.0".to_owned())];
    let response = once(
        &bench,
        address,
        Request {
            headers,
            ..get(address)
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (response.status, &response.body[..], response.body_is_truncated),
        (403, &b"blocked"[..], false)
    );
    assert_eq!(response.body_failure, None);
    assert_eq!(
        response.status_line.as_deref(),
        Some(&b"HTTP/1.1 403 Forbidden"[..])
    );
    assert_eq!(response.headers[0], ("x-b".to_owned(), Bytes::from_static(b"2")));
    assert!(
        response
            .headers
            .contains(&("X-Client".to_owned(), Bytes::from_static(b"130.192.91.211")))
    );

    let seen = bench.seen();
    let json = serde_json::to_value(&seen.requests[0]).unwrap();
    assert_eq!(json["failure"], serde_json::Value::Null);
    assert_eq!(json["address"], address.to_string());
    assert_eq!(json["request"]["url"], format!("http://{address}/path?query"));
    assert_eq!(json["request"]["method"], "GET");
    assert_eq!(json["request"]["headers"]["User-Agent"], "Chrome/116.0.0.0");
    assert_eq!(json["request"]["headers_list"][0][0], "Host");
    assert_eq!(json["response"]["code"], 403);
    assert_eq!(json["response"]["body"], "blocked");
    assert_eq!(json["response"]["headers"]["X-B"], "2");
    let names: Vec<_> = seen.requests[0]
        .response
        .headers_list
        .pairs()
        .iter()
        .map(|(name, _)| &name.0[..])
        .collect();
    assert_eq!(
        names,
        [&b"x-b"[..], b"server", b"X-B", b"X-Client", b"Content-Length"]
    );
    assert_eq!(json["response"]["headers"]["X-Client"], "[scrubbed]");
    assert!(json.get("alpn").is_none());
    let operations: Vec<_> = seen
        .network_events
        .iter()
        .map(|event| event.operation.as_str())
        .collect();
    assert_eq!(operations[..3], ["connect", "http_transaction_start", "write"]);
    assert!(operations.contains(&"http_transaction_done"));
    assert!(seen.requests[0].t0 < seen.requests[0].t);
}

#[tokio::test]
async fn names_keep_their_spelling_and_order() {
    let bench = Bench::new();
    let (address, mut told) = telling().await;
    let headers = [
        ("uSER-aGENT", "x"),
        ("aCCept", "y"),
        ("hOsT", "abc.com"),
        ("X-Plain", "z"),
        ("content-LENGTH", "0"),
    ];
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    once(
        &bench,
        address,
        Request {
            headers,
            method: "GeT".to_owned(),
            ..get(address)
        },
    )
    .await
    .unwrap();
    let sent = told.recv().await.unwrap();
    let wanted = "GeT /path?query HTTP/1.1\r\nuSER-aGENT: x\r\naCCept: y\r\nhOsT: abc.com\r\nX-Plain: z\r\n\
        content-LENGTH: 0\r\n\r\n";
    assert_eq!(sent, wanted);
}

#[tokio::test]
async fn nothing_is_sent_but_what_is_needed() {
    let bench = Bench::new();
    let (address, mut told) = telling().await;
    let connection = connect(&bench, address).await;
    bench
        .net
        .round_trip(&bench.tx, &connection, get(address))
        .await
        .unwrap();
    assert_eq!(
        told.recv().await.unwrap(),
        format!("GET /path?query HTTP/1.1\r\nHost: {address}\r\n\r\n")
    );
    let post = Request {
        method: "POST".to_owned(),
        ..get(address)
    };
    bench
        .net
        .round_trip(&bench.tx, &connection, post.clone())
        .await
        .unwrap();
    let sent = told.recv().await.unwrap();
    assert_eq!(
        sent,
        format!("POST /path?query HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n")
    );
    let body = Bytes::from_static(b"a=1");
    bench
        .net
        .round_trip(&bench.tx, &connection, Request { body, ..post })
        .await
        .unwrap();
    assert!(
        told.recv()
            .await
            .unwrap()
            .ends_with("Content-Length: 3\r\n\r\na=1")
    );
    let methods: Vec<_> = bench
        .seen()
        .requests
        .into_iter()
        .map(|request| request.request.body.0)
        .collect();
    assert_eq!(methods, [b"a=1".to_vec(), vec![], vec![]], "newest first");
}

#[tokio::test]
async fn the_snapshot_stops_at_its_limit() {
    let bench = Bench::new();
    let address = replying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789").await;
    let limited = once(
        &bench,
        address,
        Request {
            body_snapshot_limit: 4,
            ..get(address)
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (&limited.body[..], limited.body_is_truncated),
        (&b"0123"[..], true)
    );
    let whole = once(
        &bench,
        address,
        Request {
            body_snapshot_limit: 11,
            ..get(address)
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (&whole.body[..], whole.body_is_truncated),
        (&b"0123456789"[..], false)
    );
    let seen = bench.seen().requests;
    assert!(seen[1].response.body_is_truncated && !seen[0].response.body_is_truncated);
}

/// A response whose body never ends.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";

#[tokio::test]
async fn a_body_cut_short_is_kept_with_its_failure() {
    let bench = Bench::new();
    let within = Some(Duration::from_secs(1));
    for (address, failure) in [
        (replying_once(HALF).await, FailureCode::EOF_ERROR),
        (resetting(HALF).await, FailureCode::CONNECTION_RESET),
        (replying(HALF).await, FailureCode::GENERIC_TIMEOUT_ERROR),
    ] {
        let response = once(
            &bench,
            address,
            Request {
                timeout: within,
                ..get(address)
            },
        )
        .await
        .unwrap();
        assert_eq!((response.status, &response.body[..]), (200, &b"01234"[..]));
        assert_eq!(response.body_failure.unwrap().code, failure);
        let entry = &bench.seen().requests[0];
        assert_eq!(
            (entry.failure.as_ref(), entry.response.code),
            (Some(&failure), 200)
        );
        assert_eq!(entry.response.body.as_str(), Some("01234"));
    }
}

#[tokio::test]
async fn without_a_head_the_transaction_fails() {
    let bench = Bench::new();
    let within = Some(Duration::from_millis(200));
    for (address, failure) in [
        (replying_once(b"").await, FailureCode::EOF_ERROR),
        (resetting(b"").await, FailureCode::CONNECTION_RESET),
        (silent().await, FailureCode::GENERIC_TIMEOUT_ERROR),
        (
            replying(b"HTTP/9.9 200 OK\r\n\r\n").await,
            FailureCode::unknown("HTTP/1.x transport connection broken: malformed HTTP version"),
        ),
    ] {
        let result = once(
            &bench,
            address,
            Request {
                timeout: within,
                ..get(address)
            },
        )
        .await;
        assert_eq!(code(result), failure);
        let entry = &bench.seen().requests[0];
        assert_eq!((entry.failure.as_ref(), entry.response.code), (Some(&failure), 0));
    }
    let timed_out: Vec<_> = bench
        .events("read")
        .into_iter()
        .filter(|event| event.failure == Some(FailureCode::GENERIC_TIMEOUT_ERROR))
        .collect();
    assert_eq!(timed_out.len(), 1, "the read that never ended is seen");
}

#[tokio::test]
async fn a_dropped_transaction_is_interrupted() {
    let bench = Bench::new();
    let address = replying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234").await;
    let connection = connect(&bench, address).await;
    let (net, tx) = (bench.net.clone(), bench.tx.clone());
    bench
        .drop_half_way(async move { net.round_trip(&tx, &connection, get(address)).await })
        .await;
    let entry = &bench.seen().requests[0];
    assert_eq!(entry.failure, Some(FailureCode::INTERRUPTED));
    assert_eq!(entry.response.body.as_str(), Some("01234"));
    assert!(
        bench
            .events("read")
            .iter()
            .any(|event| event.failure == Some(FailureCode::INTERRUPTED))
    );
    assert_eq!(bench.events("http_transaction_done").len(), 1);
}

#[tokio::test]
async fn a_connection_closed_between_transactions_says_so() {
    let bench = Bench::new();
    let address = replying_once(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let connection = connect(&bench, address).await;
    bench
        .net
        .round_trip(&bench.tx, &connection, get(address))
        .await
        .unwrap();
    // Nobody reads between two transactions.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let result = bench.net.round_trip(&bench.tx, &connection, get(address)).await;
    assert_eq!(code(result), FailureCode::EOF_ERROR);
    assert_eq!(
        bench.events("write").len(),
        1,
        "nothing is sent to a peer that is gone"
    );
}

#[tokio::test]
async fn closing_a_connection_ourselves_is_no_failure_of_the_network() {
    let bench = Bench::new();
    let address = replying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    once(&bench, address, get(address)).await.unwrap();
    // The task that drives the connection ends on its own time.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let failures: Vec<_> = bench
        .seen()
        .network_events
        .into_iter()
        .filter_map(|event| event.failure)
        .collect();
    assert_eq!(failures, []);
}

#[tokio::test]
async fn what_is_malformed_is_named_and_not_sent() {
    let bench = Bench::new();
    let address = silent().await;
    let headers = vec![("Bad Name".to_owned(), "x".to_owned())];
    let error = once(
        &bench,
        address,
        Request {
            headers,
            ..get(address)
        },
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("Bad Name"), "{error}");
    assert!(bench.seen().requests.is_empty() && bench.events("write").is_empty());
}

#[tokio::test]
async fn a_header_folded_over_lines_is_one_header() {
    let bench = Bench::new();
    let address = replying(b"HTTP/1.1 200 OK\r\nX-Folded: one\r\n  two\r\nContent-Length: 2\r\n\r\nok").await;
    let response = once(&bench, address, get(address)).await.unwrap();
    assert_eq!(&response.body[..], b"ok");
    let (_, value) = response
        .headers
        .iter()
        .find(|(name, _)| name == "X-Folded")
        .unwrap();
    let words: Vec<_> = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(words, [b"one", b"two"]);
}

#[tokio::test]
async fn a_redirect_too_many_is_a_transaction_that_failed() {
    let address = replying(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n").await;
    for (left, leads_to, failure) in [
        (None, None, None),
        (Some(1), Some(format!("http://{address}/next")), None),
        (
            Some(0),
            None,
            Some("unknown_failure: stopped after too many redirects"),
        ),
    ] {
        let bench = Bench::new();
        let request = Request {
            redirects_left: left,
            ..get(address)
        };
        let response = once(&bench, address, request).await.unwrap();
        let redirect = response.redirect.as_ref().ok().cloned().flatten();
        assert_eq!((response.status, redirect), (302, leads_to), "{left:?}");
        let told = response.redirect.err().map(|failure| failure.code);
        let seen = bench.seen().requests.pop().unwrap().failure;
        for found in [told, seen] {
            assert_eq!(found.as_ref().map(FailureCode::as_str), failure, "{left:?}");
        }
    }
}
