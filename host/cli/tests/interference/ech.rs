//! Encrypted Client Hello: who takes it, who does not, and who blocks it.

use crate::harness::{Case, cases};
use serde_json::{Value, json};

const ACCEPTS: (&str, &str) = ("104.18.10.118:443", "accepts.ech.test");
const REJECTS: (&str, &str) = ("104.18.11.118:443", "rejects.ech.test");
const IGNORES: (&str, &str) = ("104.18.12.118:443", "ignores.ech.test");

/// A handshake that offers what the server's HTTPS record says (`dns`), GREASE, something made up, or nothing.
fn handshake((server, name): (&str, &str), ech: Option<&str>) -> Value {
    json!([[
        {"do": "lookup", "domain": name, "udp": "8.8.8.8:53", "types": ["HTTPS"]},
        {"do": "connect", "to": server},
        {"do": "handshake", "name": name, "ech": ech, "timeout_ms": 1500},
    ]])
}

/// The same, and once more with what the server wants instead.
fn handshake_and_retry((server, name): (&str, &str), ech: &str) -> Value {
    json!([[
        {"do": "lookup", "domain": name, "udp": "8.8.8.8:53", "types": ["HTTPS"]},
        {"do": "connect", "to": server},
        {"do": "handshake", "name": name, "ech": ech, "timeout_ms": 1500, "may_fail": true},
        {"do": "connect", "to": server},
        {"do": "handshake", "name": name, "ech": "retry", "timeout_ms": 1500},
    ]])
}

/// A handshake over QUIC that offers the same, and the page that says whether the server understood it.
fn over_quic((server, name): (&str, &str), ech: Option<&str>) -> Value {
    json!([[
        {"do": "lookup", "domain": name, "udp": "8.8.8.8:53", "types": ["HTTPS"]},
        {"do": "quic", "to": server, "name": name, "ech": ech, "timeout_ms": 1500},
        {"do": "request", "url": format!("https://{name}/cdn-cgi/trace")},
    ]])
}

/// The same twice: as an HTTPS record says, and then as the server does that rejected it.
fn over_quic_and_retry((server, name): (&str, &str)) -> Value {
    json!([[
        {"do": "lookup", "domain": name, "udp": "8.8.8.8:53", "types": ["HTTPS"]},
        {"do": "quic", "to": server, "name": name, "ech": "dns", "timeout_ms": 1500, "may_fail": true},
        {"do": "quic", "to": server, "name": name, "ech": "retry", "timeout_ms": 1500},
    ]])
}

/// A censor of ECH, whatever kind of offer it sees, and the same handshake without one.
fn blocked(interference: &'static str, scenario: &'static str, ech: &str, failure: &str) -> Case {
    Case {
        primitive: "TLS: ECH",
        interference,
        scenario,
        acts: true,
        censored: handshake(ACCEPTS, Some(ech)),
        says: vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/tls_handshakes/0/failure", json!(failure)),
        ],
        twin: handshake(ACCEPTS, None),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null))],
    }
}

cases! {
    a_reset_on_ech: blocked("connections with ECH are reset", "ech-reset", "dns", "connection_reset");
    a_reset_on_grease: blocked(
        "connections with ECH are reset, GREASE too",
        "ech-reset",
        "grease",
        "connection_reset",
    );
    a_reset_on_what_is_made_up: blocked(
        "connections with ECH are reset, one with a made-up configuration too",
        "ech-reset",
        "made_up",
        "connection_reset",
    );
    a_drop_on_ech: blocked("connections with ECH are swallowed", "ech-drop", "dns", "generic_timeout_error");
    a_drop_on_grease: blocked(
        "connections with ECH are swallowed, GREASE too",
        "ech-drop",
        "grease",
        "generic_timeout_error",
    );
    an_encrypted_name_evades: Case {
        primitive: "TLS: ECH",
        interference: "connections with the SNI are reset; the twin encrypts it",
        scenario: "ech-evades",
        acts: true,
        censored: handshake(ACCEPTS, None),
        says: vec![
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/tls_handshakes/0/server_name", json!("accepts.ech.test")),
        ],
        twin: handshake(ACCEPTS, Some("dns")),
        twin_says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/server_name", json!("accepts.ech.test")),
            ("/tls_handshakes/0/outer_server_name", json!("public.ech.test")),
            ("/tls_handshakes/0/x_ech_accepted", json!(true)),
        ],
    };
    grease_hides_no_name: Case {
        primitive: "TLS: ECH",
        interference: "connections with the SNI are reset; GREASE hides nothing",
        scenario: "ech-evades",
        acts: true,
        censored: handshake(ACCEPTS, Some("grease")),
        says: vec![
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/tls_handshakes/0/echconfig", json!("GREASE")),
        ],
        twin: handshake(("23.192.228.80:443", "example.com"), Some("grease")),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/tls_handshakes/0/echconfig", json!("GREASE"))],
    };
    a_drop_on_ech_in_quic: Case {
        primitive: "QUIC: ECH",
        interference: "connections with ECH are swallowed",
        scenario: "ech-drop",
        acts: true,
        censored: over_quic(ACCEPTS, Some("dns")),
        says: vec![("/quic_handshakes/0/failure", json!("generic_timeout_error"))],
        twin: over_quic(ACCEPTS, None),
        twin_says: vec![
            ("/quic_handshakes/0/failure", json!(null)),
            ("/requests/0/response/body", json!("h=accepts.ech.test\nip=[scrubbed]\nsni=plaintext\n")),
        ],
    };
    a_rejection_in_quic: Case {
        primitive: "QUIC: ECH",
        interference: "nobody interferes: the server's HTTPS record is out of date, and what it wants is tried; the twin's is not",
        scenario: "clean-everything",
        acts: false,
        censored: over_quic_and_retry(REJECTS),
        says: vec![
            ("/quic_handshakes/0/failure", json!("unknown_failure: tls: server rejected ECH")),
            ("/quic_handshakes/0/x_ech_accepted", json!(false)),
            ("/quic_handshakes/0/outer_server_name", json!("public.ech.test")),
            ("/quic_handshakes/1/failure", json!(null)),
            ("/quic_handshakes/1/x_ech_accepted", json!(true)),
        ],
        twin: over_quic(ACCEPTS, Some("dns")),
        twin_says: vec![
            ("/quic_handshakes/0/failure", json!(null)),
            ("/quic_handshakes/0/x_ech_accepted", json!(true)),
            ("/requests/0/response/body", json!("h=accepts.ech.test\nip=[scrubbed]\nsni=encrypted\n")),
        ],
    };
    a_rejection_with_configurations_to_retry_with: Case {
        primitive: "TLS: ECH",
        interference: "nobody interferes: the server's HTTPS record is out of date, and what it wants is tried",
        scenario: "clean-everything",
        acts: false,
        censored: handshake_and_retry(REJECTS, "dns"),
        says: vec![
            ("/tls_handshakes/0/failure", json!("unknown_failure: tls: server rejected ECH")),
            ("/tls_handshakes/0/x_ech_accepted", json!(false)),
            ("/tls_handshakes/1/failure", json!(null)),
            ("/tls_handshakes/1/x_ech_accepted", json!(true)),
        ],
        twin: handshake(ACCEPTS, Some("dns")),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/tls_handshakes/0/x_ech_accepted", json!(true))],
    };
    a_server_that_knows_nothing_of_it: Case {
        primitive: "TLS: ECH",
        interference: "nobody interferes: the server does not know ECH; the twin offers GREASE",
        scenario: "clean-everything",
        acts: false,
        censored: handshake(IGNORES, Some("dns")),
        says: vec![
            ("/tls_handshakes/0/failure", json!("unknown_failure: tls: server rejected ECH")),
            ("/tls_handshakes/0/x_ech_accepted", json!(false)),
        ],
        twin: handshake(IGNORES, Some("grease")),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/tls_handshakes/0/echconfig", json!("GREASE"))],
    };
    a_made_up_configuration: Case {
        primitive: "TLS: ECH",
        interference: "nobody interferes: a made-up configuration makes the server say the real one, which is tried",
        scenario: "clean-everything",
        acts: false,
        censored: handshake_and_retry(ACCEPTS, "made_up"),
        says: vec![
            ("/tls_handshakes/0/failure", json!(null)),
            ("/tls_handshakes/0/echconfig", json!("GREASE")),
            ("/tls_handshakes/1/failure", json!(null)),
            ("/tls_handshakes/1/x_ech_accepted", json!(true)),
        ],
        twin: handshake(ACCEPTS, Some("grease")),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null)), ("/tls_handshakes/0/echconfig", json!("GREASE"))],
    };
}
