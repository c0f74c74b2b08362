//! `netsonde locate`: the location is found in the lab, and what can not be found is told; and what a run makes of it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../../net/tests/loopback/mmdb.rs"]
mod mmdb;
mod support;

use std::process::Output;

use serde_json::{Value, json};
use support::{Probe, assert_exit, in_lab, nettest, scenario};

/// The lab's client, its resolver, and example.org.
fn owners() -> Vec<u8> {
    mmdb::mmdb(&[
        ("130.192.0.0", 16, 137, "GARR", "IT"),
        ("172.253.0.0", 16, 15169, "Google LLC", "US"),
        ("23.215.0.0", 24, 20940, "Akamai", "NL"),
        ("2001:760::", 32, 137, "GARR", "IT"),
        ("2404:6800::", 32, 15169, "Google LLC", "SG"),
    ])
}

/// `locate` in an uncensored lab.
fn locate(probe: &Probe, arguments: &[&str]) -> Option<Output> {
    let mut command = probe.netsonde();
    command
        .arg("lab")
        .arg("--scenario")
        .arg(scenario("clean-everything"))
        .args(["--", env!("CARGO_BIN_EXE_netsonde"), "locate"])
        .args(arguments);
    in_lab(command)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn expected() -> Value {
    json!({
        "ipv4": {
            "probe_ip": "130.192.91.211",
            "probe_asn": 137,
            "probe_cc": "IT",
            "probe_network_name": "GARR",
            "resolver_ip": "172.253.1.130",
            "resolver_asn": 15169,
            "resolver_cc": "US",
            "resolver_network_name": "Google LLC",
        },
        "ipv6": {
            "probe_ip": "2001:760:0:211::2",
            "probe_asn": 137,
            "probe_cc": "IT",
            "probe_network_name": "GARR",
            "resolver_ip": "2404:6800:4003:c0f::12",
            "resolver_asn": 15169,
            "resolver_cc": "SG",
            "resolver_network_name": "Google LLC",
        },
    })
}

#[test]
fn stun_servers_and_pages_tell_where_the_probe_is_over_both_families() {
    let probe = Probe::new();
    std::fs::write(probe.path("owners.mmdb"), owners()).unwrap();
    let sources = [
        ["--stun", "stun.l.google.com:19302"],
        ["--http", "http://example.org/cdn-cgi/trace"],
        ["--http", "https://example.org/cdn-cgi/trace"],
    ];
    for source in sources {
        let arguments = [&source[..], &["--mmdb", "owners.mmdb"]].concat();
        let Some(output) = locate(&probe, &arguments) else {
            return;
        };
        assert_exit(&output, 0);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found, expected(), "{source:?}");
        assert!(
            said(&output).contains("configured to ask the resolver"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn what_is_found_is_a_location_for_runx_and_its_answers_say_whose_they_are() {
    let probe = Probe::new();
    std::fs::write(probe.path("owners.mmdb"), owners()).unwrap();
    std::fs::write(probe.path("steps.wasm"), netsonde_test_guests::wasm("steps")).unwrap();
    let Some(output) = locate(
        &probe,
        &["--stun", "stun.l.google.com:19302", "--mmdb", "owners.mmdb"],
    ) else {
        return;
    };
    assert_exit(&output, 0);
    std::fs::write(probe.path("location.jsonc"), &output.stdout).unwrap();
    let steps =
        json!([[{"do": "lookup", "domain": "example.org"}, {"do": "whose", "address": "23.215.0.132"}]]);
    let target = json!({"input": "whose", "options": {"steps": steps}});
    let script = probe.script(&json!([nettest(
        "steps",
        &json!({"suite_name": "experimental", "targets": [target]})
    )]));
    let more = ["--module", "steps.wasm", "--mmdb", "owners.mmdb"];
    let output = probe
        .runx_in_lab(&scenario("clean-everything"), &script, &more)
        .unwrap();
    assert_exit(&output, 0);
    let measurement = &probe.report()[0];
    assert_eq!(measurement["resolver_ip"], "172.253.1.130");
    assert_eq!(measurement["probe_asn"], "AS137");
    let answers = measurement["test_keys"]["queries"][0]["answers"]
        .as_array()
        .unwrap();
    let v4 = answers
        .iter()
        .find(|answer| answer["ipv4"] == "23.215.0.132")
        .unwrap();
    assert_eq!(
        (&v4["asn"], &v4["as_org_name"]),
        (&json!(20940), &json!("Akamai"))
    );
    let whose = &measurement["test_keys"]["answers"][0][1];
    assert_eq!(whose["owner"], json!([20940, "Akamai", "NL"]));
    assert_eq!(whose["resolver_address"], "172.253.1.130");
    assert_eq!(whose["configured_resolvers"].as_array().unwrap().len(), 1);
}

#[test]
fn who_does_not_answer_is_told_and_the_next_one_is_asked() {
    let probe = Probe::new();
    let arguments = [
        "--stun",
        "nobody.test:3478",
        "--stun",
        "example.com:3478",
        "--http",
        "http://example.org/cdn-cgi/trace",
        "--resolver-name",
        "nobody.test",
        "--timeout",
        "1s",
    ];
    let Some(output) = locate(&probe, &arguments) else {
        return;
    };
    assert_exit(&output, 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["ipv4"]["probe_ip"], "130.192.91.211");
    assert_eq!(found["ipv4"]["resolver_ip"], Value::Null);
    let said = said(&output);
    for part in [
        "look up nobody.test",
        "23.192.228.80:3478",
        "without --mmdb",
        "from where the resolver asks is not known",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn without_an_answer_there_is_no_location() {
    let probe = Probe::new();
    let Some(output) = locate(&probe, &["--stun", "nobody.test:3478"]) else {
        return;
    };
    assert_exit(&output, 1);
    assert!(output.stdout.is_empty());
    assert!(
        said(&output).contains("find the probe's public address"),
        "{}",
        said(&output)
    );
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let probe = Probe::new();
    probe.write("text.mmdb", "no database");
    let cases: [(&[&str], i32, &str); 5] = [
        (&[], 1, "--stun HOST:PORT"),
        (&["--stun", "example.org"], 2, "a server is HOST:PORT"),
        (&["--http", "ftp://example.org/"], 1, "http://"),
        (&["--http", "example.org"], 2, "--http"),
        (
            &["--stun", "a.test:1", "--mmdb", "text.mmdb"],
            1,
            "--mmdb text.mmdb",
        ),
    ];
    for (arguments, code, part) in cases {
        let output = probe.netsonde().arg("locate").args(arguments).output().unwrap();
        assert_exit(&output, code);
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    }
}
