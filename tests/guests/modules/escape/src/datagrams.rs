//! Over UDP: QUIC, datagrams of the guest's own, and too many of them.

use futures::future::join_all;
use netsonde_guest::{
    DnsOptions, Failure, Json, TlsOptions, UdpOptions, UdpSocket, begin, dns, quic, tls, udp,
};

use crate::{PATIENCE, endpoint, lookups, tried, ways};

/// What STUN clients send: a binding request without attributes.
const STUN: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42netsonde-lab";

async fn shake(to: &str, timeout_ms: u32) -> Result<(), Failure> {
    let options = TlsOptions::new();
    options.server_name("example.com");
    options.timeout_ms(timeout_ms);
    quic::handshake(&begin(&[], None), to.to_owned(), &options).await?;
    Ok(())
}

async fn socket(to: &str) -> Result<UdpSocket, Failure> {
    let options = UdpOptions::new();
    if to.starts_with('[') {
        options.ipv6();
    }
    udp::open(&begin(&[], None), &options).await
}

async fn send_one(to: &str, bytes: &[u8]) -> Result<(), Failure> {
    let socket = socket(to).await?;
    udp::send(&socket, to.to_owned(), bytes.to_vec(), None)
        .await
        .map(|_| ())
}

/// Shake hands over QUIC.
pub(crate) async fn quic(way: &str, to: &str) -> Json {
    let failure = shake(to, PATIENCE).await.err();
    tried(&format!("QUIC: {way}"), to, failure)
}

/// Send what looks like STUN.
pub(crate) async fn send(way: &str, to: &str) -> Json {
    let failure = send_one(to, STUN).await.err();
    tried(&format!("UDP: {way}"), to, failure)
}

/// Shake hands in a session whose bytes go into datagrams.
pub(crate) async fn session(way: &str, to: &str) -> Json {
    let options = TlsOptions::new();
    options.server_name("example.com");
    options.no_verify();
    let sent = match tls::start_session(&begin(&[], None), &options, "udp", to) {
        Ok(session) => send_one(to, &session.outgoing()).await,
        Err(failed) => Err(failed.failure()),
    };
    tried(&format!("TLS in datagrams: {way}"), to, sent.err())
}

/// Send to ports that answer with more than they were sent.
pub(crate) async fn amplified(address: &str) -> Vec<Json> {
    let to = ways::AMPLIFIERS.map(|port| endpoint(address, port));
    let mut all = Vec::new();
    for to in &to {
        all.push(send("an amplifier", to).await);
        all.push(quic("an amplifier", to).await);
    }
    all
}

/// Send more than may be to names whose addresses never answer, each in another way.
pub(crate) async fn flood() -> Vec<Json> {
    let mut all = Vec::new();
    let silent = join_all(ways::SILENT.map(lookups::by_system)).await;
    let silent: Vec<String> = silent.into_iter().flatten().flatten().collect();
    let [datagrams, handshakes, sockets, queries] = silent.as_slice() else {
        return all;
    };

    let to = endpoint(datagrams, 40_000);
    if let Ok(socket) = socket(&to).await {
        for _ in 0..300 {
            let failure = udp::send(&socket, to.clone(), b"?".to_vec(), None).await.err();
            all.push(tried("datagrams from one socket", &to, failure));
        }
    }
    // Another port of an address is the same address, and another protocol is, too.
    all.push(send("after a flood", &endpoint(datagrams, 40_001)).await);
    all.push(quic("after a flood", &endpoint(datagrams, 443)).await);

    // The first flights of so many are fewer than may be sent, and become more by being repeated.
    let to = endpoint(handshakes, 443);
    let shaken = join_all((0..60).map(|_| shake(&to, 5000))).await;
    all.extend(
        shaken
            .into_iter()
            .map(|shaken| tried("handshakes", &to, shaken.err())),
    );

    let to = endpoint(sockets, 3478);
    for _ in 0..300 {
        let failure = send_one(&to, STUN).await.err();
        all.push(tried("datagrams from many sockets", &to, failure));
    }

    let to = endpoint(queries, 53);
    let options = DnsOptions::new();
    options.udp_resolver(&to);
    options.timeout_ms(100);
    for _ in 0..3 {
        let transaction = begin(&[], None);
        let asked = (0..50).map(|_| dns::lookup(&transaction, "example.com".to_owned(), &options));
        for asked in join_all(asked).await {
            all.push(tried("queries", &to, asked.err()));
        }
    }
    all
}

/// Send one datagram to each of many addresses.
pub(crate) async fn spread(addresses: &[String]) -> Vec<Json> {
    let mut all = Vec::new();
    if let Ok(socket) = socket("").await {
        for address in addresses {
            let to = endpoint(address, 40_000);
            let failure = udp::send(&socket, to.clone(), b"?".to_vec(), None).await.err();
            all.push(tried("an address of many", &to, failure));
        }
    }
    all
}
