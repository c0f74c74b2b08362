//! TLS as guests see it: what remains of a handshake that failed, and sessions over bytes that the guest carries.

use netsonde_lab::ech::{EchMode, EchServer};
use serde_json::{Value, json};

use crate::servers::silent;
use crate::support::steps;

const NAME: &str = "secret.example.org";

fn server(mode: EchMode) -> EchServer {
    EchServer::start(mode, NAME, "public.example.net").unwrap()
}

fn connect(server: &EchServer) -> Value {
    json!({"do": "connect", "to": server.address().to_string()})
}

#[tokio::test]
async fn a_failed_handshake_leaves_what_the_peer_said() {
    let server = server(EchMode::Reject);
    let trusted = [server.ca_pem()];
    let list = json!([
        connect(&server),
        {"do": "handshake", "name": NAME, "roots": trusted, "ech": "made_up", "may_fail": true},
        connect(&server),
        {"do": "handshake", "name": NAME, "roots": trusted, "ech": "retry"},
        connect(&server),
        {"do": "handshake", "name": "another.example.org", "roots": trusted},
    ]);
    let seen = steps(&list).run().await;
    let answers = &seen.keys()["answers"][0];
    let rejected = &answers[1];
    assert_eq!(rejected["failure"], "unknown_failure: tls: server rejected ECH");
    assert_eq!(rejected["certificates"], 1);
    assert!(rejected["ech_retry_configs_bytes"].as_u64().unwrap() > 0);
    assert_eq!(answers[3]["ech_accepted"], true);
    assert_eq!(answers[3]["tls_version"], "TLSv1.3");
    assert_eq!(
        answers[5],
        json!({"failure": "ssl_invalid_hostname", "operation": "tls_handshake"})
    );
    assert_eq!(seen.observations.tls_handshakes.len(), 3);
}

#[tokio::test]
async fn a_session_speaks_over_the_guests_own_connection() {
    let server = server(EchMode::Accept);
    let list = json!([
        connect(&server),
        {
            "do": "session",
            "tls": {"name": NAME, "roots": [server.ca_pem()], "alpn": ["http/1.1"]},
            "text": format!("GET /cdn-cgi/trace HTTP/1.1\r\nHost: {NAME}\r\n\r\n"),
        },
    ]);
    let seen = steps(&list).run().await;
    let answer = &seen.keys()["answers"][0][1];
    assert!(
        answer["read"].as_str().unwrap().starts_with("HTTP/1.1 200 "),
        "{answer}"
    );
    assert_eq!(
        (&answer["alpn"], &answer["certificates"]),
        (&json!("http/1.1"), &json!(1))
    );
    let [handshake] = &seen.observations.tls_handshakes[..] else {
        panic!("one handshake: {:?}", seen.observations.tls_handshakes)
    };
    assert_eq!(
        (&handshake.failure, handshake.server_name.as_str()),
        (&None, NAME)
    );
    assert_eq!(handshake.address, server.address().to_string());
}

#[tokio::test]
async fn a_session_that_fails_says_why_and_sends_its_alert() {
    let server = server(EchMode::Ignorant);
    let list = json!([
        connect(&server),
        {"do": "session", "tls": {"name": "another.example.org", "roots": [server.ca_pem()]}, "text": ""},
    ]);
    let seen = steps(&list).run().await;
    assert_eq!(
        seen.keys()["answers"][0][1],
        json!({"failure": "ssl_invalid_hostname", "operation": "tls_handshake"})
    );
    let handshake = &seen.observations.tls_handshakes[0];
    assert_eq!(
        handshake.failure.as_ref().map(netsonde_data::FailureCode::as_str),
        Some("ssl_invalid_hostname")
    );
    assert_eq!(handshake.peer_certificates.len(), 1);
    let writes = seen.observations.network_events.iter();
    // The hello, and the alert.
    assert_eq!(writes.filter(|event| event.operation == "write").count(), 2);
}

#[tokio::test]
async fn a_session_that_can_not_be_meant_does_not_begin() {
    let server = silent();
    let list = json!([
        {"do": "connect", "to": server.text()},
        {"do": "session", "tls": {"name": NAME, "split_hello": 20}, "text": ""},
    ]);
    let seen = steps(&list).run().await;
    assert_eq!(
        seen.keys()["answers"][0][1],
        json!({"failure": "invalid_argument", "operation": "tls_handshake"})
    );
    assert!(seen.observations.tls_handshakes.is_empty());
}
