//! Interference with lookups, transport by transport. The censors that act on names in queries meet plain DNS; encrypted
//! DNS they have to block as a whole.

use crate::harness::{Case, Says, cases};
use serde_json::{Value, json};

/// The resolver of all scenarios.
const UDP: &str = "8.8.8.8:53";
const URL: &str = "https://dns.google/dns-query";
/// The same without a name that could be seen.
const NAMELESS_URL: &str = "https://8.8.8.8/dns-query";

/// A lookup of A records; `with` says whom to ask, and when to give up.
fn lookup(domain: &str, with: &Value) -> Value {
    let mut step = json!({"do": "lookup", "domain": domain, "types": ["A"]});
    if let (Some(step), Some(with)) = (step.as_object_mut(), with.as_object()) {
        step.extend(with.clone());
    }
    json!([[step]])
}

/// The true answer for `example.org`, or for `example.com`.
fn truth(address: &str) -> Says {
    vec![
        ("/queries/0/failure", json!(null)),
        ("/queries/0/answers/0/ipv4", json!(address)),
    ]
}

/// A case of a censor that acts on queries for `example.com`, asked in the same way as `example.org`.
fn by_name(
    primitive: &'static str,
    interference: &'static str,
    scenario: &'static str,
    whom: &Value,
    says: Says,
) -> Case {
    Case {
        primitive,
        interference,
        scenario,
        acts: true,
        censored: lookup("example.com", whom),
        says,
        twin: lookup("example.org", whom),
        twin_says: truth("23.215.0.132"),
    }
}

/// A case of a censor that blocks a resolver, whatever the question; the twin goes around it.
fn by_resolver(
    primitive: &'static str,
    interference: &'static str,
    scenario: &'static str,
    [censored, twin]: [Value; 2],
    says: Says,
) -> Case {
    Case {
        primitive,
        interference,
        scenario,
        acts: true,
        censored: lookup("example.com", &censored),
        says,
        twin: lookup("example.com", &twin),
        twin_says: truth("23.192.228.80"),
    }
}

/// What a resolver that can be asked answers, over two transports, without a censor.
fn clean(primitive: &'static str, [one, other]: [(Value, Says); 2]) -> Case {
    let says = |says: Says| [truth("23.192.228.80"), says].concat();
    Case {
        primitive,
        interference: "none",
        scenario: "clean-everything",
        acts: false,
        censored: lookup("example.com", &one.0),
        says: says(one.1),
        twin: lookup("example.com", &other.0),
        twin_says: says(other.1),
    }
}

/// Lookups of one type each, one after the other, in a world without a censor.
fn of_types(with: &Value) -> Value {
    let one = |(domain, kind): (&str, &str)| {
        let mut steps = lookup(domain, with);
        steps[0][0]["types"] = json!([kind]);
        steps[0][0].take()
    };
    let asked = [
        ("example.org", "TXT"),
        ("example.org", "NS"),
        ("example.org", "CAA"),
        ("example.org", "HTTPS"),
        ("23.215.0.132", "PTR"),
        ("www.example.org", "AAAA"),
    ];
    json!([asked.map(one)])
}

fn all_types() -> Says {
    vec![
        ("/queries/0/answers/0/x_data", json!("\"v=spf1 -all\"")),
        ("/queries/1/answers/0/x_data", json!("a.iana-servers.net.")),
        (
            "/queries/2/answers/0/x_data",
            json!("0 issue \"pki.example.org\""),
        ),
        ("/queries/3/answers/0/x_data", json!("1 . alpn=h3,h2,http/1.1")),
        ("/queries/4/hostname", json!("132.0.215.23.in-addr.arpa")),
        ("/queries/4/answers/0/x_data", json!("example.org.")),
        ("/queries/5/answers/0/hostname", json!("example.org.")),
        ("/queries/5/answers/1/ipv6", json!("2600:1406:bc00:53::b81e:94c8")),
    ]
}

cases! {
    nxdomain_of_the_system_resolver: Case {
        primitive: "DNS: getaddrinfo",
        interference: "the answer is forged: NXDOMAIN",
        scenario: "nxdomain",
        acts: true,
        censored: json!([[{"do": "lookup", "domain": "example.com"}]]),
        says: vec![
            ("/queries/0/engine", json!("getaddrinfo")),
            ("/queries/0/failure", json!("dns_nxdomain_error")),
            ("/queries/0/getaddrinfo_error", json!(-2)),
        ],
        twin: json!([[{"do": "lookup", "domain": "example.org"}]]),
        twin_says: vec![("/queries/0/failure", json!(null)), ("/queries/0/answers/0/ipv4", json!("23.215.0.132"))],
    };
    servfail_of_the_system_resolver: by_name(
        "DNS: getaddrinfo",
        "the answer is forged: SERVFAIL",
        "dns-servfail",
        &json!({}),
        vec![
            ("/queries/0/failure", json!("dns_server_misbehaving")),
            ("/queries/0/getaddrinfo_error", json!(-3)),
        ],
    );
    a_bogon_of_the_system_resolver: by_name(
        "DNS: getaddrinfo",
        "the answer is forged: a private address",
        "dns-bogon",
        &json!({}),
        truth("10.10.34.35"),
    );
    the_forged_answer_wins_over_udp: by_name(
        "DNS: UDP",
        "the answer is forged and comes before the true one",
        "dns-bogon",
        &json!({"udp": UDP, "collect_ms": 200}),
        vec![
            ("/queries/0/answers/0/ipv4", json!("10.10.34.35")),
            ("/x_dns_duplicate_responses/0/answers/0/ipv4", json!("23.192.228.80")),
            ("/x_dns_duplicate_responses/0/resolver_address", json!(UDP)),
        ],
    );
    the_forged_answer_loses_over_udp: by_name(
        "DNS: UDP",
        "the answer is forged and comes after the true one",
        "dns-injection",
        &json!({"udp": UDP, "collect_ms": 200}),
        vec![
            ("/queries/0/answers/0/ipv4", json!("23.192.228.80")),
            ("/x_dns_duplicate_responses/0/answers/0/ipv4", json!("10.10.34.35")),
        ],
    );
    nxdomain_over_udp: by_name(
        "DNS: UDP",
        "the answer is forged: NXDOMAIN",
        "nxdomain",
        &json!({"udp": "130.192.3.21:53"}),
        vec![("/queries/0/failure", json!("dns_nxdomain_error")), ("/queries/0/rcode", json!(3))],
    );
    servfail_over_udp: by_name(
        "DNS: UDP",
        "the answer is forged: SERVFAIL",
        "dns-servfail",
        &json!({"udp": UDP}),
        vec![("/queries/0/failure", json!("dns_servfail_error")), ("/queries/0/rcode", json!(2))],
    );
    refused_over_udp: by_name(
        "DNS: UDP",
        "the answer is forged: REFUSED",
        "dns-refused",
        &json!({"udp": UDP}),
        vec![("/queries/0/failure", json!("dns_refused_error")), ("/queries/0/rcode", json!(5))],
    );
    dropped_queries: by_name(
        "DNS: UDP",
        "queries with the name are swallowed",
        "dns-tcp-reset",
        &json!({"udp": UDP, "timeout_ms": 500}),
        vec![("/queries/0/failure", json!("generic_timeout_error"))],
    );
    a_reset_on_the_name_over_tcp: by_name(
        "DNS: TCP",
        "connections with the name in a query are reset",
        "dns-tcp-reset",
        &json!({"tcp": UDP}),
        vec![
            ("/tcp_connect/0/status/failure", json!(null)),
            ("/queries/0/engine", json!("tcp")),
            ("/queries/0/failure", json!("connection_reset")),
        ],
    );
    a_forged_answer_over_tcp: by_name(
        "DNS: TCP",
        "the answer is forged: REFUSED",
        "dns-refused",
        &json!({"tcp": UDP}),
        vec![("/queries/0/failure", json!("dns_refused_error")), ("/queries/0/rcode", json!(5))],
    );
    a_dropped_port_over_tls: by_resolver(
        "DNS: TLS",
        "packets to TCP port 853 are dropped",
        "dot-port-drop",
        [
            json!({"dot": ["8.8.8.8:853", "dns.google"], "timeout_ms": 1000}),
            json!({"dot": ["8.8.8.8:8853", "dns.google"]}),
        ],
        vec![
            ("/tcp_connect/0/status/failure", json!("generic_timeout_error")),
            ("/queries/0/engine", json!("dot")),
            ("/queries/0/failure", json!("generic_timeout_error")),
        ],
    );
    a_reset_on_sni_over_tls: by_resolver(
        "DNS: TLS",
        "connections with the SNI are reset",
        "doh-sni-reset",
        [json!({"dot": ["8.8.8.8:853", "dns.google"]}), json!({"dot": ["8.8.8.8:853", "8.8.8.8"]})],
        vec![
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/queries/0/failure", json!("connection_reset")),
        ],
    );
    a_reset_on_sni_over_https: by_resolver(
        "DNS: HTTPS",
        "connections with the SNI are reset",
        "doh-sni-reset",
        [json!({"doh": ["8.8.8.8:443", URL]}), json!({"doh": ["8.8.8.8:443", NAMELESS_URL]})],
        vec![
            ("/tls_handshakes/0/server_name", json!("dns.google")),
            ("/tls_handshakes/0/failure", json!("connection_reset")),
            ("/queries/0/engine", json!("doh")),
            ("/queries/0/failure", json!("connection_reset")),
        ],
    );
    a_drop_on_sni_over_http3: by_resolver(
        "DNS: HTTP/3",
        "connections with the SNI are swallowed",
        "doh3-sni-drop",
        [
            json!({"doh3": ["8.8.8.8:443", URL], "timeout_ms": 1000}),
            json!({"doh3": ["8.8.8.8:443", NAMELESS_URL]}),
        ],
        vec![
            ("/quic_handshakes/0/failure", json!("generic_timeout_error")),
            ("/queries/0/x_transport", json!("doh3")),
            ("/queries/0/failure", json!("generic_timeout_error")),
        ],
    );
    a_drop_on_sni_over_quic: by_resolver(
        "DNS: QUIC",
        "connections with the SNI are swallowed",
        "doh3-sni-drop",
        [
            json!({"doq": ["8.8.8.8:853", "dns.google"], "timeout_ms": 1000}),
            json!({"doq": ["8.8.8.8:853", "8.8.8.8"]}),
        ],
        vec![
            ("/quic_handshakes/0/failure", json!("generic_timeout_error")),
            ("/queries/0/failure", json!("generic_timeout_error")),
        ],
    );
    a_dropped_port_over_quic: by_resolver(
        "DNS: QUIC",
        "packets to UDP port 853 are dropped",
        "doq-drop",
        [
            json!({"doq": ["8.8.8.8:853", "dns.google"], "timeout_ms": 1000}),
            json!({"doq": ["8.8.8.8:8853", "dns.google"]}),
        ],
        vec![
            ("/quic_handshakes/0/failure", json!("generic_timeout_error")),
            ("/queries/0/engine", json!("doq")),
            ("/queries/0/failure", json!("generic_timeout_error")),
        ],
    );
    no_censor_in_the_clear: clean("DNS: UDP, TCP", [
        (json!({"udp": UDP}), vec![("/queries/0/engine", json!("udp"))]),
        (json!({"tcp": UDP}), vec![("/queries/0/engine", json!("tcp"))]),
    ]);
    no_censor_over_tls: clean("DNS: TLS, QUIC", [
        (json!({"dot": ["8.8.8.8:853", "dns.google"]}), vec![("/tls_handshakes/0/negotiated_protocol", json!("dot"))]),
        (json!({"doq": ["8.8.8.8:853", "dns.google"]}), vec![("/quic_handshakes/0/negotiated_protocol", json!("doq"))]),
    ]);
    no_censor_over_https: clean("DNS: HTTPS, HTTP/3", [
        (json!({"doh": ["8.8.8.8:443", URL]}), vec![("/tls_handshakes/0/negotiated_protocol", json!("h2"))]),
        (json!({"doh3": ["8.8.8.8:443", URL]}), vec![("/quic_handshakes/0/negotiated_protocol", json!("h3"))]),
    ]);
    every_type: Case {
        primitive: "DNS: record types, UDP and HTTPS",
        interference: "none",
        scenario: "clean-everything",
        acts: false,
        censored: of_types(&json!({"udp": UDP})),
        says: all_types(),
        twin: of_types(&json!({"doh": ["8.8.8.8:443", URL]})),
        twin_says: all_types(),
    };
    no_ipv4: Case {
        primitive: "DNS: UDP",
        interference: "none, but there is no IPv4",
        scenario: "ipv6-only",
        acts: false,
        censored: lookup("example.org", &json!({"udp": UDP})),
        says: vec![("/queries/0/failure", json!("network_unreachable"))],
        twin: json!([[{
            "do": "lookup", "domain": "example.org", "types": ["AAAA"], "udp": "[2001:4860:4860::8888]:53",
        }]]),
        twin_says: vec![("/queries/0/answers/0/ipv6", json!("2600:1406:bc00:53::b81e:94c8"))],
    };
}
