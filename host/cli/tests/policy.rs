//! The destination policy, through the binary: a hostile guest gets nowhere, and the same guest gets through where the
//! user lets it, so that the listeners and rules below are known to notice.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest};

const DENIED: &str = "unknown_failure: denied by destination policy";
const INPUT: &str = "http://example.com/";
/// What the script names beside the input: the guest may go there, and tries to get further from there.
const NAMED: [&str; 4] = [
    "rebind.example",
    "inside.example",
    "dns.example",
    "service.example",
];

/// Where a way out would lead, in the lab: the censor counts the flows that go there, and swallows them.
const INSIDE: [&str; 22] = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "224.0.0.251",
    "198.18.0.1",
    "192.0.2.1",
    "240.0.0.1",
    "23.215.0.132",
    "23.192.228.81",
    "8.8.8.8",
    "64:ff9b::c0a8:101",
    "64:ff9b:1:c0a8:1:100::",
    "64:ff9b::7f00:1",
    "2002:c0a8:101::1",
    "2001:0:808:808::3f57:fefe",
    "2606:4700::5efe:c0a8:101",
    "fd00::1",
    "fd00:ec2::254",
    "2001:db8::1",
];

/// Where the hostile guest may go, and does: the whole of what is on the wire. Over TCP and TLS, a name is refused before a
/// resolver is connected to.
const MAY_GO: [&str; 8] = [
    "udp 130.192.3.21:53",
    "tcp 23.192.228.80:80",
    "tcp 23.192.228.80:443",
    "udp 23.192.228.80:443",
    "udp 9.9.9.9:53",
    "udp 9.9.9.9:853",
    "tcp 9.9.9.9:443",
    "udp 9.9.9.9:443",
];

/// A target that is redirected inside, names whose answers lead inside, a resolver that may be asked, a service that is
/// elsewhere, addresses where nobody is, and a censor that counts.
fn scenario() -> String {
    let mut text = String::from(
        r#"
[resolver.lies]
"rebind.example" = { dns = ["127.0.0.1", "169.254.169.254", "130.192.91.211"] }
"inside.example" = { dns = ["192.168.2.1"] }
"one.silent.example" = { dns = ["9.1.1.1"] }
"two.silent.example" = { dns = ["9.2.2.2"] }
"three.silent.example" = { dns = ["9.3.3.3"] }
"four.silent.example" = { dns = ["9.4.4.4"] }

[[host]]
name = "example.com"
addresses = ["23.192.228.80"]
http = [80]
https = [443]
http3 = [443]
status = 302
headers = { Location = "http://192.168.1.1/" }

[[host]]
name = "dns.example"
addresses = ["9.9.9.9"]
dns = [53]
dot = [853]
doq = [853]
https = [443]
http3 = [443]
doh = true

[[host]]
name = "service.example"
addresses = ["9.9.9.10"]
records = { HTTPS = ["1 example.org. ipv4hint=23.215.0.132"] }

[[host]]
name = "v6.example"
addresses = ["2001:4860:4860::8888"]
"#,
    );
    let rule = |inside| format!("[[rule]]\nwhen = {{ endpoint = \"{inside}\" }}\ndo = \"drop\"\n");
    text.extend(INSIDE.map(rule));
    text
}

fn script(probe: &Probe, options: &Value) -> std::path::PathBuf {
    std::fs::write(probe.path("escape.wasm"), netsonde_test_guests::wasm("escape")).unwrap();
    let targets = json!([{"input": INPUT, "options": options}]);
    probe.script(&json!([nettest(
        "escape",
        &json!({"suite_name": "experimental", "targets": targets})
    )]))
}

/// Run the guest with these options in the lab.
fn escape(probe: &Probe, options: &Value, more: &[&str]) -> Option<Output> {
    let scenario = probe.write("scenario.toml", &scenario());
    let script = script(probe, options);
    let more = [&["--json", "--module", "escape.wasm"], more].concat();
    probe.runx_in_lab(&scenario, &script, &more)
}

/// What became of each way, as (way, failure).
fn ways(probe: &Probe) -> Vec<(String, Option<String>)> {
    let report = probe.report();
    let ways = report[0]["test_keys"]["ways"].as_array().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    ways.iter()
        .map(|way| (text(&way["way"]).unwrap(), text(&way["failure"])))
        .collect()
}

/// Where packets went, and how many. What the kernel says to its neighbours is none of the guest's.
fn wire(probe: &Probe) -> BTreeMap<String, u64> {
    let mut wire = probe.packets();
    wire.retain(|place, _| place != "no IP packet" && !place.starts_with("other ff02::"));
    wire
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_hostile_guest_finds_no_way_out() {
    let probe = Probe::new();
    let Some(output) = escape(&probe, &json!({"also": NAMED}), &[]) else {
        return;
    };
    assert_exit(&output, 0);
    let ways = ways(&probe);
    let (honest, others) = ways.split_first().unwrap();
    assert_eq!(
        *honest,
        ("the input itself".to_owned(), None),
        "what it may do, it can"
    );
    for (way, failure) in others {
        assert_eq!(failure.as_deref(), Some(DENIED), "{way}");
    }
    let kinds: BTreeSet<_> = others.iter().map(|(way, _)| way.as_str()).collect();
    assert!(kinds.len() >= 250, "{} kinds of ways: {kinds:#?}", kinds.len());
    for way in [
        "a redirect",
        "a redirect over HTTP/2",
        "a redirect over HTTP/3",
        "a mini nettest: tcp-connect-address@v1",
        "a mini nettest: http-address@v1",
        "a mini nettest: http3-domain@v1",
        "a mini nettest: dns-lookup@v1",
        "an answer that leads inside",
        "the outer name of an encrypted hello",
        "an address hint of a service",
        "the target of a service",
        "multicast DNS",
        "QUIC: metadata",
        "QUIC: private, Teredo client",
        "QUIC: an amplifier",
        "UDP: loopback",
        "UDP: an amplifier",
        "TLS in datagrams: a host that nobody named",
        "dot: a resolver in a private network",
        "doh: a resolver whose name leads inside",
        "doh3: a resolver whose name leads inside",
        "doq: a resolver on this machine",
        "doq: a secret in a name",
        "udp: the name of an address",
    ] {
        assert!(kinds.contains(way), "{way} was not tried");
    }
    assert_eq!(probe.hits(), 0, "no packet went to any of them");
    let went: BTreeSet<_> = wire(&probe).into_keys().collect();
    assert_eq!(went, MAY_GO.map(str::to_owned).into(), "and none anywhere else");

    // Each refusal is an observation, the user hears of it, and the measurement tells no reason.
    let report = probe.report();
    let keys = &report[0]["test_keys"];
    let denied = |kind: &str, pointer: &str| {
        let list = keys[kind].as_array().unwrap();
        list.iter()
            .filter(|entry| entry.pointer(pointer).is_some_and(|code| code == DENIED))
            .count()
    };
    let lookups = kinds
        .iter()
        .filter(|way| way.contains("name") || way.contains("number"))
        .count();
    assert!(denied("tcp_connect", "/status/failure") > 50);
    assert!(denied("quic_handshakes", "/failure") > 50);
    assert!(denied("network_events", "/failure") > 100, "datagrams");
    assert!(denied("queries", "/failure") >= lookups.min(8));
    assert!(!report[0].to_string().contains("(private)"));
    let events = events(&output);
    let summary = events.last().unwrap();
    assert_eq!(
        summary["refused"], 101,
        "a hundred are listed, and that there are others"
    );
    let measured = events
        .iter()
        .find(|event| event["event"] == "measurement")
        .unwrap();
    let refused = measured["refused"].as_array().unwrap();
    let printer = refused
        .iter()
        .find(|refused| refused["destination"] == "192.168.1.1:80")
        .unwrap();
    assert_eq!(printer["why"], "a private network (private)");
}

#[test]
fn the_same_guest_goes_where_the_script_names_it_and_the_user_allows_it() {
    let probe = Probe::new();
    let kinds = ["private", "link-local", "metadata", "multicast", "reserved"];
    let more = kinds.map(|kind| ["--allow-destination", kind]).concat();
    let Some(output) = escape(&probe, &json!({"also": INSIDE}), &more) else {
        return;
    };
    assert_exit(&output, 0);
    assert!(probe.hits() >= 12, "{} flows", probe.hits());
    let through: Vec<_> = ways(&probe)
        .into_iter()
        .filter(|(_, failure)| failure.as_deref() != Some(DENIED))
        .collect();
    assert!(through.len() >= 12, "{through:#?}");
    for closed in ["loopback", "no address", "the device itself", "broadcast"] {
        assert!(through.iter().all(|(way, _)| way != closed), "{closed}");
    }
}

#[test]
fn no_spelling_of_this_machine_reaches_a_listener_unless_the_user_allows_it() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = || {
        listener.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| listener.accept().ok()).count()
    };
    let probe = Probe::new();
    let script = script(
        &probe,
        &json!({"port": port, "also": ["127.0.0.1", "::1", "0.0.0.0"]}),
    );
    let run = |allowed: &[&str]| {
        let mut command = probe.strict_runx(&script);
        command.args(["--module", "escape.wasm"]);
        for kind in allowed {
            command.args(["--allow-destination", kind]);
        }
        std::fs::write(probe.path("report.jsonl"), "").unwrap();
        assert_exit(&command.output().unwrap(), 0);
        ways(&probe)
    };
    let ways = run(&[]);
    assert!(ways.len() >= 13 && ways.iter().all(|(_, failure)| failure.as_deref() == Some(DENIED)));
    assert_eq!(accepted(), 0);
    // What the user allows is reached where it is named, in both spellings of one address, and nothing else is.
    run(&["loopback"]);
    assert_eq!(accepted(), 2);
    run(&["loopback", "unspecified"]);
    assert!(accepted() > 2);
}

#[test]
fn an_address_that_never_answers_is_sent_a_bounded_number_of_datagrams() {
    let silent = ["one", "two", "three", "four"].map(|name| format!("{name}.silent.example"));
    let probe = Probe::new();
    let Some(output) = escape(&probe, &json!({"flood": true, "also": silent}), &[]) else {
        return;
    };
    assert_exit(&output, 0);
    let ways = ways(&probe);
    let denied = |wanted: &str| {
        let ways = ways.iter().filter(|(way, _)| way == wanted);
        ways.filter(|(_, failure)| failure.as_deref() == Some(DENIED))
            .count()
    };
    assert_eq!(denied("datagrams from one socket"), 44);
    assert_eq!(denied("datagrams from many sockets"), 44);
    assert_eq!(
        (denied("UDP: after a flood"), denied("QUIC: after a flood")),
        (1, 1)
    );
    assert!(denied("handshakes") > 0, "they were repeated: {ways:#?}");
    assert_eq!(denied("queries"), 22, "each lookup is two queries");
    let mut wire = wire(&probe);
    wire.remove("udp 130.192.3.21:53");
    let expected = [
        "udp 9.1.1.1:40000",
        "udp 9.2.2.2:443",
        "udp 9.3.3.3:3478",
        "udp 9.4.4.4:53",
    ];
    let expected = expected.map(|place| (place.to_owned(), 256));
    assert_eq!(wire, expected.into());
}

#[test]
fn a_datagram_to_each_of_many_addresses_ends_the_guest() {
    let many: Vec<_> = (0..1100)
        .map(|n| format!("9.{}.{}.1", n / 250, n % 250))
        .collect();
    let probe = Probe::new();
    let Some(output) = escape(&probe, &json!({"spread": true, "also": many}), &[]) else {
        return;
    };
    assert_exit(&output, 4);
    let error = probe.report()[0]["test_keys"]["x_netsonde_error"].to_string();
    assert!(error.contains("addresses: more than 1000"), "{error}");
    assert_eq!(wire(&probe).len(), 1000);
}

#[test]
fn a_scan_of_ports_ends_the_guest() {
    let probe = Probe::new();
    let Some(output) = escape(&probe, &json!({"scan": true}), &[]) else {
        return;
    };
    assert_exit(&output, 4);
    let report = probe.report();
    let error = report[0]["test_keys"]["x_netsonde_error"].to_string();
    assert!(error.contains("ports of one address"), "{error}");
    assert_eq!(
        report[0]["test_keys"]["tcp_connect"].as_array().unwrap().len(),
        16
    );
    let usage: Value =
        serde_json::from_str(report[0]["annotations"]["netsonde_usage"].as_str().unwrap()).unwrap();
    assert_eq!(usage["ports"], json!([16, 16]));
}
