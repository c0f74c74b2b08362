//! df-001: `requests`.

use super::{BINARY, IN_TIME, STEP};
use crate::check::{
    shape::{Ask as _, Field, Object, Others, Record, Rule, Shape, may, must, newer, older, rule},
    words::{ENDPOINT, FAILURE, SOMETHING, URL},
};
use serde_json::Value;

/// A text, or an object with bytes that are none.
pub(in crate::check) const MAYBE_BINARY: Shape = Shape::Either(&Shape::Text, &Shape::Record(&BINARY));

pub(super) const TRANSACTION: Record = Record {
    source: "df-001",
    fields: &[
        STEP,
        &[
            may("network", Shape::Word(&["tcp", "udp"])),
            may("address", ENDPOINT),
            may("alpn", SOMETHING),
            newer("failure", FAILURE),
            must("request", Shape::Record(&REQUEST)),
            must("response", Shape::Record(&RESPONSE)),
            older("response_length", Shape::OrNull(&Shape::Integer(0, i64::MAX))),
        ],
    ],
    others: Others::Strange,
    rules: &[
        IN_TIME,
        rule("response", "a response with a code, since nothing failed", |it| {
            !it.is_none("failure")
                || it
                    .object("response")
                    .is_none_or(|response| response.integer("code") != Some(0))
        }),
    ],
};

/// What requests and responses have in common.
const MESSAGE: &[Field] = &[
    must(
        "body",
        Shape::Formerly(
            &MAYBE_BINARY,
            &Shape::Null,
            "ooniprobe 1 and 2 wrote null for none",
        ),
    ),
    newer("body_is_truncated", Shape::Bool),
    newer("headers_list", Shape::List(&Shape::Pair(&MAYBE_BINARY))),
    must("headers", Shape::Map(&MAYBE_BINARY)),
];

const REQUEST: Record = Record {
    source: "df-001",
    fields: &[
        MESSAGE,
        &[
            must("method", SOMETHING),
            must("tor", Shape::Record(&TOR)),
            must("url", URL),
        ],
    ],
    others: Others::Strange,
    rules: &[SAME_HEADERS],
};

const RESPONSE: Record = Record {
    source: "df-001",
    fields: &[MESSAGE, &[must("code", Shape::Integer(0, 999))]],
    others: Others::Strange,
    rules: &[SAME_HEADERS],
};

const TOR: Record = Record {
    source: "df-001",
    fields: &[&[
        must("exit_ip", EXIT),
        must("exit_name", EXIT),
        must("is_tor", Shape::Bool),
    ]],
    others: Others::Strange,
    rules: &[],
};

const EXIT: Shape = Shape::Formerly(
    &Shape::OrNull(&Shape::Text),
    &Shape::False,
    "ooniprobe 1 and 2 wrote false for none",
);

/// Headers are there twice, and say the same. A name may be spelled in two ways: as on the wire, and as OONI spells it. The
/// list has the pseudo-headers of HTTP/2 and HTTP/3 too, and may have the host among them.
const SAME_HEADERS: Rule = rule("headers", "the first value of each name in headers_list", |it| {
    let (Some(map), Some(list)) = (
        it.object("headers"),
        it.get("headers_list").and_then(Value::as_array),
    ) else {
        return true;
    };
    let pairs: Vec<(&str, &Value)> = list
        .iter()
        .filter_map(|pair| match pair.as_array()?.as_slice() {
            [Value::String(name), value] => Some((name.as_str(), value)),
            _ => None,
        })
        .collect();
    map.iter().all(|(name, value)| first(&pairs, name) == Some(value))
        && pairs.iter().all(|(name, _)| has(map, name))
});

/// The first value under a name: as it is spelled, if any is; else however it is.
fn first<'a>(pairs: &[(&str, &'a Value)], name: &str) -> Option<&'a Value> {
    let name = if name == "Host" && !pairs.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
        ":authority"
    } else {
        name
    };
    let exactly = pairs.iter().find(|(other, _)| *other == name);
    let anyhow = || pairs.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    exactly.or_else(anyhow).map(|(_, value)| *value)
}

fn has(map: &Object, name: &str) -> bool {
    name.starts_with(':')
        || map.contains_key(name)
        || map.keys().any(|other| other.eq_ignore_ascii_case(name))
}
