//! Certificates that are not what they should be: no censor acts, a server is at fault or somebody stands in for it.

use crate::harness::{Case, cases};
use serde_json::{Value, json};

fn case(interference: &'static str, scenario: &'static str, failure: &str) -> Case {
    let handshake = |server: &str, name: &str| -> Value {
        json!([[{"do": "connect", "to": server}, {"do": "handshake", "name": name}]])
    };
    Case {
        primitive: "TLS: certificates",
        interference,
        scenario,
        acts: false,
        censored: handshake("23.192.228.80:443", "example.com"),
        says: vec![("/tls_handshakes/0/failure", json!(failure))],
        twin: handshake("23.215.0.132:443", "example.org"),
        twin_says: vec![("/tls_handshakes/0/failure", json!(null))],
    }
}

cases! {
    an_expired_certificate: case("the certificate has expired", "cert-expired", "ssl_invalid_certificate");
    another_hosts_certificate: case("the certificate is another host's", "cert-wrong-host", "ssl_invalid_hostname");
    nobodys_certificate: case("nobody trusted issued the certificate", "cert-unknown-authority", "ssl_unknown_authority");
}
