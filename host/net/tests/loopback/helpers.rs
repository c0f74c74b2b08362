//! Test helpers that answer, refuse, and talk nonsense.

use crate::support::{Bench, code, refusing, replying, silent};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use netsonde_net::{
    NetError,
    helper::{Helper, Inquiry},
};
use serde_json::{Value, json};
use std::{io::Write as _, net::SocketAddr, time::Duration};

/// A helper that answers everything with this.
async fn answering(status: &str, headers: &str, body: &[u8]) -> SocketAddr {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    let reply = [head.as_bytes(), body].concat();
    replying(Vec::leak(reply)).await
}

async fn saying(body: &str) -> SocketAddr {
    answering("200 OK", "", body.as_bytes()).await
}

async fn unavailable() -> SocketAddr {
    answering("503 Service Unavailable", "Retry-After: 10\r\n", b"").await
}

async fn ask(bench: &Bench, helpers: &[SocketAddr]) -> Result<(usize, Value), NetError> {
    let helpers: Vec<_> = helpers
        .iter()
        .map(|address| Helper {
            url: format!("http://{address}/"),
            front: None,
        })
        .collect();
    let inquiry = Inquiry {
        body: Bytes::from_static(b"{}"),
        user_agent: "netsonde-test".to_owned(),
        timeout: Duration::from_secs(3),
    };
    bench.net.ask_helpers(&helpers, &inquiry).await
}

#[tokio::test]
async fn the_next_helper_is_asked_when_one_has_failed() {
    let bench = Bench::new();
    let helpers = [refusing().await, unavailable().await, saying(r#"{"a": 1}"#).await];
    let (index, reply) = ask(&bench, &helpers).await.unwrap();
    assert_eq!((index, reply), (2, json!({"a": 1})));
}

#[tokio::test]
async fn the_first_helper_is_enough_when_it_answers() {
    let bench = Bench::new();
    let helpers = [saying("{}").await, silent().await];
    assert_eq!(ask(&bench, &helpers).await.unwrap(), (0, json!({})));
    assert_eq!(bench.net.meter().used().connections, 1);
}

#[tokio::test]
async fn a_failure_with_a_name_is_told_before_one_without() {
    let bench = Bench::new();
    let helpers = [unavailable().await, refusing().await];
    assert_eq!(code(ask(&bench, &helpers).await).as_str(), "connection_refused");
    let helpers = [unavailable().await, saying("null").await];
    assert_eq!(
        code(ask(&bench, &helpers).await).as_str(),
        "unknown_failure: HTTP status 503"
    );
}

#[tokio::test]
async fn a_reply_may_be_gzip() {
    let bench = Bench::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"{"dns": {}}"#).unwrap();
    let helper = answering("200 OK", "Content-Encoding: gzip\r\n", &encoder.finish().unwrap()).await;
    assert_eq!(ask(&bench, &[helper]).await.unwrap(), (0, json!({"dns": {}})));
    let liar = answering("200 OK", "Content-Encoding: gzip\r\n", b"{}").await;
    assert!(code(ask(&bench, &[liar]).await).as_str().contains("no gzip"));
}

#[tokio::test]
async fn what_is_no_reply_is_a_failure_that_says_why() {
    let bench = Bench::new();
    for (body, why) in [
        ("null", "no JSON object"),
        ("[]", "no JSON object"),
        ("<html>", "is not JSON"),
        ("", "is not JSON"),
    ] {
        let failure = code(ask(&bench, &[saying(body).await]).await);
        assert!(failure.as_str().starts_with("unknown_failure: "), "{failure:?}");
        assert!(failure.as_str().contains(why), "{failure:?}");
    }
    assert_eq!(
        code(ask(&bench, &[]).await).as_str(),
        "unknown_failure: no available helpers"
    );
}

#[tokio::test]
async fn a_helper_that_stays_silent_takes_no_longer_than_allowed() {
    let bench = Bench::new();
    assert_eq!(
        code(ask(&bench, &[silent().await]).await).as_str(),
        "generic_timeout_error"
    );
}

#[tokio::test]
async fn helpers_are_nobodys_observation() {
    let bench = Bench::new();
    ask(&bench, &[refusing().await, saying("{}").await])
        .await
        .unwrap();
    let seen = bench.seen();
    assert!(seen.tcp_connect.is_empty() && seen.requests.is_empty());
    assert!(seen.network_events.is_empty() && seen.queries.is_empty());
    let used = bench.net.meter().used();
    assert!(
        used.connections == 2 && used.bytes_received > 0,
        "but they use up the budget: {used:?}"
    );
}
