//! `whatsapp`.

use serde_json::{Value, json};

use crate::harness::{Case, check, count, failures};

fn says(blocked: &Value, status: &str, registration: Option<&str>, web: Option<&str>) -> Value {
    let status_of = |failure: Option<&str>| if failure.is_some() { "blocked" } else { "ok" };
    json!({
        "registration_server_failure": registration,
        "registration_server_status": status_of(registration),
        "whatsapp_endpoints_blocked": blocked,
        "whatsapp_endpoints_dns_inconsistent": [],
        "whatsapp_endpoints_status": status,
        "whatsapp_web_failure": web,
        "whatsapp_web_status": status_of(web),
    })
}

#[test]
fn whatsapp_says_what_the_censor_did() {
    let timeout = Some("generic_timeout_error");
    // What getaddrinfo says when no resolver answers.
    let no_answer = Some("dns_server_misbehaving");
    let nxdomain = Some("dns_nxdomain_error");
    check(
        "whatsapp",
        &[
            Case::new("whatsapp-clean", false, says(&json!([]), "ok", None, None)).and(|test_keys| {
                let urls: Vec<_> = test_keys["requests"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|seen| seen["request"]["url"].clone())
                    .collect();
                assert_eq!(urls.len(), 2);
                for url in ["https://v.whatsapp.net/v2/register", "https://web.whatsapp.com/"] {
                    assert!(urls.contains(&json!(url)), "{url}");
                }
                assert_eq!(failures(test_keys, "requests"), [Value::Null]);
                assert_eq!(count(test_keys, "queries"), 34);
                assert_eq!(failures(test_keys, "tcp_connect"), [Value::Null]);
            }),
            Case::new(
                "whatsapp-web-sni-reset",
                true,
                says(&json!([]), "ok", None, Some("connection_reset")),
            ),
            Case::new(
                "whatsapp-nxdomain",
                true,
                says(&names(), "blocked", nxdomain, nxdomain),
            ),
            Case::new("whatsapp-443-drop", true, says(&json!([]), "ok", None, None)),
            Case::new("whatsapp-drop", true, says(&names(), "blocked", timeout, timeout)),
            Case::new(
                "whatsapp-dns-drop",
                true,
                says(&names(), "blocked", no_answer, no_answer),
            ),
        ],
    );
}

fn names() -> Value {
    (1..=16).map(|number| format!("e{number}.whatsapp.net")).collect()
}
