//! Resolvers on a TCP stream.

use super::{BOTH, addresses, all_failed, answer_backwards, ask, asking, reply};
use crate::support::{Bench, code, refusing, replying_once, server, silent};
use netsonde_data::{FailureCode, failure::Operation};
use netsonde_net::{
    NetError,
    dns::{LookupOptions, QueryType, Resolver},
};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn tcp_answers_may_come_in_any_order_on_one_connection() {
    let bench = Bench::new();
    let address = server(|stream| answer_backwards(stream, 2)).await;
    let answer = ask(&bench, asking(Resolver::Tcp(address))).await;
    assert_eq!(
        (answer.failure.clone(), addresses(&answer)),
        (None, BOTH.map(String::from).to_vec())
    );
    let types: Vec<_> = answer.replies.iter().map(|reply| reply.query_type).collect();
    assert_eq!(types, [QueryType::A, QueryType::AAAA]);
    let seen = bench.seen();
    assert_eq!((seen.tcp_connect.len(), seen.queries.len()), (1, 2));
    for query in &seen.queries {
        assert_eq!(
            (query.engine.as_str(), query.resolver_address.clone()),
            ("tcp", address.to_string())
        );
        assert_eq!((query.answers[0].ttl, query.transaction_id), (Some(60), 1));
        assert!(!query.raw_response.is_empty());
    }
    assert_eq!(seen.network_events.last().unwrap().operation, "resolve_done");
    assert_eq!(bench.net.meter().used().queries, 2);
}

#[tokio::test]
async fn a_resolver_that_can_not_be_connected_to_fails_every_query() {
    let bench = Bench::new();
    let address = refusing().await;
    let result = bench
        .net
        .lookup(&bench.tx, "example.org", asking(Resolver::Tcp(address)))
        .await;
    let Err(NetError::Failed(failure)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(
        (failure.code, failure.operation),
        (FailureCode::CONNECTION_REFUSED, Operation::Connect)
    );
    all_failed(
        &bench,
        "tcp",
        &address.to_string(),
        &FailureCode::CONNECTION_REFUSED,
        None,
    );
}

#[tokio::test]
async fn a_stream_that_ends_early_leaves_the_rest_unanswered() {
    let bench = Bench::new();
    let address = server(|stream| answer_backwards(stream, 1)).await;
    let answer = ask(&bench, asking(Resolver::Tcp(address))).await;
    assert_eq!(addresses(&answer), ["1.2.3.4"]);
    let failures: Vec<_> = answer
        .replies
        .iter()
        .map(|reply| reply.failure.is_some())
        .collect();
    assert_eq!(failures, [false, true]);
    // Half a message is none.
    let bench = Bench::new();
    let address = replying_once(b"\x00\x20\x00").await;
    let result = bench
        .net
        .lookup(&bench.tx, "example.org", asking(Resolver::Tcp(address)))
        .await;
    assert_eq!(code(result), FailureCode::EOF_ERROR);
}

#[tokio::test]
async fn an_answer_to_another_query_is_an_answer_with_a_wrong_id() {
    let bench = Bench::new();
    let address = server(|mut stream| async move {
        let length = stream.read_u16().await.unwrap();
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        let mut reply = reply(&query);
        reply[0] ^= 0x55;
        stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&reply).await.unwrap();
    });
    let options = LookupOptions {
        query_types: vec![QueryType::A],
        ..asking(Resolver::Tcp(address.await))
    };
    let result = bench.net.lookup(&bench.tx, "example.org", options).await;
    assert_eq!(code(result), FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID);
    let query = &bench.seen().queries[0];
    assert!(!query.raw_response.is_empty());
    assert!(query.x_failure_detail.as_ref().unwrap().contains("the query had"));
}

#[tokio::test]
async fn a_silent_stream_ends_at_our_deadline() {
    let bench = Bench::new();
    let address = silent().await;
    let options = LookupOptions {
        timeout: Some(Duration::from_millis(200)),
        ..asking(Resolver::Tcp(address))
    };
    ask(&bench, options).await;
    all_failed(
        &bench,
        "tcp",
        &address.to_string(),
        &FailureCode::GENERIC_TIMEOUT_ERROR,
        None,
    );
    let reads = bench.events("read");
    assert_eq!(
        reads[0].failure,
        Some(FailureCode::GENERIC_TIMEOUT_ERROR),
        "{reads:?}"
    );
}

#[tokio::test]
async fn a_dropped_lookup_over_a_stream_is_interrupted_in_each_query() {
    let bench = Bench::new();
    let options = asking(Resolver::Tcp(silent().await));
    let (net, tx) = (bench.net.clone(), bench.tx.clone());
    bench
        .drop_half_way(async move { net.lookup(&tx, "example.org", options).await })
        .await;
    let queries = bench.seen().queries;
    assert_eq!(queries.len(), 2);
    assert!(
        queries
            .iter()
            .all(|query| query.failure == Some(FailureCode::INTERRUPTED))
    );
}
