//! Every way to interfere, end to end: the binary, in the lab, with the uncensored twin in the same run.
//!
//! `example.com` is interfered with, `example.org` is its twin. Both are measured by the same script, so that a failure
//! of the twin, or of a censor that never acted, fails the test.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest, scenario};

/// Measure the censored and the uncensored URL; None where there is no lab.
fn twins(scenario_name: &str, censored: &str, twin: &str) -> Option<[Value; 2]> {
    let probe = Probe::new();
    let script = probe.urlgetter(&[(censored, json!({})), (twin, json!({}))]);
    let output = probe.runx_in_lab(&scenario(scenario_name), &script, &[])?;
    assert_exit(&output, 0);
    let [censored, twin]: [Value; 2] = probe.report().try_into().unwrap();
    assert_eq!(
        twin["test_keys"]["failure"],
        Value::Null,
        "the twin: {}",
        twin["test_keys"]
    );
    assert_eq!(twin["test_keys"]["failed_operation"], Value::Null);
    let cuts = probe.hits();
    if scenario_name.starts_with("cert-") {
        assert_eq!(cuts, 0, "a bad certificate needs no censor");
    } else {
        assert!(cuts > 0, "the censor never acted");
    }
    Some([censored, twin])
}

/// Assert how the censored URL fails, at the top and in the observation of the step.
fn assert_failure(measurement: &Value, failure: &str, operation: &str) {
    let keys = &measurement["test_keys"];
    assert_eq!(keys["failure"], failure, "{keys}");
    assert_eq!(keys["failed_operation"], operation, "{keys}");
}

#[test]
fn nxdomain_is_dns_nxdomain_error() {
    let Some([censored, twin]) = twins("nxdomain", "https://example.com/", "https://example.org/") else {
        return;
    };
    assert_failure(&censored, "dns_nxdomain_error", "resolve");
    assert_eq!(
        censored["test_keys"]["queries"][0]["failure"],
        "dns_nxdomain_error"
    );
    assert_eq!(censored["test_keys"]["tcp_connect"], json!([]));
    assert_eq!(
        twin["test_keys"]["queries"][0]["answers"][0]["ipv4"],
        "23.215.0.132"
    );
}

#[test]
fn an_injected_bogon_is_dns_bogon_error_for_a_mini_nettest() {
    let probe = Probe::new();
    let mini = |domain: &str| json!({"run": "https-domain@v1", "with": {"domain": domain, "tls_server_name": domain, "tags": [domain]}});
    let script = probe.script(&json!([nettest(
        "telegram",
        &json!({
            "suite_name": "im", "targets": [mini("example.com"), mini("example.org")],
        })
    )]));
    let Some(output) = probe.runx_in_lab(&scenario("dns-bogon"), &script, &[]) else {
        return;
    };
    assert_exit(&output, 0);
    assert!(probe.hits() > 0, "the censor never acted");
    let keys = &probe.report()[0]["test_keys"];
    let of = |kind: &str, tag: &str| -> Vec<Value> {
        let all = keys[kind].as_array().unwrap();
        all.iter()
            .filter(|entry| entry["tags"].as_array().unwrap().contains(&json!(tag)))
            .cloned()
            .collect()
    };
    assert_eq!(
        of("queries", "example.com")[0]["answers"][0]["ipv4"],
        "10.10.34.35"
    );
    assert_eq!(
        of("tcp_connect", "example.com"),
        Vec::<Value>::new(),
        "a bogon is not connected to"
    );
    assert_eq!(of("tcp_connect", "example.org")[0]["status"]["success"], true);
    assert_eq!(of("requests", "example.org")[0]["response"]["code"], 200);
}

#[test]
fn an_injected_bogon_is_recorded_and_leads_nowhere_for_urlgetter() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[
        (
            "dnslookup://example.com",
            json!({"ResolverURL": "udp://8.8.8.8:53"}),
        ),
        (
            "dnslookup://example.org",
            json!({"ResolverURL": "udp://8.8.8.8:53"}),
        ),
        (
            "https://example.com/",
            json!({"ResolverURL": "udp://8.8.8.8:53", "RejectDNSBogons": true}),
        ),
        ("https://example.com/", json!({"RejectDNSBogons": true})),
        ("dnslookup://example.org", json!({"RejectDNSBogons": true})),
    ]);
    let Some(output) = probe.runx_in_lab(&scenario("dns-bogon"), &script, &[]) else {
        return;
    };
    assert_exit(&output, 0);
    assert!(probe.hits() > 0, "the censor never acted");
    let report = probe.report();
    let answers = |measurement: &Value| -> Vec<Value> {
        let queries = measurement["test_keys"]["queries"].as_array().unwrap().clone();
        queries
            .iter()
            .filter_map(|query| query["answers"][0]["ipv4"].as_str().map(Value::from))
            .collect()
    };
    assert_eq!(answers(&report[0]), ["10.10.34.35"]);
    assert_eq!(answers(&report[1]), ["23.215.0.132"]);
    let query = &report[1]["test_keys"]["queries"][0];
    assert_eq!(query["engine"], "udp");
    assert_eq!(query["resolver_address"], "8.8.8.8:53");
    assert!(
        query["raw_response"].as_str().is_some_and(|raw| !raw.is_empty()),
        "the raw answer is kept: {query}"
    );
    for rejected in &report[2..4] {
        assert_failure(rejected, "dns_bogon_error", "resolve");
        assert_eq!(answers(rejected), ["10.10.34.35"], "and recorded all the same");
        assert_eq!(rejected["test_keys"]["tcp_connect"], json!([]));
    }
    assert_eq!(report[4]["test_keys"]["failure"], Value::Null);
}

#[test]
fn a_reset_on_sni_is_connection_reset() {
    let rule = "[[host]]\nname = \"example.com\"\naddresses = [\"23.192.228.80\"]\nhttps = [443]\n\
                [[host]]\nname = \"example.org\"\naddresses = [\"23.215.0.132\"]\nhttps = [443]\n\
                [[rule]]\nname = \"reset\"\nwhen = { sni = \"example.com\" }\ndo = \"reset\"\n";
    let probe = Probe::new();
    let scenario = probe.write("scenario.toml", rule);
    let script = probe.urlgetter(&[
        ("https://example.com/", json!({})),
        ("https://example.org/", json!({})),
        // The censor looks at the name, not at the address: another name gets through to the same server.
        (
            "tlshandshake://23.192.228.80:443",
            json!({"TLSServerName": "example.org", "NoTLSVerify": true}),
        ),
        (
            "tlshandshake://23.215.0.132:443",
            json!({"TLSServerName": "example.com", "NoTLSVerify": true}),
        ),
    ]);
    let Some(output) = probe.runx_in_lab(&scenario, &script, &[]) else {
        return;
    };
    assert_exit(&output, 0);
    assert_eq!(probe.hits(), 2);
    let report = probe.report();
    assert_failure(&report[0], "connection_reset", "tls_handshake");
    let handshake = &report[0]["test_keys"]["tls_handshakes"][0];
    assert_eq!(handshake["failure"], "connection_reset");
    assert_eq!(handshake["server_name"], "example.com");
    assert_eq!(report[1]["test_keys"]["failure"], Value::Null);
    assert_eq!(report[2]["test_keys"]["failure"], Value::Null);
    assert_failure(&report[3], "connection_reset", "tls_handshake");
}

#[test]
fn a_drop_on_sni_is_generic_timeout_error() {
    let Some([censored, _]) = twins("sni-drop", "https://example.com/", "https://example.org/") else {
        return;
    };
    assert_failure(&censored, "generic_timeout_error", "tls_handshake");
    assert_eq!(censored["test_keys"]["tcp_connect"][0]["status"]["success"], true);
    assert_eq!(
        censored["test_keys"]["tls_handshakes"][0]["failure"],
        "generic_timeout_error"
    );
}

#[test]
fn a_refused_connection_is_connection_refused() {
    let Some([censored, _]) = twins("tcp-refused", "https://example.com/", "https://example.org/") else {
        return;
    };
    assert_failure(&censored, "connection_refused", "connect");
    assert_eq!(
        censored["test_keys"]["tcp_connect"][0]["status"]["failure"],
        "connection_refused"
    );
}

#[test]
fn dropped_packets_are_generic_timeout_error() {
    let Some([censored, _]) = twins("tcp-drop", "https://example.com/", "https://example.org/") else {
        return;
    };
    assert_failure(&censored, "generic_timeout_error", "connect");
    assert_eq!(
        censored["test_keys"]["tcp_connect"][0]["status"]["failure"],
        "generic_timeout_error"
    );
}

#[test]
fn a_blockpage_is_no_failure_and_is_in_the_body() {
    let Some([censored, twin]) = twins("http-blockpage", "http://example.com/", "http://example.org/") else {
        return;
    };
    assert_eq!(
        censored["test_keys"]["failure"],
        Value::Null,
        "{}",
        censored["test_keys"]
    );
    let body = |measurement: &Value| measurement["test_keys"]["requests"][0]["response"]["body"].to_string();
    assert!(
        body(&censored).contains("blocked by order"),
        "{}",
        body(&censored)
    );
    assert!(!body(&twin).contains("blocked by order"), "{}", body(&twin));
}

#[test]
fn certificates_that_do_not_verify_have_a_failure_each_and_are_recorded() {
    for (name, failure) in [
        ("cert-expired", "ssl_invalid_certificate"),
        ("cert-wrong-host", "ssl_invalid_hostname"),
        ("cert-unknown-authority", "ssl_unknown_authority"),
    ] {
        let Some([censored, twin]) = twins(name, "https://example.com/", "https://example.org/") else {
            return;
        };
        assert_failure(&censored, failure, "tls_handshake");
        for measurement in [&censored, &twin] {
            let certificates = &measurement["test_keys"]["tls_handshakes"][0]["peer_certificates"];
            assert!(
                certificates.as_array().is_some_and(|chain| !chain.is_empty()),
                "{name}: {certificates}"
            );
        }
    }
}

#[test]
fn throttling_shows_in_the_time_it_takes() {
    let Some([slow, fast]) = twins("throttling", "https://example.com/", "https://example.org/") else {
        return;
    };
    let seconds = |measurement: &Value| {
        let request = &measurement["test_keys"]["requests"][0];
        assert_eq!(request["failure"], Value::Null, "slow is not broken");
        request["t"].as_f64().unwrap() - request["t0"].as_f64().unwrap()
    };
    // 200 kB at 50 kB/s take 4 s, less what a bucket holds at the start.
    assert!(seconds(&slow) > 2.0, "{} s", seconds(&slow));
    assert!(
        seconds(&slow) > 4.0 * seconds(&fast),
        "{} s against {} s",
        seconds(&slow),
        seconds(&fast)
    );
}

#[test]
fn nothing_is_censored_in_the_clean_lab() {
    let probe = Probe::new();
    let script = probe.urlgetter(&[
        ("https://example.com/", json!({})),
        ("http://example.com/", json!({})),
        ("https://dns.google/", json!({})),
        (
            "https://8.8.8.8/",
            json!({"HTTPHost": "dns.google", "TLSServerName": "dns.google"}),
        ),
        ("dnslookup://example.org", json!({})),
        (
            "dnslookup://example.org",
            json!({"ResolverURL": "udp://8.8.8.8:53"}),
        ),
        ("tcpconnect://example.com:443", json!({})),
        ("tlshandshake://example.com:443", json!({})),
    ]);
    let Some(output) = probe.runx_in_lab(&scenario("clean"), &script, &[]) else {
        return;
    };
    assert_exit(&output, 0);
    assert_eq!(probe.hits(), 0);
    let report = probe.report();
    assert_eq!(report.len(), 8);
    for measurement in &report {
        assert_eq!(
            measurement["test_keys"]["failure"],
            Value::Null,
            "{}",
            measurement["input"]
        );
    }
}
