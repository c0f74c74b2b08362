//! Observations in, keys out.

use super::*;
use std::io::Write as _;

fn verdict(test_keys: &Json) -> Json {
    Json::Object(keys(&Observations::of(test_keys.as_object().unwrap()).unwrap()))
}

/// A server whose name resolves, and to which the handshake comes to this.
fn server(host: &str, failure: Option<&str>, tagged: bool) -> [(&'static str, Json); 3] {
    let tags = if tagged {
        json!([BACKEND_TAG, format!("target:{host}:443")])
    } else {
        json!([])
    };
    [
        (
            "queries",
            json!({"hostname": host, "query_type": "ANY", "answers": [{"ipv4": "192.0.2.1"}], "tags": tags}),
        ),
        (
            "tcp_connect",
            json!({"ip": "192.0.2.1", "port": 443, "status": {"failure": null}, "tags": tags}),
        ),
        (
            "tls_handshakes",
            json!({"server_name": host, "address": "192.0.2.1:443", "failure": failure, "tags": tags}),
        ),
    ]
}

fn network(servers: &[[(&'static str, Json); 3]]) -> Json {
    let mut test_keys = json!({"queries": [], "tcp_connect": [], "tls_handshakes": []});
    for (kind, seen) in servers.iter().flatten() {
        test_keys[*kind].as_array_mut().unwrap().push(seen.clone());
    }
    test_keys
}

#[test]
fn one_server_that_fails_is_enough_and_of_several_the_last_counts() {
    for tagged in [true, false] {
        let ok = server("cdsi.signal.org", None, tagged);
        let reset = server("chat.signal.org", Some("connection_reset"), tagged);
        let forged = server("storage.signal.org", Some("ssl_unknown_authority"), tagged);
        let says = |failure: Option<&str>, status: &str| json!({"signal_backend_failure": failure, "signal_backend_status": status});
        assert_eq!(verdict(&network(std::slice::from_ref(&ok))), says(None, "ok"));
        assert_eq!(
            verdict(&network(&[reset.clone(), ok.clone()])),
            says(Some("connection_reset"), "blocked")
        );
        assert_eq!(
            verdict(&network(&[reset, forged, ok])),
            says(Some("ssl_unknown_authority"), "blocked")
        );
    }
}

#[test]
fn the_lookup_alone_says_nothing() {
    for failure in [None, Some("dns_nxdomain_error")] {
        let query = json!({"hostname": UPTIME_HOST, "query_type": "ANY", "failure": failure});
        assert_eq!(verdict(&json!({"queries": [query]})), json!({}));
    }
}

/// The published example of another probe, which gives neither tags nor transactions.
#[test]
fn the_measurement_of_another_probe_means_what_that_probe_said() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/measurements/ts-029-signal__signal_0.2.5.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {path}");
        return;
    };
    let measurement: Json = serde_json::from_str(&text).unwrap();
    let said = verdict(&measurement["test_keys"]);
    assert_eq!(said.as_object().unwrap().len(), 2);
    for (key, value) in said.as_object().unwrap() {
        assert_eq!(*value, measurement["test_keys"][key], "{key}");
    }
}
