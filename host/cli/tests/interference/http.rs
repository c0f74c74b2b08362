//! Interference with HTTP.

use crate::harness::{Case, Says, cases};
use serde_json::{Value, json};

/// What the echo says of a head: the fields by name, the fields in their order, the request line.
const RAW: &str = r#"{"headers_dict":{"X-twice":["1","2"],"hOsT":["header-echo.test"]},"request_headers":[["X-twice","1"],["hOsT","header-echo.test"],["X-twice","2"]],"request_line":"gEt  /a b HTTP/9.9"}"#;
const SPELT: &str = r#"{"headers_dict":{"x-OONI-a":["1"],"HOST":["header-echo.test"],"accEPT":["*/*"]},"request_headers":[["x-OONI-a","1"],["HOST","header-echo.test"],["accEPT","*/*"]],"request_line":"GET / HTTP/1.1"}"#;
const ORDINARY: &str = r#"{"headers_dict":{"Host":["header-echo.test"]},"request_headers":[["Host","header-echo.test"]],"request_line":"GET / HTTP/1.1"}"#;

const BLOCKPAGE: &str = "<!doctype html><title>Access denied</title><p>This site is blocked by order.";
const PAGE: &str = "<!doctype html><title>example.org</title>\n";

/// A request to the server that tells what head it got.
fn echo(request: &Value) -> Value {
    let mut request = request.clone();
    request["do"] = "request".into();
    request["url"] = "http://header-echo.test/".into();
    json!([[{"do": "connect", "to": "37.218.241.94:80"}, request]])
}

/// A request over TLS that agrees on HTTP/2, where it is not said otherwise.
fn https(endpoint: &str, name: &str, alpn: &Value, request: &Value) -> Value {
    let mut request = request.clone();
    request["do"] = "request".into();
    json!([[
        {"do": "connect", "to": endpoint},
        {"do": "handshake", "name": name, "alpn": alpn},
        request,
    ]])
}

/// A page without TLS.
fn cleartext(endpoint: &str, url: &str) -> Value {
    json!([[{"do": "connect", "to": endpoint}, {"do": "request", "url": url}]])
}

/// What is observed of a page whose connection was reset in its midst; `at` is the step that asked for it.
fn cut_off(at: usize) -> Says {
    let [failure, has_body] = match at {
        1 => ["/answers/0/1/body_failure", "/answers/0/1/has_body"],
        _ => ["/answers/0/2/body_failure", "/answers/0/2/has_body"],
    };
    vec![
        ("/requests/0/failure", json!("connection_reset")),
        ("/requests/0/response/code", json!(200)),
        ("/requests/0/response/body_is_truncated", json!(false)),
        (failure, json!("connection_reset")),
        (has_body, json!(true)),
    ]
}

/// What is observed of the whole page.
fn whole(at: usize) -> Says {
    let bytes = match at {
        1 => "/answers/0/1/body_bytes",
        _ => "/answers/0/2/body_bytes",
    };
    vec![
        ("/requests/0/failure", json!(null)),
        ("/requests/0/response/code", json!(200)),
        (bytes, json!(200_000)),
    ]
}

cases! {
    a_blockpage: Case {
        primitive: "HTTP/1.1",
        interference: "a blockpage answers in the server's place",
        scenario: "http-blockpage",
        acts: true,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:80"}, {"do": "request", "url": "http://example.com/"}]]),
        says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/code", json!(200)),
            ("/requests/0/response/body", json!(BLOCKPAGE)),
        ],
        twin: json!([[{"do": "connect", "to": "23.215.0.132:80"}, {"do": "request", "url": "http://example.org/"}]]),
        twin_says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/code", json!(200)),
            ("/requests/0/response/body", json!(PAGE)),
        ],
    };
    a_blockpage_longer_than_what_is_kept: Case {
        primitive: "HTTP/1.1",
        interference: "a blockpage is longer than what is kept of a body",
        scenario: "http-blockpage",
        acts: true,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:80"}, {"do": "request", "url": "http://example.com/", "limit": 15}]]),
        says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/body", json!("<!doctype html>")),
            ("/requests/0/response/body_is_truncated", json!(true)),
        ],
        twin: json!([[{"do": "connect", "to": "23.215.0.132:80"}, {"do": "request", "url": "http://example.org/", "limit": 1000}]]),
        twin_says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/body", json!(PAGE)),
            ("/requests/0/response/body_is_truncated", json!(false)),
        ],
    };
    a_body_that_does_not_end_in_time: Case {
        primitive: "HTTP/1.1",
        interference: "throttled, so that the body does not end in time; what came is kept",
        scenario: "throttling",
        acts: true,
        censored: https("23.192.228.80:443", "example.com", &json!(["http/1.1"]), &json!({"url": "https://example.com/", "timeout_ms": 2000})),
        says: vec![
            ("/requests/0/failure", json!("generic_timeout_error")),
            ("/requests/0/response/code", json!(200)),
            ("/requests/0/response/body_is_truncated", json!(false)),
            ("/answers/0/2/body_failure", json!("generic_timeout_error")),
            ("/answers/0/2/has_body", json!(true)),
        ],
        twin: https("23.215.0.132:443", "example.org", &json!(["http/1.1"]), &json!({"url": "https://example.org/"})),
        twin_says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/code", json!(200)),
            ("/answers/0/2/body_failure", json!(null)),
            ("/answers/0/2/body_bytes", json!(200_000)),
        ],
    };
    a_page_that_is_cut_off: Case {
        primitive: "HTTP/1.1",
        interference: "the connection is reset in the midst of the body; what came is kept",
        scenario: "http-cut",
        acts: true,
        censored: cleartext("23.192.228.80:80", "http://example.com/"),
        says: cut_off(1),
        twin: cleartext("23.215.0.132:80", "http://example.org/"),
        twin_says: whole(1),
    };
    a_page_over_tls_that_is_cut_off: Case {
        primitive: "HTTP/1.1 over TLS",
        interference: "the connection is reset in the midst of the body; what came is kept",
        scenario: "http-cut",
        acts: true,
        censored: https("23.192.228.80:443", "example.com", &json!(["http/1.1"]), &json!({"url": "https://example.com/"})),
        says: cut_off(2),
        twin: https("23.215.0.132:443", "example.org", &json!(["http/1.1"]), &json!({"url": "https://example.org/"})),
        twin_says: whole(2),
    };
    a_page_over_http2_that_is_cut_off: Case {
        primitive: "HTTP/2",
        interference: "the connection is reset in the midst of the body; what came is kept",
        scenario: "http-cut",
        acts: true,
        censored: https("23.192.228.80:443", "example.com", &json!(["h2"]), &json!({"url": "https://example.com/"})),
        says: cut_off(2),
        twin: https("23.215.0.132:443", "example.org", &json!(["h2"]), &json!({"url": "https://example.org/"})),
        twin_says: whole(2),
    };
    a_raw_head: Case {
        primitive: "HTTP/1.1",
        interference: "none: a malformed head arrives byte for byte, so that a proxy which mends it is seen",
        scenario: "clean-everything",
        acts: false,
        censored: echo(&json!({"raw_head": "gEt  /a b HTTP/9.9\r\nX-twice: 1\r\nhOsT: header-echo.test\r\nX-twice: 2\r\n\r\n"})),
        says: vec![("/requests/0/failure", json!(null)), ("/requests/0/response/body", json!(RAW))],
        twin: echo(&json!({})),
        twin_says: vec![("/requests/0/failure", json!(null)), ("/requests/0/response/body", json!(ORDINARY))],
    };
    the_spelling_of_headers: Case {
        primitive: "HTTP/1.1",
        interference: "none: headers arrive in their spelling and order, so that a proxy which changes them is seen",
        scenario: "clean-everything",
        acts: false,
        censored: echo(&json!({"headers": [["x-OONI-a", "1"], ["HOST", "header-echo.test"], ["accEPT", "*/*"]]})),
        says: vec![("/requests/0/failure", json!(null)), ("/requests/0/response/body", json!(SPELT))],
        twin: echo(&json!({})),
        twin_says: vec![("/requests/0/failure", json!(null)), ("/requests/0/response/body", json!(ORDINARY))],
    };
    another_authority: Case {
        primitive: "HTTP/2",
        interference: "none: `:authority` names another host than the handshake (domain fronting)",
        scenario: "clean-everything",
        acts: false,
        censored: https("149.154.167.99:443", "web.telegram.org", &json!(["h2"]),
            &json!({"url": "https://web.telegram.org/cdn-cgi/trace", "pseudo_headers": [[":authority", "front.example"]]})),
        says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/body", json!("h=front.example\nip=[scrubbed]\nsni=plaintext\n")),
        ],
        twin: https("149.154.167.99:443", "web.telegram.org", &json!(["h2"]), &json!({"url": "https://web.telegram.org/cdn-cgi/trace"})),
        twin_says: vec![
            ("/requests/0/failure", json!(null)),
            ("/requests/0/response/body", json!("h=web.telegram.org\nip=[scrubbed]\nsni=plaintext\n")),
        ],
    };
    throttling: Case {
        primitive: "HTTP: speed",
        interference: "the connection is throttled to 50 kB/s",
        scenario: "throttling",
        acts: true,
        censored: page("23.192.228.80:443", "example.com", 2000),
        says: vec![
            ("/requests/0/failure", json!("generic_timeout_error")),
            ("/network_events/operation=bytes_received_cumulative/proto", json!("tcp")),
            ("/network_events/operation=x_tcp_info/x_tcp_info/state", json!("established")),
        ],
        twin: page("23.215.0.132:443", "example.org", 10_000),
        twin_says: vec![
            ("/requests/0/failure", json!(null)),
            ("/network_events/operation=bytes_received_cumulative/proto", json!("tcp")),
            ("/network_events/operation=x_tcp_info/x_tcp_info/state", json!("established")),
        ],
    };
}

/// A page over TLS, fetched within so many milliseconds.
fn page(server: &str, name: &str, within_ms: u32) -> Value {
    json!([[
        {"do": "connect", "to": server},
        {"do": "handshake", "name": name, "alpn": ["http/1.1"]},
        {"do": "request", "url": format!("https://{name}/"), "limit": 1_000_000, "timeout_ms": within_ms},
    ]])
}
