//! Whatever is fed to it, the checker gives an answer.

use crate::sample;
use netsonde_data::check::{check, check_text};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

/// Any JSON; its keys are such as the checker knows.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "test_keys",
        "test_name",
        "test_version",
        "queries",
        "answers",
        "failure",
        "tcp_connect",
        "status",
        "t",
        "t0",
        "tls_handshakes",
        "requests",
        "request",
        "headers",
        "headers_list",
        "network_events",
        "operation",
        "address",
        "transaction_id",
        "control",
        "lookups",
        "x_doh",
        "blocking",
        "data",
        "format",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "web_connectivity",
            "dnscheck",
            "0.5.0",
            "connect",
            "getaddrinfo",
            "A"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((key.clone(), inner), 0..8).prop_map(|pairs| {
                let map: Map<String, Value> = pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect();
                Value::from(map)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_json_has_an_answer(value in any_json()) {
        prop_assert!(!check(&value).is_empty());
    }

    #[test]
    fn any_json_in_the_place_of_a_key_has_an_answer(value in any_json(), at in any::<prop::sample::Index>()) {
        let mut measurement = sample::web_connectivity();
        let keys = measurement["test_keys"].as_object_mut().unwrap();
        let at = at.index(keys.len());
        let (_, place) = keys.iter_mut().nth(at).unwrap();
        *place = value;
        for finding in check(&measurement) {
            prop_assert!(!finding.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_has_an_answer(text in ".{0,64}") {
        prop_assert!(!check_text(&text).is_empty());
    }
}

#[test]
fn what_is_no_json_is_found_to_be_none() {
    let texts: Vec<String> = check_text("{").iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1);
    assert!(
        texts[0].starts_with("error: the measurement is \"{\"; df-000 wants JSON"),
        "{texts:?}"
    );
    assert!(check(&json!([])).len() == 1);
}
