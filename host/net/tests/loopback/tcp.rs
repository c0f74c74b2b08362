//! Connect, read, write.

use crate::support::{Bench, code, refusing, replying, resetting, server, silent, unanswering};
use netsonde_data::FailureCode;
use netsonde_net::{ConnectOptions, http::Request};
use std::time::Duration;

#[tokio::test]
async fn a_connect_is_seen_as_entry_and_event_with_the_same_times() {
    let bench = Bench::new();
    let address = silent().await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    assert_eq!(connection.remote(), address);
    assert!(connection.alpn().is_none() && connection.peer_certificates().is_empty());
    let seen = bench.seen();
    let entry = &seen.tcp_connect[0];
    assert_eq!((entry.ip.as_str(), entry.port), ("127.0.0.1", address.port()));
    assert!(entry.status.success && entry.status.failure.is_none());
    assert_eq!(
        (entry.transaction_id, entry.tags.as_slice()),
        (1, ["tag".to_owned()].as_slice())
    );
    assert!(0.0 < entry.t0 && entry.t0 < entry.t && entry.t < 5.0, "{entry:?}");
    let event = &seen.network_events[0];
    assert_eq!(
        (event.operation.as_str(), event.proto.as_str()),
        ("connect", "tcp")
    );
    assert_eq!(
        (event.t0.to_bits(), event.t.to_bits()),
        (entry.t0.to_bits(), entry.t.to_bits())
    );
    assert_eq!(event.address, address.to_string());
}

#[tokio::test]
async fn a_refused_connect_has_the_systems_error() {
    let bench = Bench::new();
    let address = refusing().await;
    let error = bench.net.connect(&bench.tx, address, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("connect to {address}: connection_refused")
    );
    let seen = bench.seen();
    assert_eq!(
        seen.tcp_connect[0].status.failure,
        Some(FailureCode::CONNECTION_REFUSED)
    );
    assert_eq!(
        seen.network_events[0].failure,
        Some(FailureCode::CONNECTION_REFUSED)
    );
    assert!(!seen.tcp_connect[0].status.success);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connect_without_answer_ends_at_our_deadline() {
    let bench = Bench::new();
    let (address, _held, _listener) = unanswering().await;
    let within = Duration::from_millis(300);
    let options = ConnectOptions {
        timeout: Some(within),
        ..ConnectOptions::default()
    };
    let result = bench.net.connect(&bench.tx, address, Some(options)).await;
    assert_eq!(code(result), FailureCode::GENERIC_TIMEOUT_ERROR);
    let entry = &bench.seen().tcp_connect[0];
    assert!((0.3..2.0).contains(&(entry.t - entry.t0)), "{entry:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_connect_is_interrupted() {
    let bench = Bench::new();
    let (address, _held, _listener) = unanswering().await;
    let (net, tx) = (bench.net.clone(), bench.tx.clone());
    bench
        .drop_half_way(async move { net.connect(&tx, address, None).await })
        .await;
    let seen = bench.seen();
    assert_eq!(seen.tcp_connect[0].status.failure, Some(FailureCode::INTERRUPTED));
    assert_eq!(seen.network_events[0].failure, Some(FailureCode::INTERRUPTED));
}

#[tokio::test]
async fn reads_and_writes_are_seen_with_their_sizes() {
    let bench = Bench::new();
    let address = replying(b"pong").await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    assert_eq!(bench.net.write(&connection, b"ping!", None).await.unwrap(), 5);
    assert_eq!(&bench.net.read(&connection, 3, None).await.unwrap()[..], b"pon");
    assert_eq!(&bench.net.read(&connection, 100, None).await.unwrap()[..], b"g");
    assert!(bench.net.read(&connection, 0, None).await.unwrap().is_empty());
    let sizes = |operation| {
        bench
            .events(operation)
            .iter()
            .map(|event| event.num_bytes)
            .collect::<Vec<_>>()
    };
    assert_eq!((sizes("write"), sizes("read")), (vec![5], vec![3, 1]));
    let used = bench.net.meter().used();
    assert_eq!(
        (used.connections, used.bytes_sent, used.bytes_received),
        (1, 5, 4)
    );
    for event in bench.seen().network_events {
        assert_eq!(
            (event.address, event.proto.as_str()),
            (address.to_string(), "tcp")
        );
        assert!(event.t0 <= event.t && event.transaction_id == 1);
    }
}

#[tokio::test]
async fn the_end_of_the_stream_and_a_reset_are_told_apart() {
    let bench = Bench::new();
    let closing = server(|_stream| async {}).await;
    let connection = bench.net.connect(&bench.tx, closing, None).await.unwrap();
    assert_eq!(
        code(bench.net.read(&connection, 9, None).await),
        FailureCode::EOF_ERROR
    );
    let connection = bench
        .net
        .connect(&bench.tx, resetting(b"").await, None)
        .await
        .unwrap();
    bench.net.write(&connection, b"x", None).await.unwrap();
    assert_eq!(
        code(bench.net.read(&connection, 9, None).await),
        FailureCode::CONNECTION_RESET
    );
    let failures: Vec<_> = bench
        .events("read")
        .into_iter()
        .filter_map(|event| event.failure)
        .collect();
    assert_eq!(failures, [FailureCode::EOF_ERROR, FailureCode::CONNECTION_RESET]);
}

#[tokio::test]
async fn a_dropped_read_is_interrupted_and_the_connection_lives_on() {
    let bench = Bench::new();
    let connection = bench
        .net
        .connect(&bench.tx, replying(b"pong").await, None)
        .await
        .unwrap();
    let (net, reader) = (bench.net.clone(), connection.clone());
    bench
        .drop_half_way(async move { net.read(&reader, 9, None).await })
        .await;
    let event = &bench.events("read")[0];
    assert_eq!(event.failure, Some(FailureCode::INTERRUPTED));
    assert!((0.03..5.0).contains(&(event.t - event.t0)), "{event:?}");
    bench.net.write(&connection, b"ping", None).await.unwrap();
    assert_eq!(&bench.net.read(&connection, 9, None).await.unwrap()[..], b"pong");
}

#[tokio::test]
async fn a_read_does_not_hold_up_a_write() {
    let bench = Bench::new();
    let connection = bench
        .net
        .connect(&bench.tx, replying(b"pong").await, None)
        .await
        .unwrap();
    let reading = bench.net.read(&connection, 9, None);
    let writing = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        bench.net.write(&connection, b"ping", None).await
    };
    let (read, written) = tokio::join!(reading, writing);
    assert_eq!((&read.unwrap()[..], written.unwrap()), (&b"pong"[..], 4));
}

#[tokio::test]
async fn a_connection_that_speaks_http_takes_no_raw_bytes() {
    let bench = Bench::new();
    let address = replying(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    let request = Request {
        url: format!("http://{address}/"),
        ..Request::default()
    };
    bench
        .net
        .round_trip(&bench.tx, &connection, request)
        .await
        .unwrap();
    assert_eq!(
        code(bench.net.read(&connection, 1, None).await),
        FailureCode::INVALID_ARGUMENT
    );
    assert_eq!(
        code(bench.net.write(&connection, b"x", None).await),
        FailureCode::INVALID_ARGUMENT
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_connects_at_once_are_all_seen() {
    let bench = Bench::new();
    let address = silent().await;
    let connects = (0..500).map(|_| bench.net.connect(&bench.tx, address, None));
    let connections = futures::future::join_all(connects).await;
    assert!(connections.iter().all(Result::is_ok));
    let seen = bench.seen();
    assert_eq!((seen.tcp_connect.len(), seen.network_events.len()), (500, 500));
    assert!(
        seen.tcp_connect.windows(2).all(|pair| pair[0].t <= pair[1].t),
        "entries are in the order they ended"
    );
    assert_eq!(bench.net.meter().used().connections, 500);
}

#[test]
fn operations_can_run_in_tasks_of_their_own() {
    fn assert_task<T: Send>(_: impl Fn(Bench) -> T) {}
    assert_task(|bench| async move {
        let connection = bench
            .net
            .connect(&bench.tx, ([127, 0, 0, 1], 1).into(), None)
            .await?;
        bench
            .net
            .lookup(
                &bench.tx,
                "localhost",
                netsonde_net::dns::LookupOptions::default(),
            )
            .await?;
        bench.net.write(&connection, b"", None).await?;
        bench.net.read(&connection, 1, None).await?;
        let options = netsonde_net::tls::HandshakeOptions::default();
        let connection = bench.net.handshake(&bench.tx, connection, options).await?;
        bench
            .net
            .round_trip(&bench.tx, &connection, Request::default())
            .await
    });
}
