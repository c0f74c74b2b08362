//! Interference with HTTP.

use crate::harness::{Case, cases};
use serde_json::json;

cases! {
    a_blockpage: Case {
        primitive: "HTTP/1.1",
        interference: "a blockpage answers in the server's place",
        scenario: "http-blockpage",
        acts: true,
        censored: json!([[{"do": "connect", "to": "23.192.228.80:80"}, {"do": "request", "url": "http://example.com/"}]]),
        says: vec![("/requests/0/failure", json!(null)), ("/requests/0/response/code", json!(200))],
        twin: json!([[{"do": "connect", "to": "23.215.0.132:80"}, {"do": "request", "url": "http://example.org/"}]]),
        twin_says: vec![("/requests/0/failure", json!(null)), ("/requests/0/response/code", json!(200))],
    };
}
