//! Interference with handshakes by `BoringSSL`, and what only it can do.

use crate::harness::{Case, cases};
use serde_json::{Value, json};

/// A handshake by this library with these fields besides.
fn handshake(backend: &str, server: &str, name: &str, fields: &Value) -> Value {
    let mut step = json!({"do": "handshake", "backend": backend, "name": name, "timeout_ms": 1500});
    for (field, value) in fields.as_object().into_iter().flatten() {
        step[field] = value.clone();
    }
    json!([[{"do": "connect", "to": server}, step]])
}

/// What browsers offer.
fn like_a_browser() -> Value {
    json!({"alpn": ["h2", "http/1.1"], "ech": "grease"})
}

/// Versions of another time, and a page.
fn old_page() -> Value {
    let mut steps = handshake(
        "boringssl",
        "104.18.14.118:443",
        "old-tls.test",
        &json!({"versions": ["TLSv1.0", "TLSv1.2"]}),
    );
    if let Some(list) = steps[0].as_array_mut() {
        list.push(json!({"do": "request", "url": "https://old-tls.test/"}));
    }
    steps
}

cases! {
    a_server_of_another_time needs boringssl: Case {
        primitive: "TLS 1.1",
        interference: "nobody interferes: the server is too old for rustls, which is told so; the twin is BoringSSL",
        scenario: "old-tls",
        acts: false,
        censored: handshake("rustls", "104.18.14.118:443", "old-tls.test", &json!({})),
        says: vec![
            ("/tls_handshakes/0/failure", json!("unknown_failure: remote error: tls: protocol version not supported")),
            ("/tls_handshakes/0/x_failure_detail", json!("alert received: ProtocolVersion (70)")),
            ("/tls_handshakes/0/x_backend", json!("rustls")),
        ],
        twin: old_page(),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/tls_version", json!("TLSv1.1")),
            ("/tls_handshakes/0/x_backend", json!("boringssl")),
            ("/requests/0/response/code", json!(200)),
        ],
    };
    a_server_too_new_for_what_is_offered needs boringssl: Case {
        primitive: "TLS 1.1",
        interference: "nobody interferes: the server does not speak what is offered any more",
        scenario: "old-tls",
        acts: false,
        censored: handshake("boringssl", "23.215.0.132:443", "example.org", &json!({"versions": ["TLSv1.0", "TLSv1.1"]})),
        says: vec![
            ("/tls_handshakes/0/failure", json!("unknown_failure: remote error: tls: handshake failure")),
            ("/tls_handshakes/0/x_failure_detail", json!("alert received: HandshakeFailure (40)")),
        ],
        twin: handshake("boringssl", "23.215.0.132:443", "example.org", &json!({"versions": ["TLSv1.0", "TLSv1.3"]})),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/tls_version", json!("TLSv1.3")),
        ],
    };
    a_reset_on_the_sni_of_a_browser needs boringssl: Case {
        primitive: "TLS: like a browser",
        interference: "connections with the SNI are reset",
        scenario: "sni-rst",
        acts: true,
        censored: handshake("boringssl", "149.154.167.99:443", "web.telegram.org", &like_a_browser()),
        says: vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/tls_handshakes/0/x_backend", json!("boringssl")),
        ],
        twin: handshake("boringssl", "23.192.228.80:443", "example.com", &like_a_browser()),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/negotiated_protocol", json!("h2")),
            ("/tls_handshakes/0/x_key_exchange_group", json!("X25519MLKEM768")),
        ],
    };
    a_middlebox_that_takes_no_hello_of_a_browser needs boringssl: Case {
        primitive: "TLS: like a browser",
        interference: "hellos that take more than one packet are swallowed, whatever the name; the twin's has no post-quantum key",
        scenario: "spanning-hello-drop",
        acts: true,
        censored: handshake("boringssl", "23.192.228.80:443", "example.com", &like_a_browser()),
        says: vec![("/tls_handshakes/0/failure", json!("generic_timeout_error"))],
        twin: handshake("boringssl", "23.192.228.80:443", "example.com", &json!({"groups": ["x25519"]})),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/x_key_exchange_group", json!("x25519")),
        ],
    };
}
