//! Interference with QUIC, and with HTTP/3 on it.

use crate::harness::{Case, Says, cases};
use serde_json::{Value, json};

const COM: &str = "23.192.228.80:443";
const ORG: &str = "23.215.0.132:443";

/// A handshake that gives up soon.
fn shake(server: &str, name: &str) -> Value {
    json!({"do": "quic", "to": server, "name": name, "alpn": ["h3"], "timeout_ms": 1000})
}

/// The same with a post-quantum key, which makes the hello longer than a datagram.
fn shake_post_quantum(server: &str, name: &str) -> Value {
    let mut step = shake(server, name);
    step["groups"] = json!(["X25519MLKEM768", "x25519"]);
    step
}

/// A handshake, and a page over HTTP/3.
fn fetch(server: &str, name: &str) -> Value {
    json!([[shake(server, name), {"do": "request", "url": format!("https://{name}/")}]])
}

/// What is observed of a page that arrived.
fn arrived() -> Says {
    vec![
        ("/quic_handshakes/0/failure", json!(null)),
        ("/quic_handshakes/0/negotiated_protocol", json!("h3")),
        ("/requests/0/request/x_transport", json!("udp")),
        ("/requests/0/response/code", json!(200)),
    ]
}

/// What is observed of a handshake that nobody answers.
fn unanswered() -> Says {
    vec![
        ("/quic_handshakes/0/failure", json!("generic_timeout_error")),
        ("/requests", json!([])),
    ]
}

cases! {
    a_drop_on_sni: Case {
        primitive: "QUIC",
        interference: "connections with the SNI are swallowed",
        scenario: "quic-sni-drop",
        acts: true,
        censored: fetch(COM, "example.com"),
        says: unanswered(),
        // The same server: it is the name that matters.
        twin: json!([[shake(COM, "example.org"), {"do": "request", "url": "https://example.org/"}]]),
        twin_says: vec![("/quic_handshakes/0/failure", json!("ssl_invalid_hostname"))],
    };
    another_name_gets_through: Case {
        primitive: "HTTP/3",
        interference: "QUIC connections with the SNI are swallowed",
        scenario: "quic-sni-drop",
        acts: true,
        censored: fetch(COM, "example.com"),
        says: unanswered(),
        twin: fetch(ORG, "example.org"),
        twin_says: arrived(),
    };
    a_dropped_port: Case {
        primitive: "HTTP/3",
        interference: "packets to UDP port 443 are dropped",
        scenario: "udp-443-drop",
        acts: true,
        censored: fetch(ORG, "example.org"),
        says: unanswered(),
        twin: fetch("23.215.0.132:8443", "example.org"),
        twin_says: arrived(),
    };
    a_post_quantum_hello_does_not_evade_who_reassembles: Case {
        primitive: "QUIC: post-quantum key",
        interference: "connections with the SNI are swallowed, the hello of two datagrams too",
        scenario: "quic-sni-drop",
        acts: true,
        censored: json!([[shake_post_quantum(COM, "example.com")]]),
        says: vec![("/quic_handshakes/0/failure", json!("generic_timeout_error"))],
        twin: json!([[shake_post_quantum(ORG, "example.org")]]),
        twin_says: vec![
            ("/quic_handshakes/0/failure", json!(null)),
            ("/quic_handshakes/0/x_key_exchange_group", json!("X25519MLKEM768")),
        ],
    };
    a_post_quantum_hello_evades_who_reads_one_datagram: Case {
        primitive: "QUIC: post-quantum key",
        interference: "connections with the SNI are swallowed if the hello is one datagram; the twin's has a post-quantum key",
        scenario: "short-hello-rst",
        acts: true,
        censored: json!([[shake(COM, "example.com")]]),
        says: vec![("/quic_handshakes/0/failure", json!("generic_timeout_error"))],
        twin: json!([[shake_post_quantum(COM, "example.com")]]),
        twin_says: vec![
            ("/quic_handshakes/0/failure", json!(null)),
            ("/quic_handshakes/0/x_key_exchange_group", json!("X25519MLKEM768")),
        ],
    };
    a_middlebox_that_takes_no_post_quantum_hello: Case {
        primitive: "QUIC: post-quantum key",
        interference: "hellos that take more than one datagram are swallowed, whatever the name; the twin's has no post-quantum key",
        scenario: "spanning-hello-drop",
        acts: true,
        censored: json!([[shake_post_quantum(COM, "example.com")]]),
        says: vec![("/quic_handshakes/0/failure", json!("generic_timeout_error"))],
        twin: json!([[shake(COM, "example.com")]]),
        twin_says: vec![
            ("/quic_handshakes/0/failure", json!(null)),
            ("/quic_handshakes/0/x_key_exchange_group", json!("x25519")),
        ],
    };
    no_censor: Case {
        primitive: "HTTP/3",
        interference: "none",
        scenario: "clean-everything",
        acts: false,
        censored: fetch(ORG, "example.org"),
        says: arrived(),
        twin: fetch("[2600:1406:bc00:53::b81e:94c8]:443", "example.org"),
        twin_says: arrived(),
    };
    versions_that_nobody_speaks: Case {
        primitive: "QUIC",
        interference: "only versions that nobody speaks are offered",
        scenario: "clean-everything",
        acts: false,
        censored: json!([[shake("104.18.13.118:443", "old-quic.test")]]),
        says: vec![
            ("/quic_handshakes/0/failure", json!("quic_incompatible_version")),
            ("/quic_handshakes/0/x_quic_version", json!(1)),
            ("/quic_handshakes/0/x_quic_version_negotiation", json!([0x1a2a_3a4a, 0xff00_000b_u32])),
        ],
        twin: json!([[shake(ORG, "example.org")]]),
        twin_says: vec![("/quic_handshakes/0/failure", json!(null)), ("/quic_handshakes/0/x_quic_version", json!(1))],
    };
    nobody_listens: Case {
        primitive: "QUIC",
        interference: "nobody listens at the port",
        scenario: "clean-everything",
        acts: false,
        censored: json!([[shake("23.192.228.80:443", "example.com")]]),
        says: vec![("/quic_handshakes/0/failure", json!("connection_refused"))],
        twin: json!([[shake(ORG, "example.org")]]),
        twin_says: vec![("/quic_handshakes/0/failure", json!(null))],
    };
    no_ipv4: Case {
        primitive: "HTTP/3",
        interference: "none, but there is no IPv4",
        scenario: "ipv6-only",
        acts: false,
        censored: fetch(ORG, "example.org"),
        says: vec![("/quic_handshakes/0/failure", json!("network_unreachable"))],
        twin: fetch("[2600:1406:bc00:53::b81e:94c8]:443", "example.org"),
        twin_says: arrived(),
    };
}
