//! What is measured, and what the answer says.

use crate::{
    mmdb::mmdb,
    world::{
        World,
        helper::Helper,
        may_serve_443,
        origin::{https, raw, site},
        own_address,
        resolver::Said,
    },
};
use hickory_proto::op::ResponseCode;
use serde_json::{Value, json};

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

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

#[tokio::test]
async fn names_that_are_not_found_say_why() {
    let world = World::new().await;
    world
        .zone
        .says("refused.example", Said::Code(ResponseCode::Refused));
    world
        .zone
        .says("servfail.example", Said::Code(ResponseCode::ServFail));
    world.zone.has("empty.example", &[]);
    let helper = Helper::start(&world, &[]);
    for (name, dns, http) in [
        ("nowhere.example", json!("dns_name_error"), "dns_lookup_error"),
        ("refused.example", json!("dns_server_failure"), "dns_lookup_error"),
        ("servfail.example", json!("unknown_error"), "unknown_error"),
        ("empty.example", Value::Null, "dns_lookup_error"),
    ] {
        let answer = helper
            .ask(&json!({"http_request": format!("http://{name}/")}))
            .await;
        assert_eq!(answer["dns"], json!({"failure": dns, "addrs": []}), "{name}");
        let page = json!({
            "body_length": -1, "discovered_h3_endpoint": "", "failure": http, "title": "", "headers": {},
            "status_code": -1,
        });
        assert_eq!(answer["http_request"], page, "{name}");
        assert_eq!(
            (&answer["tcp_connect"], &answer["ip_info"]),
            (&json!({}), &Value::Null),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_name_is_asked_for_once_in_a_question() {
    let world = World::new().await;
    let origin = site(&[
        (
            "/",
            "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n",
        ),
        ("/a", PAGE),
    ])
    .await;
    world.zone.has("www.example.org", &["::1", "127.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    let url = format!("http://www.example.org:{}/", origin.port());
    let answer = helper.ask(&json!({"http_request": url})).await;
    assert_eq!(answer["dns"]["addrs"], json!(["127.0.0.1", "::1"]));
    assert_eq!(answer["http_request"]["status_code"], 200);
    assert_eq!(world.zone.asked(), 2, "A and AAAA");
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    let world = World::new().await;
    let origin = site(&[("/", PAGE)]).await;
    let helper = Helper::start(&world, &[]);
    let answer = helper
        .ask(&json!({"http_request": format!("http://{origin}/"), "tcp_connect": [origin.to_string()]}))
        .await;
    assert_eq!(answer["dns"], json!({"failure": null, "addrs": []}));
    assert_eq!(
        answer["tcp_connect"][origin.to_string()],
        json!({"status": true, "failure": null})
    );
    assert_eq!(answer["http_request"]["body_length"], 2);
    assert_eq!(world.zone.asked(), 0);
}

#[tokio::test]
async fn the_scheme_decides_about_ports() {
    if !may_serve_443("answers::the_scheme_decides_about_ports") {
        return;
    }
    let world = World::new().await;
    let (both, wrong) = (own_address().to_string(), own_address().to_string());
    let acceptor = world
        .authority
        .acceptor(&["www.example.org"], &["h2", "http/1.1"]);
    raw(format!("{both}:443"), Some(acceptor), |_| Box::pin(async {})).await;
    https(&world, &format!("{wrong}:443"), &["other.example"], PAGE).await;
    world.zone.has("www.example.org", &[&both, &wrong]);
    let helper = Helper::start(&world, &[]);
    let (ok, refused) = (
        json!({"status": true, "failure": null}),
        json!("connection_refused_error"),
    );
    let shaken = |failure: Value| json!({"server_name": "www.example.org", "status": failure.is_null(), "failure": failure});
    let handshakes = json!({
        format!("{both}:443"): shaken(Value::Null),
        format!("{wrong}:443"): shaken(json!("ssl_invalid_hostname")),
    });

    let answer = helper
        .ask(&json!({"http_request": "http://www.example.org/"}))
        .await;
    assert_eq!(answer["tcp_connect"].as_object().unwrap().len(), 4);
    for address in [&both, &wrong] {
        assert_eq!(answer["tcp_connect"][format!("{address}:443")], ok);
        assert_eq!(answer["tcp_connect"][format!("{address}:80")]["failure"], refused);
    }
    assert_eq!(answer["tls_handshake"], handshakes);
    assert_eq!(answer["http_request"]["failure"], refused);
    let flags = |address: &str| answer["ip_info"][address]["flags"].as_u64().unwrap();
    assert_eq!((flags(&both), flags(&wrong)), (2 | 4 | 8, 2 | 4));

    // Whatever ports the probe names.
    let question = json!({"http_request": "https://www.example.org/", "tcp_connect": [format!("{both}:80")]});
    let answer = helper.ask(&question).await;
    assert_eq!(answer["tcp_connect"].as_object().unwrap().len(), 2);
    assert_eq!(answer["tls_handshake"], handshakes);

    let answer = helper
        .ask(&json!({"http_request": "ftp://www.example.org/"}))
        .await;
    assert_eq!(answer["dns"]["addrs"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&answer["tcp_connect"], &answer["tls_handshake"]),
        (&json!({}), &Value::Null)
    );
    assert_eq!(answer["http_request"]["failure"], "unknown_error");
}

#[tokio::test]
async fn tls_on_other_ports_is_for_those_who_want_it() {
    let world = World::new().await;
    let origin = https(&world, "127.0.0.1:0", &["www.example.org"], PAGE).await;
    world.zone.has("www.example.org", &["127.0.0.1"]);
    let url = format!("https://www.example.org:{}/", origin.port());
    for (flags, expected) in [
        (&[][..], Value::Null),
        (
            &["--tls-on-any-port"],
            json!({origin.to_string(): {"server_name": "www.example.org", "status": true, "failure": null}}),
        ),
    ] {
        let answer = Helper::start(&world, flags)
            .ask(&json!({"http_request": url}))
            .await;
        assert_eq!(answer["tls_handshake"], expected);
        assert_eq!(answer["tcp_connect"][origin.to_string()]["status"], true);
        assert_eq!(answer["http_request"]["status_code"], 200);
    }
}

#[tokio::test]
async fn a_file_says_whose_addresses_are() {
    let world = World::new().await;
    let file = world.folder.path().join("asn.mmdb");
    std::fs::write(&file, mmdb(&[("127.0.0.0", 8, 64_500, "Home", "ZZ")])).unwrap();
    let helper = Helper::start(&world, &["--mmdb", file.to_str().unwrap()]);
    let question = json!({"http_request": "http://127.0.0.1:1/", "tcp_connect": ["127.0.0.1:1", "[::1]:1"]});
    let answer = helper.ask(&question).await;
    assert_eq!(
        answer["ip_info"],
        json!({"127.0.0.1": {"asn": 64500, "flags": 1 | 4}, "::1": {"asn": 0, "flags": 1 | 4}})
    );
    assert!(answer["tcp_connect"]["[::1]:1"].is_object());
}

#[tokio::test]
async fn many_addresses_are_not_all_measured() {
    let world = World::new().await;
    let origin = site(&[("/", PAGE)]).await;
    world.zone.has("www.example.org", &["127.0.0.1"]);
    let helper = Helper::start(&world, &[]);
    let endpoints: Vec<String> = (0..10_000)
        .map(|number| format!("127.1.{}.{}:443", number / 250, number % 250 + 1))
        .collect();
    let url = format!("http://www.example.org:{}/", origin.port());
    let answer = helper
        .ask(&json!({"http_request": url, "tcp_connect": endpoints}))
        .await;
    let measured = answer["tcp_connect"].as_object().unwrap();
    assert_eq!(measured.len(), 64);
    assert!(measured.contains_key(&origin.to_string()), "its own come first");
    assert!(measured.contains_key(&format!("127.1.0.63:{}", origin.port())));
    assert_eq!(answer["ip_info"].as_object().unwrap().len(), 64);
}
