//! Datagrams, and the ICMP errors that come back.

use crate::support::{Bench, code};
use netsonde_data::FailureCode;
use netsonde_net::{Budget, Datagram, Received, UdpOptions};
use std::{net::SocketAddr, time::Duration};
use tokio::net::UdpSocket;

const SOON: Option<Duration> = Some(Duration::from_secs(5));

/// A server that sends every datagram back.
async fn echo(address: &str) -> SocketAddr {
    let socket = UdpSocket::bind(address).await.unwrap();
    let local = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..length], from).await;
        }
    });
    local
}

fn datagram(received: Received) -> Datagram {
    match received {
        Received::Datagram(datagram) => datagram,
        Received::Icmp(event) => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn a_datagram_goes_and_comes_with_its_source() {
    let bench = Bench::new();
    let address = echo("127.0.0.1:0").await;
    let socket = bench.net.udp_open(&bench.tx, UdpOptions::default()).unwrap();
    let number = bench
        .net
        .udp_send(&socket, address, b"ping", Some(9))
        .await
        .unwrap();
    let received = datagram(bench.net.udp_receive(&socket, SOON).await.unwrap());
    assert_eq!(
        (number, received.source, &received.bytes[..]),
        (0, address, &b"ping"[..])
    );
    #[cfg(target_os = "linux")]
    assert_eq!(received.ttl, Some(64));
    let (sent, read) = (&bench.events("write_to")[0], &bench.events("read_from")[0]);
    assert_eq!(
        (sent.num_bytes, sent.x_ttl, sent.failure.as_ref()),
        (4, Some(9), None)
    );
    assert_eq!((read.num_bytes, read.proto.as_str()), (4, "udp"));
    assert_eq!(
        (&sent.address, &read.address),
        (&address.to_string(), &address.to_string())
    );
    let used = bench.net.meter().used();
    assert_eq!(
        (used.connections, used.bytes_sent, used.bytes_received),
        (1, 4, 4)
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_closed_port_answers_with_icmp_and_an_open_one_does_not() {
    for (open, closed) in [("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:0", "[::1]:0")] {
        let bench = Bench::new();
        let open = echo(open).await;
        let closed = UdpSocket::bind(closed).await.unwrap().local_addr().unwrap();
        let options = UdpOptions { ipv6: open.is_ipv6() };
        let socket = bench.net.udp_open(&bench.tx, options).unwrap();
        bench.net.udp_send(&socket, closed, b"one", None).await.unwrap();
        let Received::Icmp(event) = bench.net.udp_receive(&socket, SOON).await.unwrap() else {
            panic!("{:?}", bench.seen())
        };
        assert_eq!(event.failure, Some(FailureCode::CONNECTION_REFUSED));
        assert_eq!(event.address, closed.to_string());
        let icmp = event.x_icmp.as_ref().unwrap();
        assert_eq!((icmp.name.as_str(), icmp.datagram), ("port_unreachable", Some(0)));
        assert_eq!(icmp.router, Some(closed.ip().to_string()));
        assert_eq!(bench.net.trace().icmp_errors(&bench.tx), [*event]);
        // The socket lives on, and the open port has no such event.
        bench.net.udp_send(&socket, open, b"two", None).await.unwrap();
        datagram(bench.net.udp_receive(&socket, SOON).await.unwrap());
        assert_eq!(bench.events("x_icmp").len(), 1);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_nobody_received_is_seen_when_the_socket_closes() {
    let bench = Bench::new();
    let closed = UdpSocket::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let socket = bench.net.udp_open(&bench.tx, UdpOptions::default()).unwrap();
    bench.net.udp_send(&socket, closed, b"one", None).await.unwrap();
    drop(socket);
    assert_eq!(bench.events("x_icmp").len(), 1);
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_a_drop_is_an_interruption() {
    let bench = Bench::new();
    let socket = bench.net.udp_open(&bench.tx, UdpOptions::default()).unwrap();
    let within = Some(Duration::from_millis(50));
    let silence = bench.net.udp_receive(&socket, within).await;
    assert_eq!(code(silence), FailureCode::GENERIC_TIMEOUT_ERROR);
    let (net, held) = (bench.net.clone(), socket.clone());
    bench
        .drop_half_way(async move { net.udp_receive(&held, None).await })
        .await;
    let failures: Vec<_> = bench
        .events("read_from")
        .into_iter()
        .filter_map(|event| event.failure)
        .collect();
    assert_eq!(
        failures,
        [FailureCode::GENERIC_TIMEOUT_ERROR, FailureCode::INTERRUPTED]
    );
}

#[tokio::test]
async fn a_datagram_that_does_not_fit_says_so_and_a_budget_ends_it() {
    let bench = Bench::new();
    let address = echo("127.0.0.1:0").await;
    let socket = bench.net.udp_open(&bench.tx, UdpOptions::default()).unwrap();
    let result = bench.net.udp_send(&socket, address, &vec![0; 70_000], None).await;
    assert_eq!(code(result), FailureCode::MESSAGE_SIZE);
    assert_eq!(bench.net.meter().used().bytes_sent, 0);
    let bench = Bench::with_budget(Budget {
        bytes_sent: 3,
        ..Budget::default()
    });
    let socket = bench.net.udp_open(&bench.tx, UdpOptions::default()).unwrap();
    assert!(bench.net.udp_send(&socket, address, b"four", None).await.is_err());
    assert_eq!(
        bench.events("write_to")[0].failure,
        Some(FailureCode::INTERRUPTED)
    );
}
