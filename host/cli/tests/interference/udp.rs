//! Interference with datagrams, and what routers say of them.

use crate::harness::{Case, cases};
use serde_json::{Value, json};

/// A datagram to `to`, and what comes back.
fn exchange(to: &str) -> Value {
    json!([[{"do": "send", "to": to, "text": "hello"}, {"do": "receive", "timeout_ms": 1500}]])
}

fn rejected(interference: &'static str, scenario: &'static str, name: &str) -> Case {
    Case {
        primitive: "UDP",
        interference,
        scenario,
        acts: true,
        censored: exchange("23.192.228.80:8007"),
        says: vec![
            ("/network_events/1/operation", json!("write_to")),
            ("/network_events/2/operation", json!("x_icmp")),
            ("/network_events/2/x_icmp/name", json!(name)),
            ("/network_events/2/x_icmp/router", json!("193.206.132.1")),
            ("/answers/0/1/icmp", json!(name)),
        ],
        twin: exchange("23.215.0.132:8007"),
        twin_says: vec![
            ("/network_events/2/operation", json!("read_from")),
            ("/network_events/2/address", json!("23.215.0.132:8007")),
            ("/answers/0/1/text", json!("hello")),
        ],
    }
}

cases! {
    an_unreachable_host: rejected("a router says that the host is unreachable", "icmp-host-unreachable", "host_unreachable");
    a_forbidden_host: rejected("a router says that it is forbidden", "icmp-admin-prohibited", "admin_prohibited");
    a_datagram_that_does_not_get_far: Case {
        primitive: "UDP: TTL",
        interference: "none: the datagram lives for two hops",
        scenario: "hops",
        acts: false,
        censored: json!([[
            {"do": "send", "to": "23.192.228.80:8007", "text": "hello", "ttl": 2},
            {"do": "receive", "timeout_ms": 1500},
        ]]),
        says: vec![
            ("/network_events/1/x_ttl", json!(2)),
            ("/network_events/2/x_icmp/name", json!("time_exceeded")),
            ("/network_events/2/x_icmp/router", json!("62.40.98.1")),
            ("/network_events/2/x_icmp/ttl", json!(2)),
        ],
        twin: exchange("23.192.228.80:8007"),
        twin_says: vec![("/answers/0/1/text", json!("hello"))],
    };
}
