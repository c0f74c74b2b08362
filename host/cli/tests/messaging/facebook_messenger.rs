//! `facebook_messenger`.

use serde_json::{Value, json};

use crate::harness::{Case, check, count, failures};

const PREFIXES: [&str; 7] = [
    "facebook_stun",
    "facebook_b_api",
    "facebook_b_graph",
    "facebook_edge",
    "facebook_external_cdn",
    "facebook_scontent_cdn",
    "facebook_star",
];

/// The same of all services, and what is blocked.
fn says(dns: Option<bool>, reachable: Option<bool>, blocking: [bool; 2]) -> Value {
    let mut says = json!({"facebook_dns_blocking": blocking[0], "facebook_tcp_blocking": blocking[1]});
    for prefix in PREFIXES {
        says[format!("{prefix}_dns_consistent")] = json!(dns);
        says[format!("{prefix}_reachable")] = json!(reachable.filter(|_| prefix != "facebook_stun"));
    }
    says
}

#[test]
fn facebook_messenger_says_what_the_censor_did() {
    let mut dropped = says(Some(true), Some(true), [false, true]);
    dropped["facebook_edge_reachable"] = json!(false);
    let star = json!({"run": "tcp-connect-domain@v1", "id": "fbmessenger-star", "with": {"domain": "star.c10r.facebook.com", "port": 443}});
    let only_star = json!({
        "facebook_star_dns_consistent": true,
        "facebook_star_reachable": true,
        "facebook_dns_blocking": false,
        "facebook_tcp_blocking": false,
    });
    check(
        "facebook_messenger",
        &[
            Case::new(
                "facebook-messenger-clean",
                false,
                says(Some(true), Some(true), [false, false]),
            )
            .with_owners()
            .and(|test_keys| {
                assert_eq!(count(test_keys, "queries"), 7);
                assert_eq!(count(test_keys, "tcp_connect"), 6);
            }),
            // Without owners nothing is said of the names.
            Case::new(
                "facebook-messenger-clean",
                false,
                says(None, Some(true), [false, false]),
            ),
            Case::new(
                "facebook-messenger-dns-poison",
                false,
                says(Some(false), None, [true, false]),
            )
            .with_owners()
            .and(|test_keys| assert_eq!(failures(test_keys, "queries"), [Value::Null])),
            Case::new(
                "facebook-messenger-dns-bogon",
                true,
                says(Some(false), None, [true, false]),
            ),
            Case::new("facebook-messenger-drop", true, dropped)
                .with_owners()
                .and(|test_keys| {
                    assert_eq!(
                        failures(test_keys, "tcp_connect"),
                        [json!("generic_timeout_error"), Value::Null]
                    );
                }),
            Case::new("facebook-messenger-clean", false, only_star)
                .with_owners()
                .targets(json!([star])),
        ],
    );
}
