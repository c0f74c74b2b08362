//! What is given up after a while. All of it at once, so that it is waited for once.

use crate::world::{World, helper::Helper, resolver::Said};
use serde_json::json;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

#[tokio::test]
async fn whoever_says_nothing_is_given_up() {
    let world = World::new().await;
    world.zone.says("silent.example", Said::Nothing);
    let helper = Helper::start(&world, &[]);
    let begun = Instant::now();
    tokio::join!(server(&helper), resolver(&helper), clients(helper.address));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

async fn resolver(helper: &Helper) {
    let asked = Instant::now();
    let answer = helper
        .ask(&json!({"http_request": "http://silent.example/"}))
        .await;
    assert_eq!(answer["dns"], json!({"failure": "unknown_error", "addrs": []}));
    assert_eq!(answer["http_request"]["failure"], "dns_lookup_error");
    let took = asked.elapsed();
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(12)).contains(&took),
        "{took:?}"
    );
}

async fn server(helper: &Helper) {
    // A connect to a full queue goes unanswered.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    let brief = Duration::from_millis(200);
    while let Ok(Ok(stream)) = timeout(brief, TcpStream::connect(address)).await {
        held.push(stream);
    }
    let asked = Instant::now();
    let question =
        json!({"http_request": format!("http://{address}/"), "tcp_connect": [address.to_string()]});
    let answer = helper.ask(&question).await;
    assert_eq!(
        answer["tcp_connect"][address.to_string()],
        json!({"status": false, "failure": "generic_timeout_error"})
    );
    assert_eq!(answer["http_request"]["failure"], "generic_timeout_error");
    let took = asked.elapsed();
    assert!(
        (Duration::from_secs(14)..Duration::from_secs(24)).contains(&took),
        "{took:?}"
    );
}

/// Clients that begin and do not go on.
async fn clients(address: SocketAddr) {
    let waiting = [&b""[..], b"POST / HTT", b"POST / HTTP/1.1\r\nHost: x\r\n"].map(|begin| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let mut came = Vec::new();
        let _ = stream.read_to_end(&mut came).await;
        came
    });
    let idle = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut came = Vec::new();
        stream.read_to_end(&mut came).await.unwrap();
        assert!(came.starts_with(b"HTTP/1.1 200"));
    };
    let slow = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{";
        stream.write_all(head).await.unwrap();
        let mut came = Vec::new();
        stream.read_to_end(&mut came).await.unwrap();
        assert!(
            came.starts_with(b"HTTP/1.1 400"),
            "{}",
            String::from_utf8_lossy(&came)
        );
    };
    tokio::join!(futures::future::join_all(waiting), idle, slow);
}
