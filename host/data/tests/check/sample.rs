//! Measurements that are as they should be.

use serde_json::{Value, json};

/// A measurement of `web_connectivity` with each kind of observation in it, good and bad.
pub(crate) fn web_connectivity() -> Value {
    envelope("web_connectivity", "0.5.30", &test_keys())
}

/// A measurement of one of the nettests that are made with the getter, with its own keys.
pub(crate) fn getter(name: &str, own: &Value) -> Value {
    let mut keys = json!({
        "agent": "redirect",
        "failed_operation": null,
        "failure": null,
    });
    let observations = observations();
    let parts = [own, &observations];
    for (key, value) in parts.iter().flat_map(|part| part.as_object().unwrap()) {
        keys[key] = value.clone();
    }
    envelope(name, "0.4.0", &keys)
}

/// The own keys of the nettests that are made with the getter.
pub(crate) fn own_keys() -> Vec<(&'static str, Value)> {
    let mut facebook = json!({"facebook_dns_blocking": true, "facebook_tcp_blocking": true, "facebook_stun_reachable": null});
    for server in [
        "b_api",
        "b_graph",
        "edge",
        "external_cdn",
        "scontent_cdn",
        "star",
        "stun",
    ] {
        facebook[format!("facebook_{server}_dns_consistent")] = true.into();
    }
    for server in ["b_api", "b_graph", "edge", "external_cdn", "scontent_cdn", "star"] {
        facebook[format!("facebook_{server}_reachable")] = true.into();
    }
    facebook["facebook_edge_dns_consistent"] = false.into();
    facebook["facebook_edge_reachable"] = Value::Null;
    facebook["facebook_star_reachable"] = false.into();
    vec![
        (
            "telegram",
            json!({
                "telegram_http_blocking": false,
                "telegram_tcp_blocking": false,
                "telegram_web_failure": "connection_reset",
                "telegram_web_status": "blocked",
            }),
        ),
        (
            "whatsapp",
            json!({
                "registration_server_failure": null,
                "registration_server_status": "ok",
                "whatsapp_endpoints_blocked": ["e1.whatsapp.net"],
                "whatsapp_endpoints_dns_inconsistent": [],
                "whatsapp_endpoints_status": "ok",
                "whatsapp_web_failure": "connection_reset",
                "whatsapp_web_status": "blocked",
            }),
        ),
        (
            "signal",
            json!({"signal_backend_failure": "ssl_unknown_authority", "signal_backend_status": "blocked"}),
        ),
        ("facebook_messenger", facebook),
        (
            "urlgetter",
            json!({"failure": "eof_error", "failed_operation": "top_level"}),
        ),
    ]
}

fn envelope(name: &str, version: &str, test_keys: &Value) -> Value {
    json!({
        "annotations": {"platform": "linux"},
        "data_format_version": "0.2.0",
        "extensions": {"dnst": 0},
        "input": "https://www.example.com/",
        "measurement_start_time": "2026-11-22 09:06:17",
        "options": ["DNSCache=dns.example 192.0.2.1"],
        "probe_asn": "AS30722",
        "probe_cc": "IT",
        "probe_ip": "127.0.0.1",
        "probe_network_name": "Example Net",
        "report_id": "20261122T090617Z_webconnectivity_IT_30722_n1_1IvUiXNWHooB5rmD",
        "resolver_asn": "AS0",
        "resolver_ip": "127.0.0.2",
        "resolver_network_name": "",
        "software_name": "netsonde",
        "software_version": "4.0.0",
        "test_helpers": {"backend": {"address": "https://th.example", "type": "https"}, "old": "192.0.2.1"},
        "test_keys": test_keys,
        "test_name": name,
        "test_runtime": 1.25,
        "test_start_time": "2026-11-22 09:06:16",
        "test_version": version,
    })
}

fn test_keys() -> Value {
    let mut keys = json!({
        "agent": "redirect",
        "client_resolver": "127.0.0.2",
        "retries": null,
        "socksproxy": null,
        "x_dns_whoami": {"system_v4": [{"address": "192.0.2.1"}], "udp_v4": {"192.0.2.1:53": []}},
        "x_doh": {"network_events": [], "queries": [], "requests": [], "tcp_connect": [], "tls_handshakes": []},
        "x_do53": {"network_events": [], "queries": []},
        "x_dns_duplicate_responses": [],
        "x_control_request": {
            "http_request": "https://www.example.com/",
            "http_request_headers": {"Accept": ["*/*"]},
            "tcp_connect": ["192.0.2.1:443"],
            "x_quic_enabled": false,
        },
        "control": {
            "tcp_connect": {"192.0.2.1:443": {"status": false, "failure": "connect_error"}},
            "tls_handshake": {"192.0.2.2:443": {"server_name": "www.example.com", "status": true, "failure": null}},
            "quic_handshake": {},
            "http_request": {
                "body_length": 1256,
                "discovered_h3_endpoint": "",
                "failure": null,
                "title": "Example",
                "headers": {"Server": "lab"},
                "status_code": 200,
            },
            "http3_request": null,
            "dns": {"failure": null, "addrs": ["192.0.2.2"]},
            "ip_info": {"192.0.2.2": {"asn": 0, "flags": 10}},
        },
        "x_conn_priority_log": [{"msg": "create", "t": 0.5}],
        "control_failure": null,
        "x_dns_flags": 4,
        "x_blocking_flags": 33,
        "x_null_null_flags": 8,
        "dns_experiment_failure": null,
        "dns_consistency": "inconsistent",
        "http_experiment_failure": "connection_reset",
        "body_proportion": 0.5,
        "body_length_match": false,
        "headers_match": true,
        "status_code_match": null,
        "title_match": true,
        "blocking": "dns",
        "accessible": false,
    });
    for (key, value) in observations().as_object().unwrap() {
        keys[key] = value.clone();
    }
    keys
}

fn observations() -> Value {
    let tags = ["depth=0"];
    let tor = json!({"exit_ip": null, "exit_name": null, "is_tor": false});
    let empty = json!({"body": "", "body_is_truncated": false, "code": 0, "headers_list": [], "headers": {}});
    let request = json!({
        "body": "",
        "body_is_truncated": false,
        "headers_list": [
            [":method", "GET"], [":authority", "www.example.com"], ["Accept", "*/*"], ["accept", "text/html"],
        ],
        "headers": {"Accept": "*/*", "Host": "www.example.com", "accept": "text/html"},
        "method": "GET",
        "tor": tor,
        "x_transport": "tcp",
        "url": "https://www.example.com/",
    });
    let response = json!({
        "body": {"data": "/wA=", "format": "base64"},
        "body_is_truncated": false,
        "code": 301,
        "headers_list": [["server", {"data": "/w==", "format": "base64"}], ["SERVER", "b"]],
        "headers": {"Server": {"data": "/w==", "format": "base64"}},
    });
    let certificate = json!({"data": "MAA=", "format": "base64"});
    json!({
        "queries": [
            {
                "answers": [
                    {"answer_type": "CNAME", "hostname": "web.example.com.", "ttl": null},
                    {"asn": 0, "as_org_name": "Example Net", "answer_type": "A", "ipv4": "192.0.2.1", "ttl": 60},
                    {"answer_type": "AAAA", "ipv6": "2001:db8::1", "ttl": 60},
                    {"answer_type": "HTTPS", "x_data": "1 . alpn=h2", "ttl": 60},
                ],
                "engine": "getaddrinfo", "failure": null, "hostname": "www.example.com", "query_type": "ANY",
                "resolver_hostname": null, "resolver_port": null, "resolver_address": "",
                "t0": 0.1, "t": 0.2, "tags": tags, "transaction_id": 10001,
            },
            {
                "answers": null, "engine": "udp", "failure": "dns_nxdomain_error", "getaddrinfo_error": 0,
                "hostname": "www.example.com", "query_type": "A", "raw_response": "AAA=", "rcode": 3,
                "resolver_hostname": null, "resolver_port": null, "resolver_address": "192.0.2.1:53",
                "t0": 0.1, "t": 0.3, "tags": tags, "transaction_id": 20001,
            },
        ],
        "tcp_connect": [
            {
                "ip": "192.0.2.1", "port": 443, "status": {"failure": null, "success": true},
                "t0": 0.4, "t": 0.5, "tags": tags, "transaction_id": 50001,
            },
            {
                "ip": "2001:db8::1", "port": 443, "status": {"failure": "host_unreachable", "success": false},
                "t0": 0.4, "t": 0.45, "tags": tags, "transaction_id": 50002,
            },
        ],
        "tls_handshakes": [{
            "network": "tcp", "address": "192.0.2.1:443", "cipher_suite": "TLS_AES_128_GCM_SHA256", "failure": null,
            "so_error": null, "negotiated_protocol": "h2", "no_tls_verify": false, "peer_certificates": [certificate],
            "server_name": "www.example.com", "outer_server_name": "public.example", "echconfig": "GREASE",
            "t0": 0.5, "t": 0.6, "tags": tags, "tls_version": "TLSv1.3", "transaction_id": 50001,
        }],
        "quic_handshakes": [{
            "network": "udp", "address": "192.0.2.3:443", "cipher_suite": "", "failure": "generic_timeout_error",
            "negotiated_protocol": "", "no_tls_verify": true, "peer_certificates": [],
            "server_name": "", "t0": 0.5, "t": 0.6, "tags": [], "tls_version": "", "transaction_id": 7,
        }],
        "requests": [
            {
                "network": "tcp", "address": "192.0.2.1:443", "alpn": "h2", "failure": "connection_reset",
                "request": request, "response": empty,
                "t0": 0.8, "t": 0.9, "tags": tags, "transaction_id": 50001,
            },
            {
                "network": "tcp", "address": "192.0.2.1:443", "alpn": "h2", "failure": null,
                "request": request, "response": response,
                "t0": 0.6, "t": 0.8, "tags": tags, "transaction_id": 50001,
            },
        ],
        "network_events": [
            {
                "address": "192.0.2.1:443", "failure": null, "operation": "connect", "proto": "tcp",
                "t0": 0.4, "t": 0.5, "tags": tags, "transaction_id": 50001,
            },
            {
                "address": "192.0.2.1:443", "failure": "connection_reset", "num_bytes": 10, "operation": "read",
                "proto": "tcp", "t0": 0.5, "t": 0.55, "tags": tags, "transaction_id": 50001,
            },
            {
                "failure": null, "operation": "tls_handshake_done", "t0": 0.6, "t": 0.6, "transaction_id": 50001,
            },
            {"failure": null, "operation": "x_icmp", "t": 0.7},
        ],
    })
}
