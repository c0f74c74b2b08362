//! The groups that keys are exchanged in, and how long they make a hello.

use crate::{
    quic,
    support::{Bench, replying},
    tls::{Authority, echo, named, shake},
};
use netsonde_net::tls::{BackendName, Group, HandshakeOptions};

/// What a segment carries on Ethernet.
const SEGMENT: u64 = 1448;

fn offering(backend: BackendName, groups: &[Group]) -> HandshakeOptions {
    HandshakeOptions {
        backend,
        groups: groups.to_vec(),
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ..named("example.org")
    }
}

/// The group that was agreed on, and how long the hello was.
async fn agreed(options: HandshakeOptions) -> (Option<String>, u64) {
    let authority = Authority::new();
    let bench = Bench::trusting(&authority.pem());
    let address = echo(authority.server("example.org", |_| {})).await;
    shake(&bench, address, options).await.unwrap();
    let group = bench.seen().tls_handshakes.remove(0).x_key_exchange_group;
    (group, bench.events("write")[0].num_bytes)
}

async fn each_group_with(backend: BackendName) {
    let (group, hello) = agreed(offering(backend, &[Group::X25519MlKem768, Group::X25519])).await;
    assert_eq!(group.as_deref(), Some("X25519MLKEM768"));
    assert!(hello > SEGMENT, "{hello}");
    for one in [Group::X25519, Group::Secp256r1, Group::Secp384r1] {
        let (group, hello) = agreed(offering(backend, &[one])).await;
        assert_eq!(group.as_deref(), Some(one.as_str()));
        assert!(hello < SEGMENT, "{hello}");
    }
}

#[tokio::test]
async fn rustls_exchanges_keys_in_the_groups_that_are_asked_for() {
    each_group_with(BackendName::Rustls).await;
}

#[cfg(feature = "boringssl")]
#[tokio::test]
async fn boringssl_exchanges_keys_in_the_groups_that_are_asked_for() {
    each_group_with(BackendName::BoringSsl).await;
}

#[tokio::test]
async fn a_hello_fits_into_a_packet_where_no_group_is_asked_for() {
    let (group, hello) = agreed(offering(BackendName::Rustls, &[])).await;
    assert_eq!(group.as_deref(), Some("x25519"));
    assert!(hello < SEGMENT, "{hello}");
}

#[tokio::test]
async fn the_hello_of_quic_spans_datagrams_too() {
    let authority = Authority::new();
    let (address, _server) = quic::echo(quic::server_config(&authority, "example.org", "h3", |_| {}));
    for (groups, group, datagrams) in [
        (&[][..], "x25519", 1),
        (&[Group::X25519MlKem768], "X25519MLKEM768", 2),
    ] {
        let bench = Bench::trusting(&authority.pem());
        let options = HandshakeOptions {
            groups: groups.to_vec(),
            ..named("example.org")
        };
        quic::shake(&bench, address, options).await.unwrap();
        assert_eq!(quic::only(&bench).x_key_exchange_group.as_deref(), Some(group));
        let events = bench.seen().network_events;
        let operations = events.iter().map(|event| event.operation.as_str());
        let before_the_answer = operations
            .skip_while(|operation| *operation != "write_to")
            .take_while(|operation| *operation == "write_to");
        assert_eq!(before_the_answer.count(), datagrams, "{events:#?}");
    }
}

#[tokio::test]
async fn a_group_is_offered_once() {
    let bench = Bench::new();
    let options = offering(BackendName::Rustls, &[Group::X25519, Group::X25519]);
    let refused = shake(&bench, replying(b"").await, options).await.unwrap_err();
    assert!(
        refused.to_string().contains("the group x25519 is offered twice"),
        "{refused}"
    );
    assert!(bench.seen().tls_handshakes.is_empty());
}
