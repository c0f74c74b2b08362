//! Observations in, keys out.

use super::*;
use std::io::Write as _;

const WEB_FAILURE: &str = "telegram_web_failure";

const RESET: Option<&str> = Some("connection_reset");

/// Test keys with or without tags, built step by step.
#[derive(Default)]
struct Network {
    tags: bool,
    keys: Map<String, Json>,
    transactions: u64,
}

impl Network {
    fn new(tags: bool) -> Self {
        Self {
            tags,
            ..Self::default()
        }
    }

    fn add(&mut self, kind: &str, tag: &str, mut seen: Json) {
        let target = if tag == WEB_TAG {
            "web.telegram.org:443"
        } else {
            "149.154.175.50:443"
        };
        seen["tags"] = if self.tags {
            json!([tag, format!("target:{target}")])
        } else {
            json!([])
        };
        seen["transaction_id"] = json!(self.transactions);
        self.keys
            .entry(kind)
            .or_insert(json!([]))
            .as_array_mut()
            .unwrap()
            .push(seen);
    }

    fn query(&mut self, addresses: &[&str], failure: Option<&str>) {
        self.transactions += 1;
        let answers: Vec<_> = addresses
            .iter()
            .map(|address| json!({ "ipv4": address }))
            .collect();
        self.add(
            "queries",
            WEB_TAG,
            json!({ "hostname": WEB_HOST, "answers": answers, "failure": failure }),
        );
    }

    fn connect(&mut self, tag: &str, ip: &str, failure: Option<&str>) {
        self.transactions += 1;
        self.add(
            "tcp_connect",
            tag,
            json!({ "ip": ip, "port": 443, "status": { "failure": failure } }),
        );
    }

    fn handshake(&mut self, failure: Option<&str>) {
        self.add(
            "tls_handshakes",
            WEB_TAG,
            json!({ "server_name": WEB_HOST, "address": "149.154.167.99:443", "failure": failure }),
        );
    }

    fn request(&mut self, tag: &str, url: &str, failure: Option<&str>) {
        self.add(
            "requests",
            tag,
            json!({ "request": { "url": url }, "failure": failure }),
        );
    }

    fn dc(&mut self, connect: Option<&str>, http: Option<&str>) {
        self.connect(DC_TAG, "149.154.175.50", connect);
        if connect.is_none() {
            self.request(DC_TAG, "http://149.154.175.50:443/", http);
        }
    }

    fn web(&mut self, ip: &str, connect: Option<&str>, tls: Option<&str>, http: Option<&str>) {
        self.connect(WEB_TAG, ip, connect);
        if connect.is_none() {
            self.handshake(tls);
        }
        if connect.is_none() && tls.is_none() {
            self.request(WEB_TAG, "https://web.telegram.org/", http);
        }
    }

    /// `run` says that the mini nettest about the web client failed.
    fn say(&mut self, failure: &str) {
        let tags = if self.tags { json!([WEB_TAG]) } else { json!([]) };
        let said = json!({
            "target": "web.telegram.org:443", "tags": tags, "failure": failure, "failed_operation": "top_level",
        });
        self.keys
            .insert("x_failed_mini_nettests".to_owned(), json!([said]));
    }

    fn key(&self, name: &str) -> Option<Json> {
        let observations = Observations::of(&self.keys).unwrap();
        keys(&observations).get(name).cloned()
    }
}

/// Both with tags and without: the answer is the same.
fn each_way(network: impl Fn(&mut Network), expected: &[(&str, Option<Json>)]) {
    for tags in [true, false] {
        let mut observed = Network::new(tags);
        network(&mut observed);
        for (key, value) in expected {
            assert_eq!(
                observed.key(&format!("telegram_{key}")),
                *value,
                "{key}, tags: {tags}"
            );
        }
    }
}

#[test]
fn nothing_is_blocked_where_everything_answers() {
    let network = |network: &mut Network| {
        network.dc(None, None);
        network.query(&["149.154.167.99"], None);
        network.web("149.154.167.99", None, None, None);
    };
    each_way(
        network,
        &[
            ("http_blocking", Some(json!(false))),
            ("tcp_blocking", Some(json!(false))),
            ("web_failure", Some(Json::Null)),
            ("web_status", Some(json!("ok"))),
        ],
    );
}

#[test]
fn data_centres_that_can_not_be_connected_to_are_blocked_both_ways() {
    let network = |network: &mut Network| {
        network.dc(Some("generic_timeout_error"), None);
        network.dc(Some("connection_refused"), None);
    };
    each_way(
        network,
        &[
            ("http_blocking", Some(json!(true))),
            ("tcp_blocking", Some(json!(true))),
            ("web_failure", None),
            ("web_status", None),
        ],
    );
}

#[test]
fn a_reset_after_the_connection_blocks_http_only() {
    let network = |network: &mut Network| network.dc(None, RESET);
    each_way(
        network,
        &[
            ("http_blocking", Some(json!(true))),
            ("tcp_blocking", Some(json!(false))),
        ],
    );
}

#[test]
fn one_data_centre_that_answers_is_enough() {
    let network = |network: &mut Network| {
        network.dc(Some("generic_timeout_error"), None);
        network.dc(None, RESET);
        network.dc(None, None);
    };
    each_way(
        network,
        &[
            ("http_blocking", Some(json!(false))),
            ("tcp_blocking", Some(json!(false))),
        ],
    );
}

#[test]
fn the_web_client_fails_with_the_step_that_failed() {
    let lookup = |network: &mut Network| network.query(&[], Some("dns_nxdomain_error"));
    let connect = |network: &mut Network| {
        network.query(&["149.154.167.99"], None);
        network.web("149.154.167.99", Some("connection_refused"), None, None);
    };
    let tls = |network: &mut Network| {
        network.query(&["149.154.167.99"], None);
        network.web("149.154.167.99", None, RESET, None);
    };
    let http = |network: &mut Network| {
        network.query(&["149.154.167.99"], None);
        network.web("149.154.167.99", None, None, Some("eof_error"));
    };
    let failed = |code: &str| {
        [
            ("web_failure", Some(json!(code))),
            ("web_status", Some(json!("blocked"))),
        ]
    };
    each_way(lookup, &failed("dns_nxdomain_error"));
    each_way(connect, &failed("connection_refused"));
    each_way(tls, &failed("connection_reset"));
    each_way(http, &failed("eof_error"));
}

#[test]
fn a_tag_makes_another_domain_the_web_client() {
    let mut network = Network::new(true);
    let seen = json!({ "hostname": "mirror.example", "failure": "dns_nxdomain_error" });
    network.add("queries", WEB_TAG, seen);
    assert_eq!(network.key(WEB_FAILURE), Some(json!("dns_nxdomain_error")));
}

#[test]
fn one_address_of_the_web_client_is_enough() {
    let network = |network: &mut Network| {
        network.query(&["149.154.167.99", "149.154.167.100", "149.154.167.101"], None);
        network.web("149.154.167.99", Some("network_unreachable"), None, None);
        network.web("149.154.167.100", None, RESET, None);
        network.web("149.154.167.101", None, None, None);
    };
    each_way(
        network,
        &[
            ("web_failure", Some(Json::Null)),
            ("http_blocking", None),
            ("tcp_blocking", None),
        ],
    );
}

#[test]
fn an_address_without_a_route_does_not_hide_what_the_censor_did_to_the_other() {
    let network = |network: &mut Network| {
        network.query(&["149.154.167.99", "149.154.167.100"], None);
        network.web("149.154.167.99", None, RESET, None);
        network.web("149.154.167.100", Some("network_unreachable"), None, None);
    };
    each_way(network, &[("web_failure", Some(json!("connection_reset")))]);
}

#[test]
fn nothing_observed_means_no_keys() {
    each_way(
        |_| {},
        &[
            ("http_blocking", None),
            ("tcp_blocking", None),
            ("web_failure", None),
            ("web_status", None),
        ],
    );
}

#[test]
fn a_failure_of_the_web_client_that_nothing_shows_is_reported() {
    let failed = |code: &str| {
        [
            ("web_failure", Some(json!(code))),
            ("web_status", Some(json!("blocked"))),
        ]
    };
    let unobserved = |network: &mut Network| network.say("dns_bogon_error");
    let connected = |network: &mut Network| {
        network.query(&["149.154.167.99"], None);
        network.connect(WEB_TAG, "149.154.167.99", None);
        network.say("unknown_failure: trap");
    };
    each_way(unobserved, &failed("dns_bogon_error"));
    let mut network = Network::new(true);
    connected(&mut network);
    assert_eq!(network.key(WEB_FAILURE), Some(json!("unknown_failure: trap")));
}

#[test]
fn a_lookup_alone_that_went_well_is_fine() {
    let network = |network: &mut Network| network.query(&["149.154.167.99"], None);
    each_way(
        network,
        &[
            ("web_failure", Some(Json::Null)),
            ("web_status", Some(json!("ok"))),
        ],
    );
}

#[test]
fn other_tags_are_about_neither() {
    let mut network = Network::new(true);
    network.connect(
        "mini_nettest:control",
        "149.154.175.50",
        Some("generic_timeout_error"),
    );
    assert_eq!(network.key("telegram_tcp_blocking"), None);
}

/// The published example of another probe, an older one that gives neither tags nor transactions.
#[test]
fn the_measurement_of_another_probe_means_what_that_probe_said() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/measurements/ts-020-telegram__telegram_0.3.0.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {path}");
        return;
    };
    let measurement: Map<String, Json> = serde_json::from_str(&text).unwrap();
    let test_keys = measurement["test_keys"].as_object().unwrap();
    let keys = keys(&Observations::of(test_keys).unwrap());
    assert_eq!(keys.len(), 4);
    for (key, value) in keys {
        assert_eq!(Some(&value), test_keys.get(&key), "{key}");
    }
}
