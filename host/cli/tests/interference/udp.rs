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

/// A request to a STUN server, and its answer.
fn stun(to: &str) -> Value {
    json!([[
        {"do": "send", "to": to, "hex": "0001 0000 2112a442 000102030405060708090a0b"},
        {"do": "receive", "timeout_ms": 1500},
    ]])
}

/// The beginning of a QUIC connection in a version that nobody speaks, so that whoever speaks QUIC names the versions that
/// he does.
fn quic_ping(to: &str) -> Value {
    json!([[
        {"do": "send", "to": to, "hex": "c0 1a2a3a4a 08 0001020304050607 08 08090a0b0c0d0e0f", "pad_to": 1200},
        {"do": "receive", "timeout_ms": 1500},
    ]])
}

/// What the address of the client looks like in a measurement.
const SCRUBBED: &str = "[scrubbed]";

cases! {
    a_dropped_port_of_stun: Case {
        primitive: "UDP: STUN",
        interference: "packets to the port are dropped",
        scenario: "stun-drop",
        acts: true,
        censored: stun("74.125.250.129:19302"),
        says: vec![
            ("/network_events/1/operation", json!("write_to")),
            ("/network_events/1/failure", json!(null)),
            ("/network_events/2/failure", json!("generic_timeout_error")),
            ("/answers/0/1/failure", json!("generic_timeout_error")),
        ],
        twin: stun("162.159.207.0:3478"),
        twin_says: vec![
            ("/network_events/2/operation", json!("read_from")),
            ("/answers/0/1/stun_address", json!(SCRUBBED)),
        ],
    };
    a_forged_answer_of_stun: Case {
        primitive: "UDP: STUN",
        interference: "the answer is forged: another address than the client's",
        scenario: "stun-forged",
        acts: true,
        censored: stun("74.125.250.129:19302"),
        says: vec![
            ("/network_events/2/address", json!("74.125.250.129:19302")),
            ("/answers/0/1/stun_address", json!("198.51.100.7")),
        ],
        twin: stun("162.159.207.0:3478"),
        twin_says: vec![
            ("/network_events/2/address", json!("162.159.207.0:3478")),
            ("/answers/0/1/stun_address", json!(SCRUBBED)),
        ],
    };
    a_raw_packet_of_quic: Case {
        primitive: "UDP: a raw packet of QUIC",
        interference: "packets to UDP port 443 are dropped",
        scenario: "udp-443-drop",
        acts: true,
        censored: quic_ping("23.215.0.132:443"),
        says: vec![
            ("/network_events/1/num_bytes", json!(1200)),
            ("/answers/0/1/failure", json!("generic_timeout_error")),
        ],
        twin: quic_ping("23.215.0.132:8443"),
        twin_says: vec![
            ("/network_events/2/operation", json!("read_from")),
            ("/answers/0/1/quic_versions/1", json!(1)),
        ],
    };
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
