//! What a client may do, and what is known of it afterwards.

use super::registry::{Registry, hex};
use super::server::{Server, exchange};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let registry = Registry::new();
    let server = Server::start(&registry, &["--rate", "3"]);
    for _ in 0..3 {
        assert_eq!(server.get("/log/checkpoint").status, 200);
    }
    for path in [
        "/log/checkpoint",
        "/nothing",
        "/health",
        "/v2/",
        "/api/v2/check-in",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 429, "{path}");
        let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=20).contains(&after), "{path}: {after}");
    }
    let reply = server.get("/v2/");
    assert_eq!(reply.json()["errors"][0]["code"], "TOOMANYREQUESTS");
    // It does not believe everybody who says that he is somebody else.
    let reply = server.ask("GET", "/log/checkpoint", &["X-Forwarded-For: 192.0.2.1"]);
    assert_eq!(reply.status, 429);
}

#[test]
fn behind_a_proxy_the_last_address_that_it_forwards_is_the_clients() {
    let registry = Registry::new();
    let server = Server::start(&registry, &["--rate", "2", "--behind-proxy"]);
    let ask = |forwarded: &str| {
        let header = format!("X-Forwarded-For: {forwarded}");
        server.ask("GET", "/log/checkpoint", &[&header]).status
    };
    for made_up in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(ask(&format!("{made_up}, 192.0.2.1")), 200);
    }
    assert_eq!(ask("198.51.100.3, 192.0.2.1"), 429);
    assert_eq!(ask("192.0.2.77"), 200);
    assert_eq!(ask("2001:db8:0:1::1"), 200);
    assert_eq!(ask("2001:db8:0:1:2:3:4:5"), 200);
    assert_eq!(ask("2001:db8:0:1::9"), 429);
    assert_eq!(ask("2001:db8:0:2::9"), 200);
}

#[test]
fn without_a_limit_nobody_is_turned_away() {
    let registry = Registry::new();
    let server = Server::start(&registry, &["--rate", "0"]);
    for _ in 0..50 {
        assert_eq!(server.get("/log/checkpoint").status, 200);
    }
}

#[test]
fn nobody_has_all_the_connections() {
    let registry = Registry::new();
    let server = Server::start(&registry, &["--max-connections-of-client", "3"]);
    let connect = || TcpStream::connect(server.address).unwrap();
    let is_served = |mut stream: TcpStream| {
        let asked = stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut came = Vec::new();
        asked.is_ok() && stream.read_to_end(&mut came).is_ok() && came.starts_with(b"HTTP/1.1 200")
    };
    let idle: Vec<TcpStream> = (0..3).map(|_| connect()).collect();
    assert!(!is_served(connect()), "the fourth is closed");
    drop(idle);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_served(connect()) {
        assert!(Instant::now() < deadline, "places are given back");
    }
    // A proxy has all of them.
    let server = Server::start(&registry, &["--max-connections-of-client", "1", "--behind-proxy"]);
    let _idle = TcpStream::connect(server.address).unwrap();
    assert_eq!(server.get("/health").status, 200);
}

#[test]
#[cfg(target_os = "linux")]
fn who_reads_slowly_has_little_of_the_memory() {
    let registry = Registry::new();
    let path = format!(
        "/objects/{}",
        hex(&registry.put("objects", &vec![b'x'; 40 << 20]))
    );
    let server = Server::start(&registry, &[]);
    let slow: Vec<TcpStream> = (0..48)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream
                .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
                .unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.get("/health").status, 200);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kilobytes < 100 << 10, "{kilobytes} KiB");
    drop(slow);
}

#[test]
fn heads_that_never_end_are_given_up() {
    let registry = Registry::new();
    let server = Server::start(&registry, &["--max-connections", "2"]);
    let began = Instant::now();
    // Two of them have all the places; the third is let in when they are given up.
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let address = server.address;
            std::thread::spawn(move || exchange(address, b"GET /log/checkpoint HTTP/1.1\r\nHost: x\r\n"))
        })
        .collect();
    assert_eq!(server.get("/log/checkpoint").status, 200);
    for slow in slow {
        slow.join().unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(40));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    assert!(matches!(server.send(long.as_bytes()).status, 414 | 431));
}

#[test]
fn nothing_that_is_logged_tells_who_asked() {
    let registry = Registry::new();
    for flags in [&["--rate", "10"][..], &["--rate", "10", "--behind-proxy"]] {
        let mut server = Server::start_logging(&registry, "trace", flags);
        let headers = [
            "X-Forwarded-For: 192.0.2.213",
            "User-Agent: secret-agent",
            "Cookie: secret-cookie",
        ];
        for path in [
            "/log/checkpoint?secret-query",
            "/secret-path",
            "/api/v2/check-in?probe_cc=SC&probe_asn=AS64999",
            "/v2/modules/netsonde/secret-module/tags/list",
        ] {
            for _ in 0..4 {
                server.ask("GET", path, &headers);
            }
        }
        exchange(server.address, b"secret-noise\r\n\r\n");
        let port = server.address.port().to_string();
        let (code, log) = server.terminate();
        assert_eq!(code, Some(0), "{log}");
        assert!(
            log.contains("/log/checkpoint 200 after") && log.contains("other 404 after"),
            "{log}"
        );
        assert!(log.contains(" 429 after"), "{log}");
        for secret in ["127.0.0.1", "192.0.2", "secret", "AS64999", &port] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    }
}
