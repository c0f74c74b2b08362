//! `web_connectivity` 0.5.

use crate::check::{
    observations::{CONNECTS, EVENTS, HANDSHAKES, MAYBE_BINARY, QUERIES, REQUESTS},
    shape::{Ask as _, Object, Others, Record, Rule, Shape, may, must, rule},
    words::{ENDPOINT, FAILURE, HELPER_FAILURE, IP, SOMETHING, URL},
};
use serde_json::Value;

/// The page.
pub(super) const SOURCE: &str = "ts-017";

const MAYBE: Shape = Shape::OrNull(&Shape::Bool);
const NUMBER: Shape = Shape::Integer(0, i64::MAX);

pub(super) const TEST_KEYS: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("agent", Shape::Word(&["redirect"])),
        must("client_resolver", IP),
        must("retries", Shape::Null),
        must("socksproxy", Shape::Null),
        must("network_events", EVENTS),
        must("x_dns_whoami", Shape::Record(&WHOAMI)),
        must("x_doh", Shape::Record(&DOH)),
        must("x_do53", Shape::Record(&DO53)),
        must("x_dns_duplicate_responses", QUERIES),
        must("queries", QUERIES),
        must("requests", REQUESTS),
        must("tcp_connect", CONNECTS),
        must("tls_handshakes", HANDSHAKES),
        must(
            "x_control_request",
            Shape::OrNull(&Shape::Record(&CONTROL_REQUEST)),
        ),
        must("control", Shape::OrNull(&Shape::Record(&CONTROL))),
        must("x_conn_priority_log", Shape::List(&Shape::Record(&LOG))),
        must("control_failure", FAILURE),
        must("x_dns_flags", Shape::Integer(0, 7)),
        must("x_blocking_flags", Shape::Integer(0, 63)),
        must("x_null_null_flags", Shape::Integer(0, 31)),
        must("dns_experiment_failure", FAILURE),
        must(
            "dns_consistency",
            Shape::OrNull(&Shape::Word(&["consistent", "inconsistent"])),
        ),
        must("http_experiment_failure", FAILURE),
        must("body_proportion", Shape::Number(0.0, 1.0)),
        must("body_length_match", MAYBE),
        must("headers_match", MAYBE),
        must("status_code_match", MAYBE),
        must("title_match", MAYBE),
        must(
            "blocking",
            Shape::OrNull(&Shape::Either(
                &Shape::Word(&["dns", "tcp_ip", "http-failure", "http-diff"]),
                &Shape::False,
            )),
        ),
        must("accessible", MAYBE),
    ]],
    others: Others::Observations,
    rules: RULES,
};

const RULES: &[Rule] = &[
    rule(
        "accessible",
        "null where blocking is null, false where it is a text, and else true or false",
        |it| match (it.get("blocking"), it.get("accessible")) {
            (Some(Value::Null), Some(accessible)) => accessible.is_null(),
            (Some(Value::String(_)), Some(accessible)) => *accessible == false,
            (Some(_), Some(accessible)) => accessible.is_boolean(),
            _ => true,
        },
    ),
    rule(
        "blocking",
        "\"dns\", since dns_consistency is \"inconsistent\" and the site is not accessible",
        |it| {
            it.text("dns_consistency") != Some("inconsistent")
                || it.flag("accessible") == Some(true)
                || it.text("blocking") == Some("dns")
        },
    ),
    rule(
        "x_blocking_flags",
        "bit 1 (dns), since x_dns_flags says that failures or addresses were not expected",
        |it| !has_bit(it, "x_dns_flags", 2 | 4) || has_bit(it, "x_blocking_flags", 1),
    ),
    rule(
        "x_blocking_flags",
        "bit 16 (http-diff) or bit 32 (success), not both",
        |it| !(has_bit(it, "x_blocking_flags", 16) && has_bit(it, "x_blocking_flags", 32)),
    ),
    rule(
        "x_blocking_flags",
        "bit 32 (success), since x_null_null_flags says that HTTPS succeeded",
        |it| !has_bit(it, "x_null_null_flags", 8) || has_bit(it, "x_blocking_flags", 32),
    ),
    rule(
        "body_length_match",
        "null where body_proportion is 0, and else whether that is over 0.7",
        |it| {
            let Some(proportion) = it.number("body_proportion") else {
                return true;
            };
            it.flag("body_length_match") == (proportion > 0.0).then_some(proportion > 0.7)
        },
    ),
    rule(
        "status_code_match",
        "null, like headers_match and title_match: there is no control to compare with",
        |it| {
            !it.is_none("control")
                || [
                    "body_length_match",
                    "headers_match",
                    "status_code_match",
                    "title_match",
                ]
                .into_iter()
                .all(|key| it.get(key).is_none_or(Value::is_null))
        },
    ),
    rule(
        "control_failure",
        "null where there is a control, and a failure where one was asked for and is not there",
        |it| {
            let (control, asked) = (it.object("control"), it.object("x_control_request"));
            match it.get("control_failure") {
                Some(Value::Null) => control.is_some() || asked.is_none(),
                Some(_) => control.is_none(),
                None => true,
            }
        },
    ),
    rule("network_events", "events in the order of their t", |it| {
        let times = it
            .list("network_events")
            .iter()
            .filter_map(|event| event["t"].as_f64());
        times.is_sorted()
    }),
];

fn has_bit(it: &Object, key: &str, bits: i64) -> bool {
    it.integer(key).unwrap_or_default() & bits != 0
}

const WHOAMI: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("system_v4", ADDRESSES),
        must("udp_v4", Shape::Map(&ADDRESSES)),
    ]],
    others: Others::Strange,
    rules: &[],
};

const ADDRESSES: Shape = Shape::Formerly(
    &Shape::List(&Shape::Record(&Record {
        source: SOURCE,
        fields: &[&[must("address", IP)]],
        others: Others::Strange,
        rules: &[],
    })),
    &Shape::Null,
    "some probes write null where the lookup failed",
);

const DOH: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("network_events", EVENTS),
        must("queries", QUERIES),
        must("requests", REQUESTS),
        must("tcp_connect", CONNECTS),
        must("tls_handshakes", HANDSHAKES),
    ]],
    others: Others::Observations,
    rules: &[],
};

const DO53: Record = Record {
    source: SOURCE,
    fields: &[&[must("network_events", EVENTS), must("queries", QUERIES)]],
    others: Others::Observations,
    rules: &[],
};

const LOG: Record = Record {
    source: SOURCE,
    fields: &[&[must("msg", Shape::Text), must("t", Shape::Number(0.0, f64::MAX))]],
    others: Others::Strange,
    rules: &[],
};

/// What the probe asked the test helper.
const CONTROL_REQUEST: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("http_request", URL),
        must("http_request_headers", Shape::Map(&Shape::List(&MAYBE_BINARY))),
        must(
            "tcp_connect",
            Shape::Formerly(
                &Shape::List(&ENDPOINT),
                &Shape::Null,
                "some probes write null where there are none",
            ),
        ),
        must("x_quic_enabled", Shape::Bool),
    ]],
    others: Others::Strange,
    rules: &[],
};

/// What the test helper answered.
const CONTROL: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("tcp_connect", Shape::Map(&Shape::Record(&CONTROL_CONNECT))),
        may("tls_handshake", Shape::Map(&Shape::Record(&CONTROL_HANDSHAKE))),
        may("quic_handshake", Shape::Map(&Shape::Record(&CONTROL_HANDSHAKE))),
        must("http_request", Shape::Record(&CONTROL_HTTP)),
        may("http3_request", Shape::OrNull(&Shape::Record(&CONTROL_HTTP))),
        must("dns", Shape::Record(&CONTROL_DNS)),
        may("ip_info", Shape::Map(&Shape::Record(&CONTROL_IP))),
    ]],
    others: Others::Strange,
    rules: &[],
};

const CONTROL_CONNECT: Record = Record {
    source: SOURCE,
    fields: &[&[must("status", Shape::Bool), must("failure", HELPER_FAILURE)]],
    others: Others::Strange,
    rules: &[CONTROL_STATUS],
};

const CONTROL_HANDSHAKE: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("server_name", Shape::Text),
        must("status", Shape::Bool),
        must("failure", HELPER_FAILURE),
    ]],
    others: Others::Strange,
    rules: &[CONTROL_STATUS],
};

const CONTROL_STATUS: Rule = rule("status", "true where failure is null, and only there", |it| {
    it.flag("status")
        .is_none_or(|status| status == it.is_none("failure"))
});

const CONTROL_HTTP: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("body_length", Shape::Integer(-1, i64::MAX)),
        may("discovered_h3_endpoint", Shape::Text),
        must("failure", HELPER_FAILURE),
        must("title", Shape::Text),
        must("headers", Shape::Map(&MAYBE_BINARY)),
        must("status_code", Shape::Integer(-1, 999)),
    ]],
    others: Others::Strange,
    rules: &[],
};

const CONTROL_DNS: Record = Record {
    source: SOURCE,
    fields: &[&[
        must("failure", HELPER_FAILURE),
        must("addrs", Shape::List(&SOMETHING)),
    ]],
    others: Others::Strange,
    rules: &[],
};

const CONTROL_IP: Record = Record {
    source: SOURCE,
    fields: &[&[must("asn", NUMBER), must("flags", Shape::Integer(0, 15))]],
    others: Others::Strange,
    rules: &[],
};
