//! Interference with TCP.

use crate::harness::{Case, cases};
use serde_json::json;

cases! {
    a_refused_connection: Case {
        primitive: "TCP",
        interference: "the connection is refused",
        scenario: "tcp-refused",
        acts: true,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:443"}]]),
        says: vec![("/tcp_connect/0/status/failure", json!("connection_refused"))],
        twin: json!([[{"do": "connect", "to": "23.215.0.132:443"}]]),
        twin_says: vec![("/tcp_connect/0/status/failure", json!(null))],
    };
    dropped_packets: Case {
        primitive: "TCP",
        interference: "packets to the address are dropped",
        scenario: "tcp-drop",
        acts: true,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:443", "timeout_ms": 1500}]]),
        says: vec![("/tcp_connect/0/status/failure", json!("generic_timeout_error"))],
        twin: json!([[{"do": "connect", "to": "23.215.0.132:443"}]]),
        twin_says: vec![("/tcp_connect/0/status/failure", json!(null))],
    };
}
