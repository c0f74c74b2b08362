//! The observations of whatever nettest, one record a step: df-001, df-002, df-005, df-006, df-008.
//!
//! Three dialects are read. The newest, which netsonde writes, has `t0`, `transaction_id` and lists of tags. In the second,
//! which some nettests of OONI still write, there are none of these, tags are `null` and empty lists too: notes. What is
//! older still is noted where it is explained, and an error elsewhere.

mod http;

use super::{
    report::{Path, Report},
    shape::{
        Ask as _, Check, Field, Object, Others, Record, Rule, Shape, custom, may, must, newer, older, rule,
    },
    together,
    words::{
        BASE64, CERTIFICATE, CIPHER_SUITE, ECH_CONFIG, ENDPOINT, FAILURE, IP, IPV4, IPV6, RECORD_TYPE,
        SOMETHING, TLS_VERSION, is_endpoint,
    },
};
pub(super) use http::MAYBE_BINARY;
use serde_json::Value;

const OLDER_DIALECT: &str = "the older dialect writes this";
const NUMBER: Shape = Shape::Integer(0, i64::MAX);
const SECONDS: Shape = Shape::Number(0.0, f64::MAX);
const TEXTS: Shape = Shape::List(&Shape::Text);

/// A list of `$record`; the older dialect writes `null` for an empty one.
macro_rules! list_of {
    ($record:expr) => {
        Shape::Formerly(
            &Shape::List(&Shape::Record(&$record)),
            &Shape::Null,
            OLDER_DIALECT,
        )
    };
}

pub(super) const QUERIES: Shape = list_of!(QUERY);
pub(super) const CONNECTS: Shape = list_of!(CONNECT);
pub(super) const HANDSHAKES: Shape = list_of!(HANDSHAKE);
pub(super) const REQUESTS: Shape = list_of!(http::TRANSACTION);
pub(super) const EVENTS: Shape = list_of!(EVENT);

/// The keys under which observations stand, in whatever nettest.
const LISTS: [(&str, Shape, &str); 7] = [
    ("queries", QUERIES, "df-002"),
    ("x_dns_duplicate_responses", QUERIES, "df-002"),
    ("tcp_connect", CONNECTS, "df-005"),
    ("tls_handshakes", HANDSHAKES, "df-006"),
    ("quic_handshakes", HANDSHAKES, "df-006"),
    ("requests", REQUESTS, "df-001"),
    ("network_events", EVENTS, "df-008"),
];

/// The keys under which single observations stand, in nettests that repeat one thing.
const SINGLE: [(&str, Shape, &str); 4] = [
    ("query", Shape::Record(&QUERY), "df-002"),
    ("tcp_connect", Shape::Record(&CONNECT), "df-005"),
    ("tls_handshake", Shape::Record(&HANDSHAKE), "df-006"),
    ("quic_handshake", Shape::Record(&HANDSHAKE), "df-006"),
];

/// Check what stands below a key, if it is one of observations, or if there are some below it. Whether there were.
pub(super) fn at_key(key: &str, value: &Value, report: &mut Report, at: &Path<'_>) -> bool {
    let single = SINGLE.iter().filter(|_| value.is_object());
    let known = single.chain(&LISTS).find(|(name, ..)| *name == key);
    if let Some((_, shape, source)) = known {
        let at = *at;
        shape.check(value, &mut Check { report, at, source });
        return true;
    }
    match value {
        Value::Object(object) => walk(object, report, at),
        Value::Array(list) => {
            let mut any = false;
            for (index, value) in list.iter().enumerate() {
                any |= at_key("", value, report, &at.index(index));
            }
            any
        }
        _ => false,
    }
}

/// Check all observations below an object. Whether there were any.
pub(super) fn walk(object: &Object, report: &mut Report, at: &Path<'_>) -> bool {
    let mut any = false;
    for (key, value) in object {
        // Only the keys of observations have names that mean anything here.
        let is_name = LISTS.iter().chain(&SINGLE).any(|(name, ..)| name == key);
        let below = if is_name { at.key(key) } else { at.entry(key) };
        any |= at_key(key, value, report, &below);
    }
    if any {
        together::check(object, report, at);
    }
    any
}

/// When and in which transaction: the fields that all steps have.
const STEP: &[Field] = &[
    may("t0", SECONDS),
    newer("t", SECONDS),
    newer("tags", Shape::Formerly(&TEXTS, &Shape::Null, OLDER_DIALECT)),
    may("transaction_id", NUMBER),
    older("conn_id", NUMBER),
    older("dial_id", NUMBER),
    // Of tor.
    older("started", SECONDS),
];

/// A step begins before it ends.
const IN_TIME: Rule = rule("t0", "a time that is not after t", |it| {
    match (it.number("t0"), it.number("t")) {
        (Some(t0), Some(t)) => t0 <= t,
        _ => true,
    }
});

/// Bytes that are never text.
const BINARY: Record = Record {
    source: "df-001",
    fields: &[&[must("data", BASE64), must("format", Shape::Word(&["base64"]))]],
    others: Others::Strange,
    rules: &[],
};

const QUERY: Record = Record {
    source: "df-002",
    fields: &[
        STEP,
        &[
            must("answers", Shape::OrNull(&Shape::List(&Shape::Record(&ANSWER)))),
            newer(
                "engine",
                Shape::Formerly(
                    // `doq` is ours; see docs/deviations.md.
                    &Shape::Word(&[
                        "getaddrinfo",
                        "golang_net_resolver",
                        "udp",
                        "tcp",
                        "dot",
                        "doh",
                        "doq",
                    ]),
                    &Shape::Word(&["system", "go", "unknown"]),
                    OLDER_DIALECT,
                ),
            ),
            must("failure", FAILURE),
            may("getaddrinfo_error", Shape::Integer(i64::MIN, i64::MAX)),
            must("hostname", SOMETHING),
            must("query_type", RECORD_TYPE),
            may("raw_response", BASE64),
            may("rcode", Shape::Integer(0, 4095)),
            must(
                "resolver_hostname",
                Shape::Formerly(&Shape::Null, &Shape::Text, "ooniprobe 1 wrote the resolver here"),
            ),
            must(
                "resolver_port",
                Shape::Formerly(&Shape::Null, &NUMBER, "ooniprobe 1 wrote the resolver here"),
            ),
            newer("resolver_address", Shape::Text),
        ],
    ],
    others: Others::Strange,
    rules: &[
        IN_TIME,
        custom("answers", "null where there are none", |it| {
            it.get("answers")
                .and_then(Value::as_array)
                .is_none_or(|answers| !answers.is_empty())
        }),
        custom("answers", "answers, since nothing failed", |it| {
            !it.is_none("failure") || !it.list("answers").is_empty()
        }),
        rule(
            "resolver_address",
            "what a resolver of this engine is named by",
            |it| resolver_fits(it.text("engine"), it.text("resolver_address")),
        ),
        rule("failure", "the failure that the rcode stands for", |it| {
            let wanted = match it.integer("rcode") {
                Some(2) => "dns_servfail_error",
                Some(3) => "dns_nxdomain_error",
                Some(5) => "dns_refused_error",
                _ => return true,
            };
            it.text("failure") == Some(wanted)
        }),
    ],
};

/// Whether a resolver is named as its engine names resolvers.
fn resolver_fits(engine: Option<&str>, resolver: Option<&str>) -> bool {
    let (Some(engine), Some(resolver)) = (engine, resolver) else {
        return true;
    };
    match engine {
        "getaddrinfo" | "system" | "golang_net_resolver" => resolver.is_empty(),
        "udp" | "tcp" => is_endpoint(resolver),
        "doh" => resolver.starts_with("https://"),
        "dot" | "doq" => resolver
            .rsplit_once(':')
            .is_some_and(|(host, _)| !host.is_empty()),
        _ => true,
    }
}

const ANSWER: Record = Record {
    source: "df-002",
    fields: &[&[
        must("answer_type", RECORD_TYPE),
        may("asn", Shape::Integer(0, u32::MAX as i64)),
        may("as_org_name", Shape::Text),
        may("hostname", SOMETHING),
        may("ipv4", IPV4),
        may("ipv6", IPV6),
        newer("ttl", Shape::OrNull(&Shape::Integer(0, u32::MAX as i64))),
    ]],
    others: Others::Strange,
    rules: &[rule(
        "answer_type",
        "ipv4 for A, ipv6 for AAAA, hostname for CNAME, and none of the others",
        |it| {
            let wanted = match it.text("answer_type") {
                Some("A") => "ipv4",
                Some("AAAA") => "ipv6",
                Some("CNAME") => "hostname",
                // The other types are ours; see docs/deviations.md.
                _ => "x_data",
            };
            ["ipv4", "ipv6", "hostname", "x_data"]
                .into_iter()
                .all(|key| it.contains_key(key) == (key == wanted))
        },
    )],
};

const CONNECT: Record = Record {
    source: "df-005",
    fields: &[
        STEP,
        &[
            must("ip", IP),
            must("port", Shape::Integer(0, 65535)),
            must("status", Shape::Record(&STATUS)),
        ],
    ],
    others: Others::Strange,
    rules: &[IN_TIME],
};

const STATUS: Record = Record {
    source: "df-005",
    fields: &[&[
        must("failure", FAILURE),
        must("success", Shape::Bool),
        older("blocked", Shape::OrNull(&Shape::Bool)),
    ]],
    others: Others::Strange,
    rules: &[rule(
        "success",
        "true where failure is null, and only there",
        |it| {
            it.flag("success")
                .is_none_or(|success| success == it.is_none("failure"))
        },
    )],
};

const HANDSHAKE: Record = Record {
    source: "df-006",
    fields: &[
        STEP,
        &[
            newer(
                "network",
                Shape::Formerly(&Shape::Word(&["tcp", "udp"]), &Shape::Word(&[""]), OLDER_DIALECT),
            ),
            newer("address", ENDPOINT),
            must("cipher_suite", CIPHER_SUITE),
            must("failure", FAILURE),
            may("so_error", FAILURE),
            must("negotiated_protocol", Shape::Text),
            newer("no_tls_verify", Shape::Bool),
            must(
                "peer_certificates",
                Shape::Formerly(&Shape::List(&Shape::Record(&DER)), &Shape::Null, OLDER_DIALECT),
            ),
            newer("server_name", Shape::Text),
            may("outer_server_name", Shape::Text),
            may("echconfig", ECH_CONFIG),
            must("tls_version", TLS_VERSION),
        ],
    ],
    others: Others::Strange,
    rules: &[
        IN_TIME,
        rule(
            "tls_version",
            "a version where nothing failed, and empty elsewhere",
            |it| is_said_without_failure(it, "tls_version"),
        ),
        rule(
            "cipher_suite",
            "a cipher suite where nothing failed, and empty elsewhere",
            |it| is_said_without_failure(it, "cipher_suite"),
        ),
        rule("negotiated_protocol", "empty, since the handshake failed", |it| {
            let is_empty = it.text("negotiated_protocol").is_none_or(str::is_empty);
            is_empty || it.is_none("failure") || is_quic(it)
        }),
        rule("peer_certificates", "certificates, since nothing failed", |it| {
            !it.is_none("failure") || !it.list("peer_certificates").is_empty()
        }),
    ],
};

/// Whether a text is there exactly where nothing failed.
fn is_said_without_failure(it: &Object, key: &str) -> bool {
    let Some(text) = it.text(key) else {
        return true;
    };
    if it.is_none("failure") {
        // That a made-up ECH configuration is rejected is no failure, and still no agreement.
        !text.is_empty() || it.text("echconfig") == Some("GREASE")
    } else {
        text.is_empty() || is_quic(it)
    }
}

/// No page is about QUIC. What was agreed on before it failed is known there, and ours; see docs/deviations.md.
fn is_quic(it: &Object) -> bool {
    it.text("network") == Some("udp")
}

const DER: Record = Record {
    source: "df-006",
    fields: &[&[
        must("data", CERTIFICATE),
        must("format", Shape::Word(&["base64"])),
    ]],
    others: Others::Strange,
    rules: &[],
};

const EVENT: Record = Record {
    source: "df-008",
    fields: &[&[
        may("address", ENDPOINT),
        must("failure", FAILURE),
        may("num_bytes", NUMBER),
        must(
            "operation",
            Shape::Formerly(
                &Shape::Like("an operation of df-008, or one that begins with x_", is_operation),
                &Shape::Word(&[
                    "http_first_response_byte",
                    "http_request_metadata",
                    "http_response_body_snapshot",
                    "http_response_metadata",
                    "http_wrote_headers",
                    "http_wrote_request",
                ]),
                "probes of 2020 and 2021 wrote these too",
            ),
        ),
        may("proto", Shape::Word(&["tcp", "udp"])),
        may("t0", SECONDS),
        must("t", SECONDS),
        may("tags", TEXTS),
        may("transaction_id", NUMBER),
        older("conn_id", NUMBER),
        older("dial_id", NUMBER),
    ]],
    others: Others::Strange,
    rules: &[
        IN_TIME,
        rule("address", "where to, since this is a connect", |it| {
            it.text("operation") != Some("connect")
                || (it.text("address").is_some() && it.text("proto").is_some())
        }),
        rule(
            "failure",
            "null: the failure of a step is in the step's record",
            |it| {
                // In the older dialect it is here too.
                !it.contains_key("t0")
                    || !it.text("operation").is_some_and(|name| name.ends_with("_done"))
                    || it.is_none("failure")
            },
        ),
    ],
};

fn is_operation(name: &str) -> bool {
    let known = [
        "bytes_received_cumulative",
        "connect",
        "read",
        "read_from",
        "write",
        "write_to",
    ];
    let step = |name: &str| {
        [
            "dns_round_trip",
            "http_transaction",
            "quic_handshake",
            "resolve",
            "tls_handshake",
        ]
        .contains(&name)
    };
    known.contains(&name)
        || name.strip_suffix("_start").is_some_and(step)
        || name.strip_suffix("_done").is_some_and(step)
        || name.strip_prefix("x_").is_some_and(|rest| !rest.is_empty())
}
