//! Interference with TLS.

use crate::harness::{Case, cases};
use serde_json::{Value, json};

/// A handshake with the server of `example.com`.
fn handshake(server: &str, name: &str) -> Value {
    json!([[
        {"do": "connect", "to": server},
        {"do": "handshake", "name": name, "alpn": ["h2", "http/1.1"], "timeout_ms": 1500},
    ]])
}

/// A handshake with these fields besides.
fn handshake_with(server: &str, name: &str, fields: &Value) -> Value {
    let mut steps = handshake(server, name);
    for (field, value) in fields.as_object().into_iter().flatten() {
        steps[0][1][field] = value.clone();
    }
    steps
}

/// What browsers offer: a post-quantum key, which makes the hello longer than a packet.
fn post_quantum() -> Value {
    json!({ "groups": ["X25519MLKEM768", "x25519"] })
}

/// A session over bytes that the guest reads and writes itself.
fn session(server: &str, name: &str) -> Value {
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n");
    json!([[
        {"do": "connect", "to": server},
        {"do": "session", "tls": {"name": name, "timeout_ms": 1500}, "text": request},
    ]])
}

/// Two handshakes on the heels of each other.
fn two_handshakes(server: &str, name: &str) -> Value {
    json!([[
        {"do": "connect", "to": server},
        {"do": "handshake", "name": name, "timeout_ms": 1500, "may_fail": true},
        {"do": "connect", "to": server, "timeout_ms": 1500},
        {"do": "handshake", "name": "example.org", "no_verify": true, "timeout_ms": 1500},
    ]])
}

cases! {
    a_reset_on_sni: Case {
        primitive: "TLS",
        interference: "connections with the SNI are reset",
        scenario: "sni-rst",
        acts: true,
        censored: handshake("149.154.167.99:443", "web.telegram.org"),
        says: vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/tls_handshakes/0/server_name", json!("web.telegram.org")),
        ],
        twin: handshake("23.192.228.80:443", "example.com"),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/tls_handshakes/0/negotiated_protocol", json!("h2"))],
    };
    a_drop_on_sni: Case {
        primitive: "TLS",
        interference: "connections with the SNI are swallowed",
        scenario: "sni-drop",
        acts: true,
        censored: handshake("23.192.228.80:443", "example.com"),
        says: vec![("/tcp_connect/0/status/failure", json!(null)), ("/tls_handshakes/0/failure", json!("generic_timeout_error"))],
        twin: handshake("23.215.0.132:443", "example.org"),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/tls_handshakes/0/tls_version", json!("TLSv1.3"))],
    };
    a_reset_on_sni_of_a_session: Case {
        primitive: "TLS: framed by the guest",
        interference: "connections with the SNI are reset",
        scenario: "sni-rst",
        acts: true,
        censored: session("149.154.167.99:443", "web.telegram.org"),
        says: vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/network_events/operation=read/failure", json!("connection_reset")),
            ("/tls_handshakes/0/server_name", json!("web.telegram.org")),
            ("/tls_handshakes/0/failure", json!("interrupted")),
        ],
        twin: session("23.192.228.80:443", "example.com"),
        twin_says: vec![
            ("/network_events/operation=read/failure", json!(null)),
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/tls_version", json!("TLSv1.3")),
        ],
    };
    another_name_evades: Case {
        primitive: "TLS",
        interference: "connections with the SNI are reset; the twin sends none and verifies the name all the same",
        scenario: "sni-rst",
        acts: true,
        censored: handshake("149.154.167.99:443", "web.telegram.org"),
        says: vec![("/tls_handshakes/0/failure", json!("connection_reset"))],
        twin: handshake_with("149.154.167.99:443", "web.telegram.org", &json!({"sni": ""})),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/server_name", json!("")),
            ("/tls_handshakes/0/x_verified_name", json!("web.telegram.org")),
        ],
    };
    a_split_hello_evades_who_looks_at_first_packets: Case {
        primitive: "TLS",
        interference: "connections with the SNI in their first packet are reset; the twin splits the hello",
        scenario: "split-hello",
        acts: true,
        censored: handshake("23.192.228.80:443", "example.com"),
        says: vec![("/tls_handshakes/0/failure", json!("connection_reset"))],
        twin: handshake_with("23.192.228.80:443", "example.com", &json!({"split_hello": 20})),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/network_events/1/operation", json!("tls_handshake_start")),
            ("/network_events/2/operation", json!("write")),
            ("/network_events/2/num_bytes", json!(20)),
            ("/network_events/3/operation", json!("write")),
        ],
    };
    a_split_hello_does_not_evade_who_reassembles: Case {
        primitive: "TLS",
        interference: "connections with the SNI are reset, the hello of two segments too",
        scenario: "sni-rst",
        acts: true,
        censored: handshake_with("149.154.167.99:443", "web.telegram.org", &json!({"split_hello": 20})),
        says: vec![
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/network_events/2/num_bytes", json!(20)),
        ],
        twin: handshake_with("23.192.228.80:443", "example.com", &json!({"split_hello": 20})),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/network_events/2/num_bytes", json!(20))],
    };
    a_post_quantum_hello_does_not_evade_who_reassembles: Case {
        primitive: "TLS: post-quantum key",
        interference: "connections with the SNI are reset, the hello of two packets too",
        scenario: "sni-rst",
        acts: true,
        censored: handshake_with("149.154.167.99:443", "web.telegram.org", &post_quantum()),
        says: vec![("/tls_handshakes/0/failure", json!("connection_reset"))],
        twin: handshake_with("23.192.228.80:443", "example.com", &post_quantum()),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/x_key_exchange_group", json!("X25519MLKEM768")),
        ],
    };
    a_post_quantum_hello_evades_who_reads_one_packet: Case {
        primitive: "TLS: post-quantum key",
        interference: "connections with the SNI are reset if the hello is one packet; the twin's has a post-quantum key",
        scenario: "short-hello-rst",
        acts: true,
        censored: handshake("23.192.228.80:443", "example.com"),
        says: vec![("/tls_handshakes/0/failure", json!("connection_reset"))],
        twin: handshake_with("23.192.228.80:443", "example.com", &post_quantum()),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/x_key_exchange_group", json!("X25519MLKEM768")),
        ],
    };
    a_middlebox_that_takes_no_post_quantum_hello: Case {
        primitive: "TLS: post-quantum key",
        interference: "hellos that take more than one packet are swallowed, whatever the name; the twin's has no post-quantum key",
        scenario: "spanning-hello-drop",
        acts: true,
        censored: handshake_with("23.192.228.80:443", "example.com", &post_quantum()),
        says: vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/tls_handshakes/0/failure", json!("generic_timeout_error")),
        ],
        twin: handshake("23.192.228.80:443", "example.com"),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/x_key_exchange_group", json!("x25519")),
        ],
    };
    a_residual_block: Case {
        primitive: "TLS",
        interference: "after a reset on SNI the address is refused for some time, whatever name is asked for",
        scenario: "residual",
        acts: true,
        censored: two_handshakes("23.192.228.80:443", "example.com"),
        says: vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/tcp_connect/1/status/failure", json!("connection_refused")),
        ],
        twin: two_handshakes("23.215.0.132:443", "example.org"),
        twin_says: vec![
            ("/tcp_connect/1/status/failure", json!(null)),
            ("/tls_handshakes/1/failure", json!(null)),
        ],
    };
    versions_that_the_backend_does_not_speak: Case {
        primitive: "TLS",
        interference: "nobody interferes: TLS 1.0 is asked of a backend that does not speak it; the twin asks for 1.2",
        scenario: "clean-everything",
        acts: false,
        censored: handshake_with("23.192.228.80:443", "example.com", &json!({"versions": ["TLSv1.0", "TLSv1.1"]})),
        says: vec![(
            "/tls_handshakes/0/failure",
            json!("unknown_failure: the TLS backend rustls speaks TLS 1.2 and 1.3 only; ask for the backend boringssl"),
        )],
        twin: handshake_with("23.192.228.80:443", "example.com", &json!({"versions": ["TLSv1.2", "TLSv1.2"]})),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/tls_version", json!("TLSv1.2")),
        ],
    };
}
