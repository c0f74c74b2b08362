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
}
