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
    an_unreachable_host: Case {
        primitive: "TCP",
        interference: "a router says that the host is unreachable",
        scenario: "icmp-host-unreachable",
        acts: true,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:443", "timeout_ms": 5000}]]),
        says: vec![
            ("/tcp_connect/0/status/failure", json!("host_unreachable")),
            ("/tcp_connect/0/x_icmp/name", json!("host_unreachable")),
            ("/tcp_connect/0/x_icmp/router", json!("193.206.132.1")),
        ],
        twin: json!([[{"do": "connect", "to": "23.215.0.132:443"}]]),
        twin_says: vec![("/tcp_connect/0/status/failure", json!(null))],
    };
    a_connection_that_does_not_get_far: Case {
        primitive: "TCP: TTL",
        interference: "none: the packets live for four hops, the server is behind them",
        scenario: "hops",
        acts: false,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:443", "ttl": 4, "timeout_ms": 5000}]]),
        says: vec![
            ("/tcp_connect/0/status/failure", json!("host_unreachable")),
            ("/tcp_connect/0/x_icmp/name", json!("time_exceeded")),
            ("/tcp_connect/0/x_icmp/router", json!("4.69.140.1")),
            ("/tcp_connect/0/x_icmp/ttl", json!(4)),
        ],
        twin: json!([[{"do": "connect", "to": "23.192.228.80:443", "ttl": 5}]]),
        twin_says: vec![("/tcp_connect/0/status/failure", json!(null))],
    };
    what_comes_back: Case {
        primitive: "TCP: raw bytes",
        interference: "none: an echo",
        scenario: "clean-everything",
        acts: false,
        censored: json!([[
            {"do": "connect", "to": "37.218.241.95:8007"},
            {"do": "write", "text": "hello"},
            {"do": "read", "max": 100, "timeout_ms": 1500},
            {"do": "read", "max": 100, "timeout_ms": 200},
        ]]),
        says: vec![("/answers/0/2/read", json!("hello")), ("/answers/0/3/failure", json!("generic_timeout_error"))],
        twin: json!([[
            {"do": "connect", "to": "37.218.241.95:8007"},
            {"do": "write", "text": "hello"},
            {"do": "read", "max": 100, "timeout_ms": 1500},
        ]]),
        twin_says: vec![("/answers/0/2/read", json!("hello"))],
    };
}
