//! Budgets.

use crate::support::{Bench, replying, server, silent};
use netsonde_data::FailureCode;
use netsonde_net::{
    Budget, Exceeded, NetError,
    dns::{LookupOptions, Resolver},
    http::Request,
    tls::HandshakeOptions,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn exceeded<T: std::fmt::Debug>(result: Result<T, NetError>) -> Exceeded {
    match result {
        Err(NetError::Exceeded(exceeded)) => exceeded,
        other => panic!("expected the budget to be exceeded, got {other:?}"),
    }
}

#[tokio::test]
async fn one_connection_too_many_is_not_made() {
    let bench = Bench::with_budget(Budget {
        connections: 1,
        ..Budget::default()
    });
    let address = silent().await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    let refused = exceeded(bench.net.connect(&bench.tx, address, None).await);
    assert_eq!(
        refused,
        Exceeded {
            what: "connections",
            limit: 1
        }
    );
    assert_eq!(
        bench.seen().tcp_connect.len(),
        1,
        "what was not tried is not seen"
    );
    // From here on nothing goes.
    assert_eq!(exceeded(bench.net.write(&connection, b"x", None).await), refused);
    assert_eq!(
        exceeded(
            bench
                .net
                .lookup(&bench.tx, "localhost", LookupOptions::default())
                .await
        ),
        refused
    );
    assert_eq!(bench.net.meter().exceeded(), Some(refused));
}

#[tokio::test]
async fn queries_are_counted_one_for_each_type() {
    let bench = Bench::with_budget(Budget {
        queries: 1,
        ..Budget::default()
    });
    let resolver = silent().await;
    let options = LookupOptions {
        resolver: Resolver::Udp(resolver),
        ..LookupOptions::default()
    };
    let refused = exceeded(bench.net.lookup(&bench.tx, "example.org", options).await);
    assert_eq!(refused.to_string(), "queries: more than 1");
    assert!(bench.events("write").is_empty());
}

#[tokio::test]
async fn sending_stops_at_the_limit() {
    let bench = Bench::with_budget(Budget {
        bytes_sent: 4,
        ..Budget::default()
    });
    let connection = bench.net.connect(&bench.tx, silent().await, None).await.unwrap();
    assert_eq!(bench.net.write(&connection, b"123456", None).await.unwrap(), 4);
    assert_eq!(
        exceeded(bench.net.write(&connection, b"56", None).await).what,
        "bytes_sent"
    );
    assert_eq!(bench.net.meter().used().bytes_sent, 4);
    assert_eq!(bench.events("write").len(), 1);
}

#[tokio::test]
async fn receiving_stops_after_the_limit() {
    let bench = Bench::with_budget(Budget {
        bytes_received: 3,
        ..Budget::default()
    });
    let connection = bench
        .net
        .connect(&bench.tx, replying(b"pong").await, None)
        .await
        .unwrap();
    bench.net.write(&connection, b"ping", None).await.unwrap();
    assert_eq!(
        exceeded(bench.net.read(&connection, 9, None).await).what,
        "bytes_received"
    );
    assert_eq!(bench.events("read")[0].num_bytes, 4, "what arrived is seen");
}

#[tokio::test]
async fn an_operation_that_the_budget_ends_is_seen_as_interrupted() {
    let bench = Bench::with_budget(Budget {
        bytes_sent: 20,
        ..Budget::default()
    });
    let connection = bench.net.connect(&bench.tx, silent().await, None).await.unwrap();
    exceeded(
        bench
            .net
            .handshake(&bench.tx, connection, HandshakeOptions::default())
            .await
            .map_err(NetError::from),
    );
    assert_eq!(
        bench.seen().tls_handshakes[0].failure,
        Some(FailureCode::INTERRUPTED)
    );

    let bench = Bench::with_budget(Budget {
        bytes_received: 50,
        ..Budget::default()
    });
    let address =
        replying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789012345678901234567890123456789")
            .await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    let request = Request {
        url: format!("http://{address}/"),
        ..Request::default()
    };
    exceeded(bench.net.round_trip(&bench.tx, &connection, request).await);
    assert_eq!(bench.seen().requests[0].failure, Some(FailureCode::INTERRUPTED));
}

#[tokio::test]
async fn a_body_that_trickles_for_ever_ends_at_the_limit() {
    let bench = Bench::with_budget(Budget {
        observations: 50,
        ..Budget::default()
    });
    let address = server(|mut stream| async move {
        let mut sink = [0; 4096];
        let _ = stream.read(&mut sink).await;
        let _ = stream.set_nodelay(true);
        let mut next: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        while stream.write_all(next).await.is_ok() {
            next = b"x";
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    })
    .await;
    let connection = bench.net.connect(&bench.tx, address, None).await.unwrap();
    let request = Request {
        url: format!("http://{address}/"),
        ..Request::default()
    };
    let refused = exceeded(bench.net.round_trip(&bench.tx, &connection, request).await);
    assert_eq!(refused.to_string(), "observations: more than 50");
    // The transaction is one of them. The kernel's books count, too, where this took long, except for the last look.
    let seen = ["read", "write", "x_tcp_info"].map(|operation| bench.events(operation).len());
    assert!((50..=52).contains(&seen.iter().sum::<usize>()), "{seen:?}");
    assert_eq!(bench.seen().requests[0].failure, Some(FailureCode::INTERRUPTED));
}

#[tokio::test]
async fn datagrams_and_what_needs_no_network_count_too() {
    let bench = Bench::with_budget(Budget {
        observations: 2,
        ..Budget::default()
    });
    let resolver = LookupOptions {
        resolver: Resolver::Udp(silent_resolver().await),
        timeout: Some(std::time::Duration::from_millis(100)),
        ..LookupOptions::default()
    };
    let refused = exceeded(bench.net.lookup(&bench.tx, "example.org", resolver).await);
    assert_eq!((refused.what, refused.limit), ("observations", 2));

    let bench = Bench::with_budget(Budget {
        observations: 2,
        ..Budget::default()
    });
    let lookup = || bench.net.lookup(&bench.tx, "192.0.2.1", LookupOptions::default());
    lookup().await.unwrap();
    lookup().await.unwrap();
    assert_eq!(exceeded(lookup().await).what, "observations");
    assert_eq!(bench.events("resolve_start").len(), 2);
}

/// The address of a UDP socket that nobody reads from.
async fn silent_resolver() -> std::net::SocketAddr {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let _held = socket;
        std::future::pending::<()>().await;
    });
    address
}
