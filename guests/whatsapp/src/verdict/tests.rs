//! Observations in, keys out.

use super::*;
use std::io::Write as _;

/// The keys of an `ANY` query and a connection for each endpoint, given as `(host, port, failure of which operation)`.
fn network(endpoints: &[(&str, u16, Option<&str>)]) -> Map<String, Json> {
    let mut test_keys = json!({"queries": [], "tcp_connect": []});
    let mut add = |kind: &str, seen: Json| test_keys[kind].as_array_mut().unwrap().push(seen);
    for &(host, port, failure) in endpoints {
        let tags = json!([ENDPOINT_TAG, format!("target:{host}:{port}")]);
        let is_lookup = failure.is_some_and(|failure| failure.starts_with("dns_"));
        let lookup = failure.filter(|_| is_lookup);
        add(
            "queries",
            json!({"hostname": host, "query_type": "ANY", "failure": lookup, "tags": tags}),
        );
        if !is_lookup {
            add(
                "tcp_connect",
                json!({"ip": "192.0.2.1", "port": port, "status": {"failure": failure}, "tags": tags}),
            );
        }
    }
    test_keys.as_object().unwrap().clone()
}

fn verdict(test_keys: &Map<String, Json>) -> Map<String, Json> {
    keys(&Observations::of(test_keys).unwrap())
}

const TIMEOUT: Option<&str> = Some("generic_timeout_error");
const NXDOMAIN: Option<&str> = Some("dns_nxdomain_error");

#[test]
fn a_name_is_blocked_when_both_of_its_ports_are() {
    let keys = verdict(&network(&[
        ("e1.whatsapp.net", 443, TIMEOUT),
        ("e1.whatsapp.net", 5222, TIMEOUT),
        ("e2.whatsapp.net", 443, TIMEOUT),
        ("e2.whatsapp.net", 5222, None),
        ("e3.whatsapp.net", 443, NXDOMAIN),
        ("e3.whatsapp.net", 5222, NXDOMAIN),
    ]));
    assert_eq!(
        keys["whatsapp_endpoints_blocked"],
        json!(["e1.whatsapp.net", "e3.whatsapp.net"])
    );
    assert_eq!(keys["whatsapp_endpoints_status"], "ok");
    assert_eq!(keys["whatsapp_endpoints_dns_inconsistent"], json!([]));
}

#[test]
fn the_endpoints_are_blocked_when_none_can_be_reached() {
    let keys = verdict(&network(&[
        ("e1.whatsapp.net", 443, NXDOMAIN),
        ("e1.whatsapp.net", 5222, TIMEOUT),
    ]));
    assert_eq!(keys["whatsapp_endpoints_blocked"], json!(["e1.whatsapp.net"]));
    assert_eq!(keys["whatsapp_endpoints_status"], "blocked");
    let one_port = verdict(&network(&[("e1.whatsapp.net", 443, TIMEOUT)]));
    assert_eq!(one_port["whatsapp_endpoints_blocked"], json!([]));
    assert_eq!(one_port["whatsapp_endpoints_status"], "blocked");
}

#[test]
fn what_was_not_measured_has_no_keys() {
    assert!(verdict(&Map::new()).is_empty());
    let endpoints = verdict(&network(&[("e1.whatsapp.net", 443, None)]));
    assert_eq!(endpoints.len(), 3, "{endpoints:?}");
}

#[test]
fn pages_fail_with_the_step_that_failed_whether_tagged_or_not() {
    for tags in [true, false] {
        let tags = |tag: &str, host: &str| {
            if tags {
                json!([tag, format!("target:{host}:443")])
            } else {
                json!([])
            }
        };
        let web = tags(WEB_TAG, WEB_HOST);
        let registration = tags(REGISTRATION_TAG, REGISTRATION_HOST);
        let test_keys = json!({
            "queries": [
                {"hostname": WEB_HOST, "query_type": "ANY", "answers": [{"ipv4": "192.0.2.1"}], "tags": web},
                {"hostname": REGISTRATION_HOST, "query_type": "ANY", "answers": [{"ipv4": "192.0.2.2"}], "tags": registration},
            ],
            "tcp_connect": [
                {"ip": "192.0.2.1", "port": 443, "status": {"failure": null}, "tags": web},
                {"ip": "192.0.2.2", "port": 443, "status": {"failure": null}, "tags": registration},
            ],
            "tls_handshakes": [
                {"server_name": WEB_HOST, "address": "192.0.2.1:443", "failure": "connection_reset", "tags": web},
                {"server_name": REGISTRATION_HOST, "address": "192.0.2.2:443", "failure": null, "tags": registration},
            ],
            "requests": [{"request": {"url": "https://v.whatsapp.net/v2/register"}, "failure": null, "tags": registration}],
        });
        let keys = verdict(test_keys.as_object().unwrap());
        assert_eq!(
            Json::Object(keys),
            json!({
                "registration_server_failure": null,
                "registration_server_status": "ok",
                "whatsapp_web_failure": "connection_reset",
                "whatsapp_web_status": "blocked",
            })
        );
    }
}

/// The published example of another probe, which gives neither tags nor transactions.
#[test]
fn the_measurement_of_another_probe_means_what_that_probe_said() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/measurements/ts-018-whatsapp__whatsapp_0.10.0.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {path}");
        return;
    };
    let measurement: Map<String, Json> = serde_json::from_str(&text).unwrap();
    let test_keys = measurement["test_keys"].as_object().unwrap();
    let keys = verdict(test_keys);
    assert_eq!(keys.len(), 7);
    for (key, value) in keys {
        assert_eq!(Some(&value), test_keys.get(&key), "{key}");
    }
    // 16 names at two ports, and two pages: each is told apart although the names share addresses.
    assert_eq!(Observations::of(test_keys).unwrap().attempts().len(), 34);
}
