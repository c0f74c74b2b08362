//! How it is spoken to.

use crate::world::{
    World,
    helper::{Helper, post},
    origin::{serve, site},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn whoever_asks_is_greeted_and_told_the_software() {
    let world = World::new().await;
    let helper = Helper::start(&world, &[]);
    for path in ["/", "/health?x=1"] {
        let reply = helper.send(get(path).as_bytes()).await;
        assert!(reply.json()["message"].is_string());
        assert!(
            reply.head.contains("content-type: application/json"),
            "{}",
            reply.head
        );
    }
    let bad: [&[u8]; 8] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"{\"http_request\": 1}",
        b"{\"http_request\": \"\"}",
        b"{\"http_request\": \"http://127.0.0.1:1/\"} x",
    ];
    for body in bad {
        let reply = post(helper.address, "ooniprobe-x", body).await;
        assert_eq!(reply.status, 400, "{}", String::from_utf8_lossy(body));
    }
    for method in ["PUT", "DELETE", "OPTIONS", "HEAD"] {
        let reply = helper.send(get("/").replace("GET", method).as_bytes()).await;
        assert_eq!(reply.status, 400, "{method}");
    }
    let question = json!({"http_request": "http://127.0.0.1:1/"}).to_string();
    for reply in [
        helper.send(get("/").as_bytes()).await,
        post(helper.address, "x", b"{").await,
        post(helper.address, "x", question.as_bytes()).await,
    ] {
        let server = concat!("server: netsonde-registry/", env!("CARGO_PKG_VERSION"));
        assert!(reply.head.contains(server), "{}", reply.head);
    }
}

#[tokio::test]
async fn questions_may_have_two_to_the_24_bytes() {
    let world = World::new().await;
    let helper = Helper::start(&world, &[]);
    let question = json!({"http_request": "http://127.0.0.1:1/", "x": "y"}).to_string();
    for (length, status) in [(1 << 24, 200), ((1 << 24) + 1, 400)] {
        let mut body = question.clone().into_bytes();
        body.resize(length, b' ');
        assert_eq!(
            post(helper.address, "ooniprobe-x", &body).await.status,
            status,
            "{length}"
        );
    }
    // Without a length in front.
    let chunk = vec![b' '; 1 << 20];
    let mut chunked =
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_vec();
    for _ in 0..17 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend_from_slice(&chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(helper.send(&chunked).await.status, 400);
}

#[tokio::test]
async fn tls_is_served_with_a_certificate() {
    let world = World::new().await;
    let (certificate, key) = world.authority.issue(&["127.0.0.1"]);
    let files = ["chain.pem", "key.pem"].map(|name| world.folder.path().join(name));
    std::fs::write(&files[0], certificate).unwrap();
    std::fs::write(&files[1], key).unwrap();
    let [chain, key] = files.each_ref().map(|file| file.to_str().unwrap());
    let served = Helper::start(&world, &["--certificate", chain, "--key", key]);
    assert!(served.url.starts_with("https://"));
    // Another helper sees that it is one.
    let asking = Helper::start(&world, &["--tls-on-any-port"]);
    let question = json!({"http_request": served.url, "tcp_connect": [served.address.to_string()]});
    let answer = asking.ask(&question).await;
    assert_eq!(
        answer["tls_handshake"][served.address.to_string()]["failure"],
        Value::Null
    );
    assert_eq!(answer["http_request"]["status_code"], 200);
    assert!(
        answer["http_request"]["headers"]["Server"]
            .as_str()
            .unwrap()
            .starts_with("netsonde-registry/")
    );
}

#[tokio::test]
async fn heads_are_not_long() {
    let world = World::new().await;
    let helper = Helper::start(&world, &[]);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(50_000));
    assert_eq!(helper.send(long.as_bytes()).await.status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: x\r\n".repeat(200));
    assert_eq!(helper.send(many.as_bytes()).await.status, 431);
}

#[tokio::test]
async fn what_is_under_way_ends_before_it_does() {
    let world = World::new().await;
    let (asked, mut is_asked) = tokio::sync::mpsc::unbounded_channel();
    let go = Arc::new(std::sync::Barrier::new(2));
    let gate = Arc::clone(&go);
    let origin = tokio::task::spawn_blocking(move || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if stream.read(&mut [0; 4096]).unwrap_or_default() > 0 {
                    asked.send(()).unwrap();
                    gate.wait();
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
                }
            }
        });
        address
    })
    .await
    .unwrap();
    let mut helper = Helper::start(&world, &[]);
    let address = helper.address;
    // One that is idle does not keep it.
    let _idle = TcpStream::connect(address).await.unwrap();
    let body = json!({"http_request": format!("http://{origin}/")}).to_string();
    let asking = tokio::spawn(async move { post(address, "ooniprobe-x", body.as_bytes()).await });
    is_asked.recv().await.unwrap();
    let ending = tokio::task::spawn_blocking(move || helper.terminate());
    // It accepts nothing more, sooner or later.
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::task::spawn_blocking(move || go.wait()).await.unwrap();
    assert_eq!(asking.await.unwrap().json()["http_request"]["body_length"], 2);
    let (code, log) = ending.await.unwrap();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn the_log_does_not_tell_who_asks() {
    let world = World::new().await;
    let origin = site(&[("/", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]).await;
    let resolver = format!("https://{}/dns-query", world.zone.address);
    let mut helper = Helper::start_logging(
        &world,
        "trace",
        &["--resolver", &resolver, "--allow-destination", "loopback"],
    );
    let body = json!({"http_request": format!("http://{origin}/")}).to_string();
    let from = post_from(helper.address, body.as_bytes()).await;
    let (_, log) = helper.terminate();
    assert!(log.contains("answered"), "{log}");
    assert!(!log.contains(&from), "{log}");
}

/// Ask from an address of its own, and say which.
async fn post_from(address: std::net::SocketAddr, body: &[u8]) -> String {
    let from = crate::world::own_address();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut came = Vec::new();
    stream.read_to_end(&mut came).await.unwrap();
    assert!(came.starts_with(b"HTTP/1.1 200"));
    from.to_string()
}

#[tokio::test]
async fn too_much_is_turned_away_and_greetings_are_not() {
    let world = World::new().await;
    let (asked, mut is_asked) = tokio::sync::mpsc::unbounded_channel();
    let origin = serve("127.0.0.1:0", None, move |_| {
        asked.send(()).unwrap();
        None
    })
    .await;
    let flags = ["--max-in-flight", "2", "--max-in-flight-of-strangers", "1"];
    let helper = Helper::start(&world, &flags);
    let address = helper.address;
    let hanging = json!({"http_request": format!("http://{origin}/")}).to_string();
    let ask = |agent: &'static str| {
        let body = hanging.clone();
        tokio::spawn(async move { post(address, agent, body.as_bytes()).await.status })
    };
    let first = ask("curl/8");
    is_asked.recv().await.unwrap();
    let refused = post(address, "curl/8", hanging.as_bytes()).await;
    assert_eq!((refused.status, refused.body.len()), (503, 0));
    let second = ask("ooniprobe-cli/3.0");
    is_asked.recv().await.unwrap();
    let refused = post(address, "ooniprobe-cli/3.0", hanging.as_bytes()).await;
    assert_eq!((refused.status, refused.body.len()), (503, 0));
    assert!(
        refused.head.contains("server: netsonde-registry/"),
        "{}",
        refused.head
    );
    assert_eq!(helper.send(get("/").as_bytes()).await.status, 200);
    // Who leaves makes room.
    first.abort();
    second.abort();
    while post(address, "curl/8", b"{").await.status == 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(post(address, "curl/8", b"{").await.status, 400);
}

#[tokio::test]
async fn bodies_have_a_memory_in_common() {
    let world = World::new().await;
    let helper = Helper::start(&world, &["--max-body-memory", "1"]);
    let mut body = json!({"http_request": "http://127.0.0.1:1/"})
        .to_string()
        .into_bytes();
    body.resize(3 << 19, b' ');
    assert_eq!(post(helper.address, "ooniprobe-x", &body).await.status, 503);
    body.truncate(1 << 19);
    assert_eq!(post(helper.address, "ooniprobe-x", &body).await.status, 200);
}
