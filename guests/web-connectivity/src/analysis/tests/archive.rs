//! Measurements from elsewhere, whole and broken.

use std::io::Write;
use std::path::Path;

use netsonde_guest::{Json, Map, json};
use proptest::prelude::*;

use super::measure::measure;
use super::net::{PROXY, Rule};
use super::scenarios::SCENARIOS;
use crate::analysis::keys;

fn keys_of(test_keys: Json) -> Map<String, Json> {
    keys(&serde_json::from_value(test_keys).unwrap()).unwrap()
}

/// The test keys of one of the samples.
fn sample(name: &str) -> Option<Map<String, Json>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/measurements")
        .join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {name}: {} is not there",
            path.display()
        );
        return None;
    };
    let measurement: Json = serde_json::from_str(&text).unwrap();
    Some(measurement["test_keys"].as_object().unwrap().clone())
}

#[test]
fn the_sample_of_the_specification_gets_the_keys_it_has() {
    let Some(test_keys) = sample("ts-017-web-connectivity__web_connectivity_0.5.28.json") else {
        return;
    };
    for (key, value) in keys(&test_keys).unwrap() {
        assert_eq!(test_keys.get(&key), Some(&value), "{key}");
    }
}

#[test]
fn where_nothing_was_observed_nothing_is_concluded() {
    let Some(test_keys) = sample("df-000-base__web_connectivity_0.0.1.json") else {
        return;
    };
    let keys = keys(&test_keys).unwrap();
    assert_eq!(keys.len(), 13);
    for (key, value) in keys {
        assert!(value.is_null() || value == 0, "{key}: {value}");
    }
}

#[test]
fn null_lists_are_empty_ones() {
    let none = keys_of(json!({}));
    let nulls = json!({"queries": null, "tcp_connect": null, "tls_handshakes": null, "requests": null,
                       "x_control_request": null, "control": null});
    assert_eq!(keys_of(nulls), none);
}

#[test]
fn what_is_no_measurement_is_refused_by_name() {
    for (test_keys, says) in [
        (json!({"requests": "none"}), "`requests` is no list"),
        (json!({"control": []}), "`control` is no object"),
    ] {
        let failure = keys(test_keys.as_object().unwrap()).unwrap_err();
        assert_eq!(failure.code, "json_parse_error");
        assert!(failure.detail.contains(says), "{}", failure.detail);
    }
}

/// A measurement of 0.4: no depth, no transactions, its own client for the page.
fn elder(connect: &Json, shaken: &str, requests: &Json) -> Json {
    json!({
        "queries": [
            {"engine": "system", "hostname": "www.example.com", "query_type": "A", "failure": null,
             "answers": [{"answer_type": "A", "ipv4": "93.184.216.34"}]},
            {"engine": "system", "hostname": "www.example.com", "query_type": "AAAA", "failure": "dns_no_answer",
             "answers": null},
        ],
        "tcp_connect": [{"ip": "93.184.216.34", "port": 443, "status": connect}],
        "tls_handshakes": [{"address": "93.184.216.34:443", "server_name": "www.example.com",
                            "failure": if shaken.is_empty() { Json::Null } else { json!(shaken) }}],
        "requests": requests,
        "control_failure": null,
        "control": {
            "dns": {"failure": null, "addrs": ["93.184.216.34"]},
            "tcp_connect": {"93.184.216.34:443": {"status": true, "failure": null}},
            "http_request": {"failure": null, "status_code": 200, "body_length": 5, "title": "", "headers": {}},
        },
    })
}

fn page(url: &str) -> Json {
    json!({"request": {"url": url}, "failure": null, "response": {"code": 200, "body": "abcde"}})
}

#[test]
fn an_elder_measurement_is_read_by_its_addresses() {
    let up = json!({"success": true, "failure": null});
    let (first, last) = ("http://www.example.com/", "https://www.example.com/a");
    let keys = keys_of(elder(&up, "", &json!([page(last), page(first)])));
    assert_eq!(keys["dns_consistency"], "consistent");
    assert_eq!(
        (&keys["blocking"], &keys["accessible"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(keys["body_proportion"], 1);

    let failed = json!([{"request": {"url": last}, "failure": "connection_reset", "response": null}]);
    let keys = keys_of(elder(&up, "connection_reset", &failed));
    assert_eq!(
        (&keys["blocking"], &keys["accessible"]),
        (&json!("http-failure"), &json!(false))
    );

    // Its request repeats the failure of the connection, which says more.
    let down = json!({"success": false, "failure": "connection_reset"});
    let mut refused = elder(&down, "", &failed);
    refused["tls_handshakes"] = Json::Null;
    let keys = keys_of(refused);
    assert_eq!(keys["blocking"], "tcp_ip");
    assert_eq!(keys["http_experiment_failure"], "connection_reset");
}

#[test]
fn an_elder_measurement_whose_helper_failed_has_no_control() {
    let up = json!({"success": true, "failure": null});
    let mut alone = elder(&up, "", &json!([page("http://www.example.com/")]));
    alone["control_failure"] = json!("connection_reset");
    let keys = keys_of(alone);
    assert_eq!(
        (&keys["blocking"], &keys["dns_consistency"]),
        (&Json::Null, &Json::Null)
    );
}

/// A lookup as the only observation.
fn lookup(query_type: &str, failure: Option<&str>, addresses: &[&str]) -> Json {
    let answers: Vec<_> = addresses.iter().map(|ip| json!({"ipv4": ip})).collect();
    json!({"engine": "udp", "hostname": "a.example", "query_type": query_type, "failure": failure,
           "answers": answers, "transaction_id": 20001, "tags": ["depth=0"]})
}

#[test]
fn a_private_address_is_noticed_wherever_it_stands() {
    let ahead = json!({"queries": [lookup("A", None, &["1.1.1.1", "10.0.0.1"])]});
    assert_eq!(keys_of(ahead)["x_dns_flags"], 1);
    let apart = json!({"queries": [lookup("A", None, &["8.8.8.8"]), lookup("A", None, &["192.168.0.1"])]});
    assert_eq!(keys_of(apart)["x_dns_flags"], 1);
}

#[test]
fn a_name_without_ipv6_does_not_hide_that_it_has_no_ipv4() {
    let failures = [
        lookup("AAAA", Some("dns_no_answer"), &[]),
        lookup("A", Some("dns_nxdomain_error"), &[]),
    ];
    let test_keys = json!({
        "queries": failures,
        "x_control_request": {"http_request": "http://a.example/"},
        "control": {"dns": {"failure": null, "addrs": ["8.8.8.8"]}},
    });
    assert_eq!(keys_of(test_keys)["x_dns_flags"], 2);
}

#[test]
fn a_handshake_proves_that_one_lookup_was_right() {
    const NAME: &str = "www.example.com";
    let keys_under = |rule| keys(&measure("https://www.example.com/", &[rule])).unwrap();
    // The system resolver alone names the proxy, whose certificate is the website's.
    let alone = keys_under(Rule::Isp(NAME, Ok(&[PROXY])));
    assert_eq!(
        (&alone["x_dns_flags"], &alone["dns_consistency"]),
        (&json!(0), &json!("inconsistent"))
    );
    // So does the other resolver, which the endpoint does not refer to.
    assert_eq!(keys_under(Rule::Spoof(NAME, Ok(&[PROXY])))["x_dns_flags"], 4);
}

#[test]
fn the_first_answer_of_a_lookup_decides_whether_it_is_right() {
    let judged = |answers: [&[&str]; 2]| {
        let [first, second] = answers.map(|addresses| lookup("A", None, addresses));
        keys_of(json!({
            "queries": [first, second],
            "x_control_request": {"http_request": "http://a.example/"},
            "control": {"dns": {"failure": null, "addrs": ["8.8.8.8"]}},
        }))
    };
    assert_eq!(judged([&["8.8.8.8"], &["9.9.9.9"]])["x_dns_flags"], 0);
    assert_eq!(judged([&["9.9.9.9"], &["8.8.8.8"]])["x_dns_flags"], 4);
}

#[test]
fn an_address_of_the_same_network_is_right() {
    let mut answer = lookup("A", None, &["9.9.9.9"]);
    answer["answers"][0]["asn"] = json!(15169);
    let test_keys = json!({
        "queries": [answer],
        "x_control_request": {"http_request": "http://a.example/"},
        "control": {"dns": {"failure": null, "addrs": ["8.8.8.8"]},
                    "ip_info": {"8.8.8.8": {"asn": 15169, "flags": 2}, "9.9.9.9": {"asn": 0, "flags": 1}}},
    });
    assert_eq!(keys_of(test_keys)["x_dns_flags"], 0);
}

#[test]
fn a_probe_without_ipv6_accuses_nobody() {
    let refused = |ip: &str| {
        keys_of(json!({
            "tcp_connect": [{"ip": ip, "port": 80, "status": {"failure": "host_unreachable", "success": false},
                             "transaction_id": 40001, "tags": ["depth=0", "fetch_body=true"]}],
            "x_control_request": {"http_request": "http://a.example/"},
            "control": {"dns": {"failure": null, "addrs": []},
                        "tcp_connect": {"[2606:2800::1]:80": {"failure": null}, "8.8.8.8:80": {"failure": null}}},
        }))
    };
    assert_eq!(refused("2606:2800::1")["x_blocking_flags"], 0);
    assert_eq!(refused("8.8.8.8")["x_blocking_flags"], 2);
}

/// What stands where something else is expected.
fn junk(kind: u8) -> Json {
    match kind {
        0 => Json::Null,
        1 => json!(-1),
        2 => json!(u64::MAX),
        3 => json!(1e300),
        4 => json!("é:\u{0}%"),
        5 => json!([null, [], {}, "depth=99999999999999999999"]),
        6 => json!({"failure": {}, "data": 3, "format": "base64"}),
        _ => json!(true),
    }
}

/// Put junk in the place of the value that is reached after `steps` values.
fn spoil(value: &mut Json, steps: &mut usize, kind: u8) {
    if *steps == 0 {
        *value = junk(kind);
        *steps = usize::MAX;
        return;
    }
    *steps -= 1;
    match value {
        Json::Array(values) => values.iter_mut().for_each(|value| spoil(value, steps, kind)),
        Json::Object(values) => values.values_mut().for_each(|value| spoil(value, steps, kind)),
        _ => {}
    }
}

proptest! {
    /// Whatever is wrong with a measurement, there are all keys or a word on what is wrong.
    #[test]
    fn broken_measurements_are_read_or_refused(row in 0..50_usize, spoilt in prop::collection::vec((0..400_usize, 0..8_u8), 1..6)) {
        let (_, url, rules, _) = SCENARIOS[row];
        let mut test_keys = Json::Object(measure(url, rules));
        for (mut steps, kind) in spoilt {
            steps += 1;
            spoil(&mut test_keys, &mut steps, kind);
        }
        match keys(test_keys.as_object().unwrap()) {
            Ok(keys) => prop_assert_eq!(keys.len(), 13),
            Err(failure) => prop_assert!(failure.detail.contains('`'), "{}", failure.detail),
        }
    }
}
