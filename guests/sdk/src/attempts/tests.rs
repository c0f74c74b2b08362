//! Observations in, attempts out.

use super::*;
use serde_json::{Value, json};

fn observed(test_keys: &Value) -> Observations {
    Observations::of(test_keys.as_object().unwrap()).unwrap()
}

/// Each attempt as `host:port failure at operation`.
fn shown(observations: &Observations) -> Vec<String> {
    let shown = |attempt: &Attempt<'_>| {
        let port = attempt.port.map_or_else(String::new, |port| format!(":{port}"));
        let end = attempt.failed().map_or_else(
            || "ok".to_owned(),
            |step| format!("{} at {}", step.failure, step.operation),
        );
        format!("{}{port} {end}", attempt.host)
    };
    observations.attempts().iter().map(shown).collect()
}

fn query(host: &str, query_type: &str, addresses: &[&str], failure: Option<&str>, tags: &Value) -> Value {
    let answers: Vec<_> = addresses
        .iter()
        .map(|address| json!({ "ipv4": address }))
        .collect();
    json!({"hostname": host, "query_type": query_type, "answers": answers, "failure": failure, "tags": tags})
}

fn connect(ip: &str, port: u16, failure: Option<&str>, tags: &Value) -> Value {
    json!({"ip": ip, "port": port, "status": {"failure": failure}, "tags": tags})
}

#[test]
fn a_tag_with_the_target_tells_what_belongs_together() {
    let one = json!(["a", "target:e1.example:443"]);
    let other = json!(["target:e2.example:443"]);
    let refused = Some("connection_refused");
    let observations = observed(&json!({
        "queries": [query("e1.example", "ANY", &["192.0.2.1"], None, &one), query("e2.example", "ANY", &["192.0.2.1"], None, &other)],
        "tcp_connect": [connect("192.0.2.1", 443, refused, &other), connect("192.0.2.1", 443, None, &one)],
    }));
    assert_eq!(
        shown(&observations),
        [
            "e1.example:443 ok",
            "e2.example:443 connection_refused at connect"
        ]
    );
    let attempts = observations.attempts();
    assert_eq!(attempts[0].tag("a"), Some("a"));
    assert_eq!(attempts[1].tag("a"), None);
}

#[test]
fn without_tags_a_connection_belongs_to_the_lookup_whose_turn_it_is() {
    let none = Value::Null;
    let both = ["192.0.2.1", "192.0.2.2"];
    let of = |host: &str| query(host, "A", &both, None, &none);
    let reset = Some("connection_reset");
    // Two names with the same addresses: the first works with the first address, the second with the second.
    let observations = observed(&json!({
        "queries": [of("e1.example"), of("E2.example")],
        "tcp_connect": [
            connect("192.0.2.1", 443, None, &none),
            connect("192.0.2.1", 443, reset, &none),
            connect("192.0.2.2", 443, None, &none),
        ],
    }));
    assert_eq!(shown(&observations), ["e1.example:443 ok", "e2.example:443 ok"]);
    // And here the second name fails with both.
    let observations = observed(&json!({
        "queries": [of("e1.example"), of("e2.example")],
        "tcp_connect": [
            connect("192.0.2.1", 443, None, &none),
            connect("192.0.2.1", 443, reset, &none),
            connect("192.0.2.2", 443, reset, &none),
        ],
    }));
    assert_eq!(
        shown(&observations),
        ["e1.example:443 ok", "e2.example:443 connection_reset at connect"]
    );
}

#[test]
fn every_lookup_that_failed_is_an_attempt() {
    let failed = |query_type| {
        query(
            "e1.example",
            query_type,
            &[],
            Some("dns_nxdomain_error"),
            &Value::Null,
        )
    };
    let observations = observed(&json!({
        "queries": [failed("A"), failed("AAAA"), failed("A"), failed("AAAA")],
    }));
    let once = "e1.example dns_nxdomain_error at resolve";
    assert_eq!(shown(&observations), [once, once]);
}

#[test]
fn an_address_that_nobody_looked_up_is_a_host() {
    let observations = observed(&json!({
        "tcp_connect": [connect("2001:db8::1", 443, None, &json!([]))],
        "tls_handshakes": [{"server_name": "", "address": "[2001:db8::1]:443", "failure": "eof_error"}],
        "requests": [{"request": {"url": "http://192.0.2.1/"}, "failure": null}],
    }));
    assert_eq!(
        shown(&observations),
        ["2001:db8::1:443 eof_error at tls_handshake", "192.0.2.1:80 ok"]
    );
    assert!(observations.attempts().iter().all(Attempt::is_to_address));
}

#[test]
fn a_failure_that_nothing_shows_counts_where_all_else_went_well() {
    let tags = json!(["target:example.com:443"]);
    let said = json!([{"target": "example.com:443", "tags": tags, "failure": "dns_bogon_error", "failed_operation": "resolve"}]);
    let answers = [query("example.com", "ANY", &["10.0.0.1"], None, &tags)];
    let resolved = json!({"queries": answers, "x_failed_mini_nettests": said});
    assert_eq!(
        shown(&observed(&resolved)),
        ["example.com:443 dns_bogon_error at resolve"]
    );
    assert_eq!(
        shown(&observed(&json!({"x_failed_mini_nettests": said}))),
        ["example.com:443 dns_bogon_error at resolve"]
    );
    let mut worked = resolved;
    worked["requests"] = json!([{"request": {"url": "https://example.com/"}, "failure": null, "tags": tags}]);
    assert_eq!(shown(&observed(&worked)), ["example.com:443 ok"]);
}

#[test]
fn what_the_probe_broke_off_fails_with_the_reason_it_gave() {
    let tags = json!(["target:example.com"]);
    let observations = observed(&json!({
        "queries": [query("example.com", "ANY", &[], Some("interrupted"), &tags)],
        "x_failed_mini_nettests": [{"target": "example.com", "failure": "generic_timeout_error", "failed_operation": "top_level"}],
    }));
    assert_eq!(
        shown(&observations),
        ["example.com generic_timeout_error at resolve"]
    );
}

#[test]
fn an_attempt_is_about_every_name_that_it_shows() {
    let observations = observed(&json!({
        "tls_handshakes": [{"server_name": "Front.example", "address": "192.0.2.1:443", "tags": ["target:a.example:443"]}],
        "requests": [{"request": {"url": "https://back.example/"}, "tags": ["target:a.example:443"]}],
    }));
    let attempts = observations.attempts();
    assert_eq!(attempts.len(), 1);
    for name in ["A.example", "front.example", "back.example"] {
        assert!(attempts[0].is_about(name), "{name}");
    }
    assert!(!attempts[0].is_about("example"));
}

#[test]
fn a_lookup_counts_only_where_nothing_went_further() {
    let lookup = query(
        "example.com",
        "A",
        &["192.0.2.1"],
        None,
        &json!(["target:example.com"]),
    );
    let mut test_keys = json!({"queries": [lookup]});
    assert_eq!(together(&observed(&test_keys).attempts()), Step::Succeeded);
    test_keys["tcp_connect"] = json!([connect(
        "192.0.2.1",
        443,
        Some("connection_refused"),
        &json!(["target:example.com:443"])
    )]);
    assert_eq!(
        together(&observed(&test_keys).attempts()),
        Step::Failed("connection_refused")
    );
    assert_eq!(together(&[]), Step::Untried);
}

#[test]
fn what_the_probe_itself_refused_is_no_attempt() {
    let refused = Some("unknown_failure: denied by destination policy");
    let (one, other) = (json!(["target:192.0.2.1:443"]), json!(["target:192.0.2.2:443"]));
    let of = |second| {
        observed(&json!({"tcp_connect": [connect("192.0.2.1", 443, refused, &one),
                                         connect("192.0.2.2", 443, second, &other)]}))
    };
    assert_eq!(
        shown(&of(Some("connection_reset"))),
        ["192.0.2.2:443 connection_reset at connect"]
    );
    assert_eq!(of(Some("connection_reset")).unreached(), None);
    assert!(shown(&of(refused)).is_empty());
    assert_eq!(of(refused).unreached(), refused);
}

#[test]
fn a_device_without_a_network_reaches_nothing() {
    let (web, centre) = (json!(["target:web.example:443"]), json!(["target:192.0.2.1:443"]));
    let after = |seconds: f64, lookup: Option<&str>, connected: Option<&str>| {
        let addresses: &[&str] = if lookup.is_none() { &["192.0.2.2"] } else { &[] };
        let mut query = query("web.example", "ANY", addresses, lookup, &web);
        query["t0"] = json!(1);
        query["t"] = json!(1.0 + seconds);
        let observations = observed(&json!({
            "queries": [query],
            "tcp_connect": [connect("192.0.2.1", 443, connected, &centre)],
        }));
        observations.unreached().map(str::to_owned)
    };
    let unreached = |lookup, connected| after(0.01, lookup, connected);
    let (no_resolver, no_route) = (Some("dns_server_misbehaving"), Some("network_unreachable"));
    assert_eq!(unreached(no_resolver, no_route).as_deref(), no_resolver);
    // A name, or one connection, and there is a network.
    assert_eq!(unreached(None, no_route), None);
    assert_eq!(unreached(no_resolver, None), None);
    // A censor does these. One who drops queries makes the resolver fail as it does without a network, but later.
    assert_eq!(after(10.0, no_resolver, no_route), None);
    assert_eq!(unreached(Some("dns_nxdomain_error"), no_route), None);
    assert_eq!(unreached(no_resolver, Some("generic_timeout_error")), None);
    assert_eq!(observed(&json!({})).unreached(), None);
}
