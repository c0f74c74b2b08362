//! What the operator sees.

use super::registry::Registry;
use super::server::{Reply, Server, address, exchange};

fn metrics(server: &Server) -> Reply {
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    Reply::read(&exchange(address(&server.urls[1]), request))
}

/// The value of a line.
fn value(text: &str, line: &str) -> f64 {
    let mut lines = text.lines().filter_map(|found| found.strip_prefix(line));
    let value = lines.next().unwrap_or_else(|| panic!("no {line}: {text}"));
    value.trim().parse().unwrap()
}

#[test]
fn what_is_asked_is_counted_by_its_kind_on_a_listener_of_its_own() {
    let registry = Registry::new();
    let flags = ["--metrics-listen", "127.0.0.1:0", "--rate", "7", "--renew", "1h"];
    let server = Server::start(&registry, &flags);
    assert!(server.urls[1].ends_with("/metrics"), "{:?}", server.urls);
    let bytes = server.get("/log/checkpoint").body.len();
    server.ask("HEAD", "/log/checkpoint", &[]);
    for number in 1..=3 {
        server.get(&format!("/roots/{number}7.json"));
        server.get(&format!("/secret{number}"));
    }
    assert_eq!(
        server.get("/metrics").status,
        429,
        "it is not for everybody, and counted as any other"
    );
    let reply = metrics(&server);
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = reply.text();
    for (line, wanted) in [
        ("requests_total{route=\"/log/checkpoint\",status=\"200\"}", 2),
        ("requests_total{route=\"/roots/N.json\",status=\"404\"}", 3),
        ("requests_total{route=\"other\",status=\"404\"}", 2),
        ("requests_total{route=\"other\",status=\"429\"}", 2),
        ("rate_limited_total", 2),
        ("request_duration_seconds_count{route=\"/log/checkpoint\"}", 2),
        ("sent_bytes_total{route=\"/log/checkpoint\"}", bytes),
        ("log_entries", 1),
    ] {
        let found = value(&text, &format!("netsonde_registry_{line}"));
        assert!(
            (found - f64::from(u32::try_from(wanted).unwrap())).abs() < 0.5,
            "{line}: {text}"
        );
    }
    assert!(value(&text, "netsonde_registry_checkpoint_age_seconds") < 60.0);
    assert!(!text.contains("secret") && !text.contains("127.0.0.1"), "{text}");
    let other = exchange(
        address(&server.urls[1]),
        b"GET /log/checkpoint HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(Reply::read(&other).status, 404);
}
