//! `signal`.

use serde_json::{Value, json};

use crate::harness::{Case, check, count, failures};

fn says(failure: Option<&str>) -> Value {
    json!({
        "signal_backend_failure": failure,
        "signal_backend_status": if failure.is_some() { "blocked" } else { "ok" },
    })
}

/// An authority that has nothing to do with the lab's.
fn authority() -> String {
    let path = crate::support::root().join("guests/signal/src/roots/signal-messenger.pem");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn signal_says_what_the_censor_did() {
    let page = json!({"run": "https-domain@v1", "with": {"domain": "chat.signal.org"}});
    let only_signals =
        json!({"run": "https-domain@v1", "with": {"domain": "chat.signal.org", "x509_certs": [authority()]}});
    check(
        "signal",
        &[
            Case::new("signal-clean", false, says(None)).and(|test_keys| {
                assert_eq!(count(test_keys, "requests"), 4);
                assert_eq!(failures(test_keys, "requests"), [Value::Null]);
                let queries = test_keys["queries"].as_array().unwrap();
                assert!(queries.iter().any(|seen| seen["hostname"] == "uptime.signal.org"));
            }),
            Case::new("signal-clean", false, says(None)).options(json!({"SignalCA": authority()})),
            Case::new("signal-sni-reset", true, says(Some("connection_reset"))),
            Case::new(
                "signal-unknown-authority",
                false,
                says(Some("ssl_unknown_authority")),
            ),
            Case::new("signal-uptime-nxdomain", true, says(None)).and(|test_keys| {
                assert_eq!(
                    failures(test_keys, "queries"),
                    [json!("dns_nxdomain_error"), Value::Null]
                );
            }),
            // What the script names, with roots in place of the usual ones, and without.
            Case::new("signal-clean", false, says(None)).targets(json!([page])),
            Case::new("signal-clean", false, says(Some("ssl_unknown_authority")))
                .targets(json!([only_signals])),
        ],
    );
}
