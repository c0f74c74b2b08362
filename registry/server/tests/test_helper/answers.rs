//! What is measured, and what the answer says.

use crate::world::{Helper, World, site};
use serde_json::json;

#[tokio::test]
async fn a_page_is_looked_up_connected_to_and_fetched() {
    let world = World::new().await;
    let origin = site(&[(
        "/",
        "HTTP/1.1 200 OK\r\nserver: x\r\nSERVER: y\r\nAlt-Svc: h3=\":443\"\r\nContent-Length: 31\r\n\r\n\
         <title>Example Domain</title>ab",
    )])
    .await;
    world.zone.has("www.example.org", &["127.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    let port = origin.port();
    let answer = helper
        .ask(&json!({
            "http_request": format!("http://www.example.org:{port}/"),
            "http_request_headers": {"User-Agent": ["x"]},
            "tcp_connect": [format!("127.0.0.2:{port}"), "10.0.0.1:443", "nonsense"],
        }))
        .await;
    assert_eq!(
        answer,
        json!({
            "tcp_connect": {
                format!("127.0.0.1:{port}"): {"status": true, "failure": null},
                format!("127.0.0.2:{port}"): {"status": false, "failure": "connection_refused_error"},
            },
            "quic_handshake": {},
            "http_request": {
                "body_length": 31,
                "discovered_h3_endpoint": "www.example.org:443",
                "failure": null,
                "title": "Example Domain",
                "headers": {"Server": "x", "Alt-Svc": "h3=\":443\"", "Content-Length": "31"},
                "status_code": 200,
            },
            "http3_request": null,
            "dns": {"failure": null, "addrs": ["127.0.0.1"]},
            "ip_info": {
                "127.0.0.1": {"asn": 0, "flags": 2 | 4},
                "127.0.0.2": {"asn": 0, "flags": 1 | 4},
                "10.0.0.1": {"asn": 0, "flags": 1 | 4},
            },
        })
    );
}
