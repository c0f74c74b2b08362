//! What is right is accepted, and each single thing that is wrong is found where it is.

use crate::sample;
use netsonde_data::check::{Finding, Severity, check};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Keys that may be left out, wherever they stand.
const OPTIONAL: [&str; 28] = [
    "address",
    "alpn",
    "annotations",
    "as_org_name",
    "asn",
    "discovered_h3_endpoint",
    "echconfig",
    "extensions",
    "getaddrinfo_error",
    "http3_request",
    "ip_info",
    "network",
    "num_bytes",
    "options",
    "outer_server_name",
    "proto",
    "quic_handshake",
    "quic_handshakes",
    "raw_response",
    "rcode",
    "report_id",
    "so_error",
    "t0",
    "tags",
    "test_helpers",
    "tls_handshake",
    "transaction_id",
    "x_transport",
];

/// Below these, keys are data.
const MAPS: [&str; 11] = [
    "/annotations",
    "/extensions",
    "/test_helpers",
    "/test_keys/x_dns_whoami/udp_v4",
    "/test_keys/x_control_request/http_request_headers",
    "/test_keys/control/tcp_connect",
    "/test_keys/control/tls_handshake",
    "/test_keys/control/quic_handshake",
    "/test_keys/control/http_request/headers",
    "/test_keys/control/ip_info",
    "/headers",
];

fn all() -> Vec<Value> {
    let getters = sample::own_keys();
    let mut all = vec![sample::web_connectivity()];
    all.extend(getters.iter().map(|(name, own)| sample::getter(name, own)));
    all
}

#[test]
fn what_is_as_it_should_be_is_accepted_without_a_word() {
    for measurement in all() {
        assert_eq!(check(&measurement), [], "{}", measurement["test_name"]);
    }
}

#[test]
fn a_value_of_another_type_is_found_wherever_it_is() {
    for measurement in all() {
        for pointer in pointers(&measurement) {
            let is_free = pointer
                .split('/')
                .any(|name| ["x_transport", "x_data"].contains(&name));
            // The observations are the same in all of them.
            let is_again = measurement["test_name"] != "web_connectivity" && pointer.matches('/').count() > 2;
            if pointer.is_empty() || is_free || is_again {
                continue;
            }
            let mut broken = measurement.clone();
            let value = broken.pointer_mut(&pointer).unwrap();
            *value = match value {
                Value::Object(_) => json!(true),
                _ => json!({"wrong": ["type"]}),
            };
            assert!(
                has_error(&check(&broken)),
                "{pointer} of {}",
                measurement["test_name"]
            );
        }
    }
}

#[test]
fn a_key_that_is_missing_is_found_unless_it_may() {
    let mut missed = BTreeSet::new();
    for measurement in all() {
        for pointer in pointers(&measurement) {
            let Some((parent, name)) = pointer.rsplit_once('/') else {
                continue;
            };
            let mut broken = measurement.clone();
            let Some(object) = broken.pointer_mut(parent).and_then(Value::as_object_mut) else {
                continue;
            };
            if MAPS.iter().any(|map| parent.ends_with(map)) {
                continue;
            }
            object.shift_remove(name);
            let is_found = !check(&broken).is_empty();
            let may_miss = OPTIONAL.contains(&name);
            assert!(is_found || may_miss, "{pointer} of {}", measurement["test_name"]);
            if !is_found {
                missed.insert(name.to_owned());
            }
        }
    }
    let optional = OPTIONAL.iter().map(|name| (*name).to_owned());
    assert_eq!(
        missed,
        optional.collect(),
        "what may miss, by the formats and by the list"
    );
}

/// Every place in a value, as a JSON pointer.
fn pointers(value: &Value) -> Vec<String> {
    let below = |name: String, value: &Value| -> Vec<String> {
        let name = name.replace('~', "~0").replace('/', "~1");
        pointers(value)
            .into_iter()
            .map(|rest| format!("/{name}{rest}"))
            .collect()
    };
    let mut all = vec![String::new()];
    match value {
        Value::Object(map) => all.extend(map.iter().flat_map(|(key, value)| below(key.clone(), value))),
        Value::Array(list) => all.extend(
            list.iter()
                .enumerate()
                .flat_map(|(index, value)| below(index.to_string(), value)),
        ),
        _ => {}
    }
    all
}

fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Whether a measurement that is changed in one place has an error, and where.
fn assert_found(mut measurement: Value, pointer: &str, value: &Value, path: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match measurement.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.insert(name.to_owned(), value.clone())),
        other => other[name.parse::<usize>().unwrap()] = value.clone(),
    }
    let findings = check(&measurement);
    let is_found = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error && finding.path == path);
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(is_found, "{pointer}: {value}: no error at {path}, but {texts:#?}");
}

/// The same below the test keys.
fn assert_found_in_keys(measurement: Value, pointer: &str, value: &Value, path: &str) {
    let (pointer, path) = (format!("/test_keys/{pointer}"), format!("test_keys.{path}"));
    assert_found(measurement, &pointer, value, &path);
}

#[test]
fn what_an_envelope_says_has_a_form() {
    let cases = [
        ("measurement_start_time", json!("2026-11-22T09:06:17Z")),
        ("measurement_start_time", json!("2026-11-22 09:06:15")),
        ("probe_asn", json!("30722")),
        ("probe_cc", json!("it")),
        ("report_id", json!("20261122T090617Z/IT")),
        ("software_name", json!("")),
        ("test_name", json!("Web Connectivity")),
        ("input", json!("")),
        ("data_format_version", json!("1")),
    ];
    for (key, value) in cases {
        assert_found(sample::web_connectivity(), &format!("/{key}"), &value, key);
    }
}

#[test]
fn what_an_observation_says_fits_together() {
    let steps = [
        (
            "queries/0/failure",
            json!("no_such_failure"),
            "queries[0].failure",
        ),
        (
            "queries/0/failure",
            json!("unknown_failure: dial 192.0.2.1:53"),
            "queries[0].failure",
        ),
        ("queries/0/engine", json!("carrier_pigeon"), "queries[0].engine"),
        (
            "queries/0/resolver_address",
            json!("192.0.2.1:53"),
            "queries[0].resolver_address",
        ),
        (
            "queries/1/resolver_address",
            json!("dns.example"),
            "queries[1].resolver_address",
        ),
        ("queries/1/rcode", json!(2), "queries[1].failure"),
        ("queries/1/raw_response", json!("*"), "queries[1].raw_response"),
        ("queries/0/t0", json!(0.25), "queries[0].t0"),
        (
            "queries/0/answers/1/ipv4",
            json!("192.0.2"),
            "queries[0].answers[1].ipv4",
        ),
        (
            "queries/0/answers/1/answer_type",
            json!("AAAA"),
            "queries[0].answers[1].answer_type",
        ),
        ("tcp_connect/0/ip", json!("www.example.com"), "tcp_connect[0].ip"),
        ("tcp_connect/0/port", json!(65536), "tcp_connect[0].port"),
        (
            "tcp_connect/0/status/success",
            json!(false),
            "tcp_connect[0].status.success",
        ),
        (
            "tcp_connect/1/transaction_id",
            json!(50001),
            "tcp_connect[1].transaction_id",
        ),
        (
            "tls_handshakes/0/failure",
            json!("eof_error"),
            "tls_handshakes[0].tls_version",
        ),
        (
            "tls_handshakes/0/peer_certificates",
            json!([]),
            "tls_handshakes[0].peer_certificates",
        ),
        (
            "tls_handshakes/0/address",
            json!("192.0.2.9:443"),
            "tls_handshakes[0].address",
        ),
        ("tls_handshakes/0/t", json!(0.61), "tls_handshakes[0].t"),
        (
            "quic_handshakes/0/failure",
            json!(null),
            "quic_handshakes[0].tls_version",
        ),
    ];
    for (pointer, value, path) in steps {
        assert_found_in_keys(sample::web_connectivity(), pointer, &value, path);
    }
}

#[test]
fn what_requests_and_events_say_fits_together() {
    let cases = [
        ("requests/0/failure", json!(null), "requests[0].response"),
        ("requests/1/t", json!(0.95), "requests[1].t"),
        (
            "requests/0/request/url",
            json!("www.example.com"),
            "requests[0].request.url",
        ),
        (
            "requests/1/response/headers/Server",
            json!("b"),
            "requests[1].response.headers",
        ),
        (
            "requests/1/response/headers",
            json!({}),
            "requests[1].response.headers",
        ),
        (
            "requests/1/response/body/data",
            json!("*"),
            "requests[1].response.body.data",
        ),
        (
            "requests/1/response/body/format",
            json!("hex"),
            "requests[1].response.body.format",
        ),
        (
            "network_events/0/operation",
            json!("telepathy"),
            "network_events[0].operation",
        ),
        (
            "network_events/2/failure",
            json!("eof_error"),
            "network_events[2].failure",
        ),
    ];
    for (pointer, value, path) in cases {
        assert_found_in_keys(sample::web_connectivity(), pointer, &value, path);
    }
}

#[test]
fn what_web_connectivity_concludes_fits_together() {
    let cases = [
        ("accessible", json!(true), "accessible"),
        ("blocking", json!(null), "accessible"),
        ("blocking", json!("tcp_ip"), "blocking"),
        ("blocking", json!(true), "blocking"),
        ("x_blocking_flags", json!(32), "x_blocking_flags"),
        ("x_blocking_flags", json!(49), "x_blocking_flags"),
        ("x_blocking_flags", json!(1), "x_blocking_flags"),
        ("x_blocking_flags", json!(64), "x_blocking_flags"),
        ("body_proportion", json!(0.8), "body_length_match"),
        ("body_proportion", json!(0), "body_length_match"),
        ("control", json!(null), "status_code_match"),
        ("control_failure", json!("eof_error"), "control_failure"),
        ("client_resolver", json!("192.0.2.1"), "client_resolver"),
    ];
    for (key, value, found) in cases {
        assert_found_in_keys(sample::web_connectivity(), key, &value, found);
    }
}

#[test]
fn what_the_others_conclude_fits_together() {
    let cases = [
        (
            "telegram",
            "telegram_web_status",
            json!("ok"),
            "telegram_web_status",
        ),
        (
            "telegram",
            "telegram_tcp_blocking",
            json!(true),
            "telegram_tcp_blocking",
        ),
        (
            "whatsapp",
            "whatsapp_web_status",
            json!("ok"),
            "whatsapp_web_status",
        ),
        (
            "whatsapp",
            "registration_server_status",
            json!("blocked"),
            "registration_server_status",
        ),
        (
            "signal",
            "signal_backend_failure",
            json!(null),
            "signal_backend_status",
        ),
        (
            "facebook_messenger",
            "facebook_dns_blocking",
            json!(false),
            "facebook_dns_blocking",
        ),
        (
            "facebook_messenger",
            "facebook_tcp_blocking",
            json!(false),
            "facebook_tcp_blocking",
        ),
        (
            "facebook_messenger",
            "facebook_edge_reachable",
            json!(true),
            "facebook_dns_blocking",
        ),
        (
            "facebook_messenger",
            "facebook_stun_reachable",
            json!(true),
            "facebook_stun_reachable",
        ),
        ("urlgetter", "failure", json!(null), "failed_operation"),
    ];
    for (name, key, value, found) in cases {
        let (_, own) = sample::own_keys()
            .into_iter()
            .find(|(own, _)| *own == name)
            .unwrap();
        assert_found_in_keys(sample::getter(name, &own), key, &value, found);
    }
}

#[test]
fn observations_are_found_in_any_nettest_and_anywhere_below_it() {
    let sample = sample::web_connectivity();
    let mut measurement = sample.clone();
    measurement["test_name"] = "something_new".into();
    measurement["test_keys"] = json!({
        "runs": [{"resolvers": {"dot://192.0.2.1:853": {"queries": sample["test_keys"]["queries"]}}}],
    });
    assert_eq!(check(&measurement), []);
    let query = "/test_keys/runs/0/resolvers/dot:~1~1192.0.2.1:853/queries/0";
    let path = r#"test_keys.runs[0].resolvers["dot://192.0.2.1:853"].queries[0].hostname"#;
    assert_found(measurement, &format!("{query}/hostname"), &json!(""), path);
}

#[test]
fn a_nettest_that_came_to_no_result_need_not_have_one() {
    let mut unfinished = sample::web_connectivity();
    unfinished["test_keys"] = json!({"requests": []});
    assert!(has_error(&check(&unfinished)));
    unfinished["test_keys"]["x_netsonde_error"] = json!({"module": "web_connectivity"});
    assert_eq!(check(&unfinished), []);
}

#[test]
fn a_conclusion_may_be_missing_where_the_script_did_not_measure_it() {
    let findings = check(&sample::getter("telegram", &json!({})));
    assert_eq!(findings.len(), 4, "{findings:#?}");
    assert!(!has_error(&findings), "{findings:#?}");
}

#[test]
fn keys_that_begin_with_x_are_free_and_others_are_noted() {
    let mut measurement = sample::web_connectivity();
    measurement["x_new"] = json!(1);
    measurement["test_keys"]["x_new"] = json!([1]);
    measurement["test_keys"]["queries"][0]["x_new"] = json!("1");
    assert_eq!(check(&measurement), []);
    measurement["test_keys"]["queries"][1]["new"] = json!("1");
    let findings = check(&measurement);
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [r#"note: test_keys.queries[1].new is "1"; df-002 wants no key of this name"#]
    );
}

#[test]
fn what_a_failed_quic_handshake_had_agreed_on_may_be_told() {
    let mut measurement = sample::web_connectivity();
    measurement["test_keys"]["quic_handshakes"][0]["negotiated_protocol"] = "h3".into();
    assert_eq!(check(&measurement), []);
    measurement["test_keys"]["quic_handshakes"][0]["network"] = "tcp".into();
    assert!(has_error(&check(&measurement)));
}

#[test]
fn what_is_alike_is_said_once() {
    let mut measurement = sample::web_connectivity();
    for query in measurement["test_keys"]["queries"].as_array_mut().unwrap() {
        query["tags"] = Value::Null;
    }
    let findings = check(&measurement);
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "note: test_keys.queries[0].tags is null; df-002 wants a list; the older dialect writes this (1 more like this)"
        ]
    );
}
