//! What goes over HTTP/1.1 byte for byte.

use crate::{
    http::connect,
    support::{Bench, code, replying, replying_once, server},
};
use bytes::Bytes;
use netsonde_data::FailureCode;
use netsonde_net::http::Request;
use std::{net::SocketAddr, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn get(address: SocketAddr) -> Request {
    Request {
        url: format!("http://{address}/"),
        timeout: Some(Duration::from_secs(5)),
        ..Request::default()
    }
}

/// A server that answers with what it was sent, as the body of a response.
async fn echoing() -> SocketAddr {
    server(|mut stream| async move {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {count}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&buffer[..count]).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_raw_head_is_sent_byte_for_byte_and_recorded() {
    let bench = Bench::new();
    let address = echoing().await;
    let connection = connect(&bench, address).await;
    let head = Bytes::from_static(b"GeT / HTTP/XYZ\n\rhOsT :\xff\r\nA:1\nA:2\n\n");
    for _ in 0..2 {
        let request = Request {
            raw_head: Some(head.clone()),
            ..get(address)
        };
        let response = bench
            .net
            .round_trip(&bench.tx, &connection, request)
            .await
            .unwrap();
        assert_eq!(response.body, head, "and the connection goes on");
    }
    let entry = serde_json::to_value(&bench.seen().requests[0].request).unwrap();
    assert_eq!(entry["method"], "GeT");
    assert_eq!(entry["headers_list"][1], serde_json::json!(["A", "1"]));
    assert_eq!(entry["x_raw_head"]["format"], "base64");
}

#[tokio::test]
async fn interim_responses_are_passed_over_and_trailers_kept() {
    let bench = Bench::new();
    let address = replying(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-sum: 1\r\n\r\n",
    )
    .await;
    let connection = connect(&bench, address).await;
    for _ in 0..3 {
        let response = bench
            .net
            .round_trip(&bench.tx, &connection, get(address))
            .await
            .unwrap();
        assert_eq!((response.status, &response.body[..]), (200, &b"abc"[..]));
        assert_eq!(
            response.trailers,
            [("X-sum".to_owned(), Bytes::from_static(b"1"))]
        );
    }
    let entry = serde_json::to_value(&bench.seen().requests[0].response).unwrap();
    assert_eq!(entry["x_trailers"], serde_json::json!([["X-sum", "1"]]));
    assert_eq!(entry["x_status_line"], "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_the_connection() {
    let bench = Bench::new();
    let address = replying_once(b"HTTP/1.0 200 OK\r\n\r\nwhole").await;
    let connection = connect(&bench, address).await;
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, get(address))
        .await
        .unwrap();
    assert_eq!((&response.body[..], response.body_failure), (&b"whole"[..], None));
    let again = bench.net.round_trip(&bench.tx, &connection, get(address)).await;
    assert_eq!(code(again), FailureCode::EOF_ERROR, "as the socket said last");
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let bench = Bench::new();
    let address = server(|mut stream| async move {
        let mut sink = [0; 8192];
        while let Ok(1..) = stream.read(&mut sink).await {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n";
            stream.write_all(head).await.unwrap();
            stream.write_all(&vec![b'x'; 3_000_000]).await.unwrap();
        }
    })
    .await;
    let connection = connect(&bench, address).await;
    for _ in 0..2 {
        let request = Request {
            body_snapshot_limit: 4 << 20,
            ..get(address)
        };
        let response = bench
            .net
            .round_trip(&bench.tx, &connection, request)
            .await
            .unwrap();
        assert_eq!(
            (response.body.len(), response.body_is_truncated),
            (3_000_000, false)
        );
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_heard() {
    let bench = Bench::new();
    let address = server(|mut stream| async move {
        let mut sink = [0; 16];
        stream.read_exact(&mut sink).await.unwrap();
        let answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
        stream.write_all(answer).await.unwrap();
        // Nothing more is read: the request can not be sent to its end.
        tokio::time::sleep(Duration::from_secs(20)).await;
    })
    .await;
    let connection = connect(&bench, address).await;
    let request = Request {
        method: "POST".to_owned(),
        body: vec![b'x'; 12 << 20].into(),
        ..get(address)
    };
    let response = bench
        .net
        .round_trip(&bench.tx, &connection, request)
        .await
        .unwrap();
    assert_eq!((response.status, &response.body[..]), (413, &b"no"[..]));
    let again = bench.net.round_trip(&bench.tx, &connection, get(address)).await;
    assert_eq!(code(again), FailureCode::CONNECTION_ALREADY_CLOSED);
}

#[tokio::test]
async fn what_comes_unasked_is_no_answer_to_the_next_request() {
    let bench = Bench::new();
    let forged = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA\
        HTTP/1.1 302 Found\r\nContent-Length: 1\r\n\r\nB";
    let address = replying(forged).await;
    let connection = connect(&bench, address).await;
    let first = bench
        .net
        .round_trip(&bench.tx, &connection, get(address))
        .await
        .unwrap();
    assert_eq!(&first.body[..], b"A");
    let second = bench.net.round_trip(&bench.tx, &connection, get(address)).await;
    let wanted = FailureCode::unknown("the server sent something before it was asked");
    assert_eq!(code(second), wanted);
}

#[tokio::test]
async fn what_is_no_response_leaves_no_bytes_and_says_what_is_wrong() {
    let bench = Bench::new();
    let malformed =
        |what: &str| FailureCode::unknown(format!("HTTP/1.x transport connection broken: malformed {what}"));
    for (address, failure, detail) in [
        (
            replying(b"SSH-2.0-x\r\n").await,
            malformed("HTTP response"),
            false,
        ),
        (
            replying(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n").await,
            malformed("MIME header line"),
            true,
        ),
    ] {
        let connection = connect(&bench, address).await;
        let result = bench.net.round_trip(&bench.tx, &connection, get(address)).await;
        assert_eq!(code(result), failure);
        let entry = &bench.seen().requests[0];
        assert_eq!(entry.x_failure_detail.is_some(), detail);
        assert!(entry.response.code == 0 && entry.response.body.0.is_empty());
    }
    let read = bench.events("read");
    assert_eq!(read[0].num_bytes, 11);
}

#[tokio::test]
async fn a_body_cut_short_says_how_short() {
    let bench = Bench::new();
    let address = replying_once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234").await;
    let connection = connect(&bench, address).await;
    bench
        .net
        .round_trip(&bench.tx, &connection, get(address))
        .await
        .unwrap();
    let detail = bench.seen().requests[0].x_failure_detail.clone();
    assert_eq!(
        detail.as_deref(),
        Some("the connection ended 5 bytes before the end of the body")
    );
}

#[tokio::test]
async fn transactions_on_one_connection_wait_for_each_other() {
    let bench = Bench::new();
    let address = echoing().await;
    let connection = connect(&bench, address).await;
    let one = bench.net.round_trip(&bench.tx, &connection, get(address));
    let two = bench.net.round_trip(&bench.tx, &connection, get(address));
    let hasty = Request {
        timeout: Some(Duration::ZERO),
        ..get(address)
    };
    let three = bench.net.round_trip(&bench.tx, &connection, hasty);
    let (one, two, three) = futures::join!(one, two, three);
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(
        code(three),
        FailureCode::GENERIC_TIMEOUT_ERROR,
        "and it disturbs nobody"
    );
}
