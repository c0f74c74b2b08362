//! `telegram`.

use serde_json::{Value, json};

use crate::harness::{Case, check, count, failures};

fn says(http: bool, tcp: bool, web_failure: Option<&str>) -> Value {
    json!({
        "telegram_http_blocking": http,
        "telegram_tcp_blocking": tcp,
        "telegram_web_failure": web_failure,
        "telegram_web_status": if web_failure.is_some() { "blocked" } else { "ok" },
    })
}

#[test]
fn telegram_says_what_the_censor_did() {
    let dc = |tag: &str| json!({"run": "http-address@v1", "with": {"ip_address": "149.154.175.50", "port": 443, "http_method": "POST", "tags": [tag]}});
    check(
        "telegram",
        &[
            Case::new("clean", false, says(false, false, None)).and(|test_keys| {
                assert_eq!(count(test_keys, "tcp_connect"), 13);
                assert_eq!(count(test_keys, "requests"), 13);
                assert_eq!(failures(test_keys, "requests"), [Value::Null]);
            }),
            Case::new("telegram-dc-drop", true, says(true, true, None)).and(|test_keys| {
                let dropped = &test_keys["x_failed_mini_nettests"];
                assert_eq!(dropped.as_array().unwrap().len(), 12);
                assert_eq!(
                    failures(test_keys, "tcp_connect"),
                    [json!("generic_timeout_error"), Value::Null]
                );
            }),
            Case::new("telegram-dc-reset", true, says(true, false, None)).and(|test_keys| {
                assert_eq!(failures(test_keys, "tcp_connect"), [Value::Null]);
                assert_eq!(
                    failures(test_keys, "requests"),
                    [json!("connection_reset"), Value::Null]
                );
            }),
            Case::new(
                "telegram-dns-poison",
                false,
                says(false, false, Some("connection_refused")),
            ),
            Case::new("sni-rst", true, says(false, false, Some("connection_reset"))),
            // There is time for 24 of these in a minute.
            Case::new(
                "telegram-dc-drop",
                true,
                json!({"telegram_http_blocking": true, "telegram_tcp_blocking": true}),
            )
            .targets(vec![dc("mini_nettest:dc"); 40].into())
            .and(|test_keys| {
                assert_eq!(count(test_keys, "x_failed_mini_nettests"), 40);
                for kind in ["x_failed_mini_nettests", "tcp_connect"] {
                    assert_eq!(
                        failures(test_keys, kind),
                        [json!("generic_timeout_error")],
                        "{kind}"
                    );
                }
            }),
            // A key about which the script asks nothing is not there.
            Case::new(
                "sni-rst",
                false,
                json!({"telegram_http_blocking": false, "telegram_tcp_blocking": false}),
            )
            .targets(json!([dc("mini_nettest:dc")])),
        ],
    );
}
