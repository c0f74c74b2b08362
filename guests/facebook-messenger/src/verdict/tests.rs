//! Observations in, keys out.

use super::*;
use std::io::Write as _;

const PREFIXES: [&str; 7] = [
    "facebook_stun",
    "facebook_b_api",
    "facebook_b_graph",
    "facebook_edge",
    "facebook_external_cdn",
    "facebook_scontent_cdn",
    "facebook_star",
];

/// What all names resolve to, and what becomes of connections.
fn network(address: &str, asn: Option<u32>, connect: Option<&str>) -> Json {
    let mut test_keys = json!({"queries": [], "tcp_connect": []});
    for service in &SERVICES {
        let target = service.port.map_or_else(
            || service.domain.to_owned(),
            |port| format!("{}:{port}", service.domain),
        );
        let tags = json!([service.tag, format!("target:{target}")]);
        let answer = match asn {
            Some(asn) => json!({"ipv4": address, "asn": asn}),
            None => json!({"ipv4": address}),
        };
        let query = json!({"hostname": service.domain, "query_type": "ANY", "answers": [answer], "failure": null, "tags": tags});
        test_keys["queries"].as_array_mut().unwrap().push(query);
        if service.port.is_some() && !is_nobodys(address) {
            let connect = json!({"ip": address, "port": 443, "status": {"failure": connect}, "tags": tags});
            test_keys["tcp_connect"].as_array_mut().unwrap().push(connect);
        }
    }
    test_keys
}

fn verdict(test_keys: &Json) -> Map<String, Json> {
    keys(&Observations::of(test_keys.as_object().unwrap()).unwrap())
}

fn assert_says(test_keys: &Json, dns: Option<bool>, reachable: Option<bool>, blocking: [bool; 2]) {
    let keys = verdict(test_keys);
    assert_eq!(keys.len(), 16);
    for prefix in PREFIXES {
        assert_eq!(keys[&format!("{prefix}_dns_consistent")], json!(dns), "{prefix}");
        let reachable = reachable.filter(|_| prefix != "facebook_stun");
        assert_eq!(keys[&format!("{prefix}_reachable")], json!(reachable), "{prefix}");
    }
    assert_eq!(
        [&keys["facebook_dns_blocking"], &keys["facebook_tcp_blocking"]],
        [&json!(blocking[0]), &json!(blocking[1])]
    );
}

#[test]
fn addresses_of_facebook_that_can_be_connected_to_are_fine() {
    assert_says(
        &network("157.240.1.1", Some(FACEBOOK), None),
        Some(true),
        Some(true),
        [false, false],
    );
}

#[test]
fn nothing_is_said_of_connections_to_somebody_else() {
    assert_says(
        &network("192.88.99.1", Some(64500), None),
        Some(false),
        None,
        [true, false],
    );
    assert_says(&network("10.0.0.1", None, None), Some(false), None, [true, false]);
}

#[test]
fn connections_that_fail_are_blocked() {
    let refused = Some("connection_refused");
    assert_says(
        &network("157.240.1.1", Some(FACEBOOK), refused),
        Some(true),
        Some(false),
        [false, true],
    );
}

#[test]
fn without_a_file_of_owners_nothing_is_said_of_addresses() {
    assert_says(
        &network("157.240.1.1", None, None),
        None,
        Some(true),
        [false, false],
    );
}

#[test]
fn with_a_file_of_owners_an_address_that_it_does_not_know_is_not_facebooks() {
    let mut test_keys = network("157.240.1.1", Some(FACEBOOK), None);
    test_keys["queries"][1]["answers"] = json!([{"ipv4": "192.88.99.1"}]);
    let keys = verdict(&test_keys);
    assert_eq!(keys["facebook_b_api_dns_consistent"], false);
    assert_eq!(keys["facebook_b_graph_dns_consistent"], true);
}

#[test]
fn names_that_can_not_be_looked_up_are_blocked() {
    for said in [None, Some("generic_timeout_error")] {
        let tags = json!(["fbmessenger-star", "target:star.c10r.facebook.com:443"]);
        let failure = if said.is_some() {
            "interrupted"
        } else {
            "dns_nxdomain_error"
        };
        let mut test_keys =
            json!({"queries": [{"hostname": "star.c10r.facebook.com", "failure": failure, "tags": tags}]});
        if let Some(failure) = said {
            test_keys["x_failed_mini_nettests"] = json!([{
                "target": "star.c10r.facebook.com:443", "tags": tags, "failure": failure, "failed_operation": "top_level",
            }]);
        }
        assert_eq!(
            Json::Object(verdict(&test_keys)),
            json!({
                "facebook_star_dns_consistent": false,
                "facebook_star_reachable": null,
                "facebook_dns_blocking": true,
                "facebook_tcp_blocking": false,
            })
        );
    }
}

/// The published example of another probe. It does not say whose the addresses are, so all but that can be computed again.
#[test]
fn the_measurement_of_another_probe_means_what_that_probe_said_as_far_as_it_shows() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/measurements/ts-019-facebook-messenger__facebook_messenger_0.4.0.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {path}");
        return;
    };
    let measurement: Json = serde_json::from_str(&text).unwrap();
    let keys = verdict(&measurement["test_keys"]);
    assert_eq!(keys.len(), 16);
    for (key, value) in keys {
        if key.ends_with("_dns_consistent") {
            assert_eq!(value, Json::Null, "{key}");
        } else {
            assert_eq!(value, measurement["test_keys"][&key], "{key}");
        }
    }
}
