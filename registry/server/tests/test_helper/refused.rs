//! Where the helper does not go.

use crate::world::{World, helper::Helper, origin::site};
use serde_json::{Value, json};

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn is_refused(answer: &Value) {
    assert_eq!(answer["tcp_connect"], json!({}));
    assert_eq!(answer["tls_handshake"], Value::Null);
    assert_eq!(answer["http_request"]["failure"], "unknown_error");
    assert_eq!(answer["http_request"]["body_length"], -1);
}

#[tokio::test]
async fn bogons_are_told_and_not_measured_however_they_are_named() {
    let world = World::new().await;
    let origin = site(&[("/", PAGE)]).await;
    let port = origin.port();
    world.zone.has("inside.example", &["127.0.0.1"]);
    let resolver = format!("https://{}/dns-query", world.zone.address);
    // That this machine is in those networks is no reason.
    let helper = Helper::start_with(&world, &["--resolver", &resolver, "--allow-destination", "lan"]);
    for host in [
        "127.0.0.1",
        "inside.example",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[64:ff9b::7f00:1]",
    ] {
        let question = json!({
            "http_request": format!("http://{host}:{port}/"),
            "tcp_connect": [format!("127.0.0.1:{port}"), "10.0.0.1:443", "[::ffff:10.0.0.2]:443"],
        });
        let answer = helper.ask(&question).await;
        is_refused(&answer);
        for address in ["127.0.0.1", "10.0.0.1", "::ffff:10.0.0.2"] {
            assert_eq!(
                answer["ip_info"][address]["flags"].as_u64().unwrap() & 5,
                5,
                "{address}"
            );
        }
    }
    let question = json!({"http_request": format!("http://inside.example:{port}/")});
    let dns = &helper.ask(&question).await["dns"];
    assert_eq!(*dns, json!({"failure": null, "addrs": ["127.0.0.1"]}));
}

#[tokio::test]
async fn one_bogon_among_a_names_addresses_is_enough() {
    let world = World::new().await;
    let origin = site(&[("/", PAGE)]).await;
    world.zone.has("mixed.example", &["127.0.0.1", "10.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    let url = format!("http://mixed.example:{}/", origin.port());
    let answer = helper.ask(&json!({"http_request": url})).await;
    assert_eq!(answer["http_request"]["failure"], "unknown_error");
    assert_eq!(
        answer["tcp_connect"],
        json!({origin.to_string(): {"status": true, "failure": null}})
    );
}

#[tokio::test]
async fn redirects_lead_nowhere_that_is_refused() {
    let world = World::new().await;
    let origin = site(&[
        (
            "/literal",
            "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "/metadata",
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "/name",
            "HTTP/1.1 302 Found\r\nLocation: http://inside.example/\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "/ssh",
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:22/\r\nContent-Length: 0\r\n\r\n",
        ),
    ])
    .await;
    world.zone.has("inside.example", &["192.168.0.1"]);
    let helper = Helper::start(&world, &[]);
    for path in ["literal", "metadata", "name", "ssh"] {
        let answer = helper
            .ask(&json!({"http_request": format!("http://{origin}/{path}")}))
            .await;
        assert_eq!(answer["http_request"]["failure"], "unknown_error", "{path}");
        assert_eq!(answer["http_request"]["status_code"], -1, "{path}");
    }
}

#[tokio::test]
async fn ports_where_connections_do_harm_are_left_alone() {
    let world = World::new().await;
    let helper = Helper::start(&world, &[]);
    for port in [22, 25, 3306, 6379] {
        let url = format!("http://127.0.0.1:{port}/");
        let question = json!({"http_request": url, "tcp_connect": [format!("127.0.0.1:{port}")]});
        is_refused(&helper.ask(&question).await);
    }
}
