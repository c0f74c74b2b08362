//! Interference with lookups.

use crate::harness::{Case, cases};
use serde_json::json;

cases! {
    nxdomain_of_the_system_resolver: Case {
        primitive: "DNS: getaddrinfo",
        interference: "the answer is forged: NXDOMAIN",
        scenario: "nxdomain",
        acts: true,
        censored: json!([[{"do": "lookup", "domain": "example.com"}]]),
        says: vec![("/queries/0/engine", json!("getaddrinfo")), ("/queries/0/failure", json!("dns_nxdomain_error"))],
        twin: json!([[{"do": "lookup", "domain": "example.org"}]]),
        twin_says: vec![("/queries/0/failure", json!(null)), ("/queries/0/answers/0/ipv4", json!("23.215.0.132"))],
    };
}
