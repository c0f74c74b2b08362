//! The operations through our primitives. Each is a measurement of its own, with its trace and its meter.

use crate::servers::{NAME, Servers};
use netsonde_net::dns::{LookupOptions, QueryType, Resolver};
use netsonde_net::http::Request;
use netsonde_net::tls::HandshakeOptions;
use netsonde_net::{Budget, Clock, Meter, Net, NetConfig, Trace, Transaction};
use std::sync::{Arc, OnceLock};

/// A network without policy and with the servers' authority, of which each measurement gets a clone.
fn measurement(servers: &Servers) -> (Net, Transaction) {
    static NET: OnceLock<NetConfig> = OnceLock::new();
    let config = NET.get_or_init(|| NetConfig {
        extra_roots_pem: vec![servers.root.clone()],
        ..NetConfig::unrestricted()
    });
    let trace = Trace::new(Clock::start());
    let net = Net::new(config, trace, Arc::new(Meter::new(Budget::default()))).unwrap();
    let transaction = net.trace().begin(Vec::new(), None);
    (net, transaction)
}

pub(crate) async fn dns(servers: &Servers) {
    let (net, tx) = measurement(servers);
    let options = LookupOptions {
        resolver: Resolver::Udp(servers.dns),
        query_types: vec![QueryType::A],
        ..LookupOptions::default()
    };
    net.lookup(&tx, NAME, options).await.unwrap();
    assert_eq!(net.trace().take_observations().queries.len(), 1);
}

fn options() -> HandshakeOptions {
    HandshakeOptions {
        server_name: Some(NAME.to_owned()),
        ..HandshakeOptions::default()
    }
}

pub(crate) async fn tls(servers: &Servers) {
    let (net, tx) = measurement(servers);
    let connection = net.connect(&tx, servers.tls, None).await.unwrap();
    net.handshake(&tx, connection, options()).await.unwrap();
    assert_eq!(net.trace().take_observations().tls_handshakes.len(), 1);
}

pub(crate) async fn http(servers: &Servers) {
    let (net, tx) = measurement(servers);
    let connection = net.connect(&tx, servers.http, None).await.unwrap();
    let request = Request {
        method: "GET".to_owned(),
        url: format!("http://{NAME}/"),
        ..Request::default()
    };
    let response = net.round_trip(&tx, &connection, request).await.unwrap();
    assert_eq!(response.body.len(), 10_000);
    assert_eq!(net.trace().take_observations().requests.len(), 1);
}

pub(crate) async fn quic(servers: &Servers) {
    let (net, tx) = measurement(servers);
    let options = HandshakeOptions {
        alpn: vec!["h3".to_owned()],
        ..options()
    };
    net.quic_handshake(&tx, servers.quic, options).await.unwrap();
    assert_eq!(net.trace().take_observations().quic_handshakes.len(), 1);
}
