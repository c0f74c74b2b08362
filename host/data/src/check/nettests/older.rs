//! Nettests of others with formats that no other has: df-003 (packets of scapy), df-004 (bytes over TCP), df-009 (tunnels).

use crate::check::{
    observations::MAYBE_BINARY,
    shape::{Others, Record, Shape, may, must},
    words::{BASE64, FAILURE, SOMETHING},
};

pub(super) const MULTI_PROTOCOL_TRACEROUTE: Record = Record {
    source: "df-003",
    fields: &[&[
        must("answer_flags", Shape::List(&Shape::Text)),
        must("answered_packets", PACKETS),
        must("sent_packets", PACKETS),
        may("test_icmp_traceroute", Shape::Map(&Shape::Any)),
        may("test_tcp_traceroute", Shape::Map(&Shape::Any)),
        may("test_udp_traceroute", Shape::Map(&Shape::Any)),
    ]],
    others: Others::Strange,
    rules: &[],
};

const PACKETS: Shape = Shape::List(&Shape::Record(&Record {
    source: "df-003",
    fields: &[&[
        must("raw_packet", Shape::Record(&BINARY)),
        must("summary", Shape::Text),
    ]],
    others: Others::Strange,
    rules: &[],
}));

const BINARY: Record = Record {
    source: "df-003",
    fields: &[&[must("data", BASE64), must("format", Shape::Word(&["base64"]))]],
    others: Others::Strange,
    rules: &[],
};

pub(super) const HTTP_INVALID_REQUEST_LINE: Record = Record {
    source: "df-004",
    fields: &[&[
        must("received", Shape::List(&MAYBE_BINARY)),
        must("sent", Shape::List(&MAYBE_BINARY)),
        must("tampering", Shape::OrNull(&Shape::Bool)),
        may("failure_list", Shape::List(&FAILURE)),
        may("tampering_list", Shape::List(&Shape::Bool)),
    ]],
    others: Others::Strange,
    rules: &[],
};

pub(super) const TUNNEL: Record = Record {
    source: "df-009",
    fields: &[&[
        must("bootstrap_time", Shape::Number(0.0, f64::MAX)),
        must("failure", FAILURE),
        may("socksproxy", Shape::OrNull(&Shape::Text)),
        may("tunnel", SOMETHING),
        // The nettests' own.
        may("agent", Shape::Word(&["agent", "redirect"])),
        may("error", Shape::OrNull(&Shape::Text)),
        may("max_runtime", NUMBER),
        may("persistent_datadir", Shape::Bool),
        may("rendezvous_method", SOMETHING),
        may("success", Shape::Bool),
        may("timeout", NUMBER),
        may("tor_logs", Shape::OrNull(&Shape::List(&Shape::Text))),
        may("tor_progress", Shape::Integer(0, 100)),
        may("tor_progress_summary", Shape::Text),
        may("tor_progress_tag", Shape::Text),
        may("tor_version", Shape::Text),
        may("transport_name", SOMETHING),
    ]],
    others: Others::Observations,
    rules: &[],
};

const NUMBER: Shape = Shape::Integer(0, i64::MAX);

/// Its events are packets of `OpenVPN`, not those of df-008.
pub(super) const OPENVPN: Record = Record {
    source: "ts-040",
    fields: &[&[
        must("network_events", Shape::OrNull(&Shape::List(&Shape::Any))),
        must("openvpn_handshake", Shape::OrNull(&Shape::List(&Shape::Any))),
        must("success", Shape::Bool),
        may("bootstrap_time", Shape::Number(0.0, f64::MAX)),
        may("failure", FAILURE),
        may("tunnel", SOMETHING),
    ]],
    others: Others::Observations,
    rules: &[],
};
