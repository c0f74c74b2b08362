//! Where the system gives no socket, because too many files are open, nothing is learned about the network. The limit is that of the
//! whole process, so this is a test program of its own.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;

use netsonde_net::dns::{LookupOptions, Resolver};
use netsonde_net::tls::HandshakeOptions;
use netsonde_net::{Budget, Clock, Meter, Net, NetConfig, NetError, Trace, Transaction, UdpOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

const MOST: u64 = 64;

fn measurement() -> (Net, Transaction) {
    let meter = Arc::new(Meter::new(Budget::default()));
    let net = Net::new(&NetConfig::unrestricted(), Trace::new(Clock::start()), meter).unwrap();
    let tx = net.trace().begin(Vec::new(), None);
    (net, tx)
}

/// What needs a socket.
#[derive(Clone, Copy, Debug)]
enum Way {
    Tcp,
    Udp,
    Quic,
    Getaddrinfo,
    DnsOverUdp,
}

/// Try it; how many failures are observed.
async fn attempt(net: &Net, tx: &Transaction, way: Way, address: SocketAddr) -> usize {
    let lookup = |resolver| LookupOptions {
        resolver,
        ..LookupOptions::default()
    };
    match way {
        Way::Tcp => drop(net.connect(tx, address, None).await),
        Way::Udp => drop(net.udp_open(tx, UdpOptions::default())),
        Way::Quic => drop(net.quic_handshake(tx, address, HandshakeOptions::default()).await),
        Way::Getaddrinfo => drop(net.lookup(tx, "www.example.com", lookup(Resolver::System)).await),
        Way::DnsOverUdp => drop(
            net.lookup(tx, "www.example.com", lookup(Resolver::Udp(address)))
                .await,
        ),
    }
    let seen = net.trace().observations();
    seen.queries
        .iter()
        .filter(|query| query.failure.is_some())
        .count()
        + seen
            .network_events
            .iter()
            .filter(|event| event.failure.is_some())
            .count()
        + seen
            .quic_handshakes
            .iter()
            .filter(|shake| shake.failure.is_some())
            .count()
}

#[tokio::test]
async fn without_files_the_measurement_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let before = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(MOST),
            ..before
        },
    )
    .unwrap();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    for way in [Way::Tcp, Way::Udp, Way::Quic, Way::Getaddrinfo, Way::DnsOverUdp] {
        let (net, tx) = measurement();
        let failures = attempt(&net, &tx, way, address).await;
        assert!(failures > 0, "{way:?}");
        let starved = net.meter().starved().map(|starved| starved.to_string());
        assert_eq!(starved.as_deref(), Some("open files: more than 64"), "{way:?}");
        let later = net.connect(&tx, address, None).await;
        assert!(matches!(later, Err(NetError::Exceeded(_))), "{way:?}");
    }
    // With files a connect works, and what fails is the network's doing.
    drop(files);
    let (net, tx) = measurement();
    net.connect(&tx, address, None).await.unwrap();
    drop(listener);
    assert!(net.connect(&tx, address, None).await.is_err());
    assert_eq!(net.meter().starved(), None);
}
