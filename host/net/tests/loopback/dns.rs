//! Lookups.

use crate::support::{Bench, code};
use netsonde_data::FailureCode;
use netsonde_net::{
    NetError,
    dns::{LookupOptions, QueryType, Resolver},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::net::UdpSocket;

/// A resolver that answers a query with whatever `answer` makes of it; nothing if it makes nothing.
async fn resolver(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((count, client)) = socket.recv_from(&mut buffer).await {
            if let Some(reply) = answer(&buffer[..count]) {
                socket.send_to(&reply, client).await.unwrap();
            }
        }
    });
    address
}

/// The reply to `query` with this rcode and these records (type and data) of the name that was asked for.
fn reply(query: &[u8], rcode: u8, records: &[(u8, &[u8])]) -> Vec<u8> {
    let mut reply = query.to_vec();
    reply[2] = 0x81;
    reply[3] = 0x80 | rcode;
    reply[7] = u8::try_from(records.len()).unwrap();
    for (kind, data) in records {
        reply.extend([
            0xc0,
            0x0c,
            0,
            *kind,
            0,
            1,
            0,
            0,
            0,
            60,
            0,
            u8::try_from(data.len()).unwrap(),
        ]);
        reply.extend(*data);
    }
    reply
}

fn is_aaaa(query: &[u8]) -> bool {
    query[query.len() - 3] == 28
}

fn through(resolver: SocketAddr) -> LookupOptions {
    LookupOptions {
        resolver: Resolver::Udp(resolver),
        ..LookupOptions::default()
    }
}

/// A resolver that knows both addresses of every name.
async fn knowing() -> SocketAddr {
    resolver(|query| {
        let v6 = "2606:4700::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
        Some(if is_aaaa(query) {
            reply(query, 0, &[(28, &v6)])
        } else {
            reply(query, 0, &[(1, &[1, 2, 3, 4])])
        })
    })
    .await
}

#[tokio::test]
async fn both_families_are_asked_for_at_once() {
    let bench = Bench::new();
    let resolver = knowing().await;
    let answer = bench
        .net
        .lookup(&bench.tx, "example.org", through(resolver))
        .await
        .unwrap();
    assert_eq!(
        answer.addresses,
        ["1.2.3.4", "2606:4700::1"].map(|text| text.parse::<IpAddr>().unwrap())
    );
    assert_eq!(answer.raw_responses().count(), 2);
    let seen = bench.seen();
    let mut types: Vec<_> = seen
        .queries
        .iter()
        .map(|query| query.query_type.as_str())
        .collect();
    types.sort_unstable();
    assert_eq!(types, ["A", "AAAA"]);
    for query in &seen.queries {
        assert_eq!(
            (query.engine.as_str(), query.hostname.as_str()),
            ("udp", "example.org")
        );
        assert_eq!(
            (query.resolver_address.clone(), query.failure.clone()),
            (resolver.to_string(), None)
        );
        assert_eq!((query.answers.len(), query.transaction_id), (1, 1));
        assert!(!query.raw_response.is_empty() && query.t0 < query.t);
    }
    let (a, b) = (&seen.queries[0], &seen.queries[1]);
    assert!(a.t0 < b.t && b.t0 < a.t, "they overlap: {a:?} {b:?}");
    let operations: Vec<_> = seen
        .network_events
        .iter()
        .map(|event| event.operation.as_str())
        .collect();
    assert_eq!(
        (operations.first(), operations.last()),
        (Some(&"resolve_start"), Some(&"resolve_done"))
    );
    assert_eq!((bench.events("write").len(), bench.events("read").len()), (2, 2));
    let marks = seen
        .network_events
        .iter()
        .filter(|event| event.operation.starts_with("resolve"));
    assert!(
        marks
            .clone()
            .all(|event| event.address.is_empty() && event.proto.is_empty())
    );
    assert_eq!(bench.net.meter().used().queries, 2);
}

#[tokio::test]
async fn one_family_is_enough() {
    let bench = Bench::new();
    let resolver = resolver(|query| {
        Some(if is_aaaa(query) {
            reply(query, 2, &[])
        } else {
            reply(query, 0, &[(1, &[1, 2, 3, 4])])
        })
    });
    let answer = bench
        .net
        .lookup(&bench.tx, "example.org", through(resolver.await))
        .await
        .unwrap();
    assert_eq!(answer.addresses.len(), 1);
    let failures: Vec<_> = bench
        .seen()
        .queries
        .into_iter()
        .filter_map(|query| query.failure)
        .collect();
    assert_eq!(failures, [FailureCode::DNS_SERVFAIL_ERROR]);
}

#[tokio::test]
async fn if_both_fail_the_first_one_speaks() {
    let bench = Bench::new();
    let resolver = resolver(|query| Some(reply(query, if is_aaaa(query) { 5 } else { 3 }, &[]))).await;
    let error = bench
        .net
        .lookup(&bench.tx, "example.org", through(resolver))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "look up example.org: dns_nxdomain_error");
    let seen = bench.seen();
    let mut rcodes: Vec<_> = seen.queries.iter().map(|query| query.rcode).collect();
    rcodes.sort_unstable();
    assert_eq!(rcodes, [3, 5]);
    assert!(seen.queries.iter().all(|query| !query.raw_response.is_empty()));
    assert_eq!(seen.network_events.last().unwrap().operation, "resolve_done");
    assert_eq!(seen.network_events.last().unwrap().failure, None);
}

#[tokio::test]
async fn an_answer_without_addresses_is_none() {
    let bench = Bench::new();
    let resolver = resolver(|query| Some(reply(query, 0, &[(5, b"\x01e\0")]))).await;
    let result = bench
        .net
        .lookup(&bench.tx, "example.org", through(resolver))
        .await;
    assert_eq!(code(result), FailureCode::DNS_NO_ANSWER);
    assert_eq!(bench.seen().queries[0].answers[0].hostname.as_deref(), Some("e."));
}

#[tokio::test]
async fn the_first_datagram_decides_even_with_another_id() {
    let bench = Bench::new();
    let resolver = resolver(|query| {
        let mut reply = reply(query, 0, &[(1, &[1, 2, 3, 4])]);
        reply[0] ^= 1;
        Some(reply)
    });
    let options = LookupOptions {
        query_types: vec![QueryType::A],
        ..through(resolver.await)
    };
    let result = bench.net.lookup(&bench.tx, "example.org", options).await;
    assert_eq!(code(result), FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID);
    assert!(!bench.seen().queries[0].raw_response.is_empty());
}

#[tokio::test]
async fn silence_ends_at_our_deadline() {
    let bench = Bench::new();
    let options = LookupOptions {
        timeout: Some(Duration::from_millis(100)),
        ..through(resolver(|_| None).await)
    };
    let result = bench.net.lookup(&bench.tx, "example.org", options).await;
    assert_eq!(code(result), FailureCode::GENERIC_TIMEOUT_ERROR);
    let seen = bench.seen();
    assert!(
        seen.queries
            .iter()
            .all(|query| (0.1..2.0).contains(&(query.t - query.t0)))
    );
    assert!(
        bench
            .events("read")
            .iter()
            .all(|event| event.failure == Some(FailureCode::GENERIC_TIMEOUT_ERROR))
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_resolver_that_is_not_there_refuses() {
    let bench = Bench::new();
    let gone = UdpSocket::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let result = bench.net.lookup(&bench.tx, "example.org", through(gone)).await;
    assert_eq!(code(result), FailureCode::CONNECTION_REFUSED);
}

#[tokio::test]
async fn a_dropped_lookup_is_interrupted_in_each_query() {
    let bench = Bench::new();
    let options = through(resolver(|_| None).await);
    let (net, tx) = (bench.net.clone(), bench.tx.clone());
    bench
        .drop_half_way(async move { net.lookup(&tx, "example.org", options).await })
        .await;
    let seen = bench.seen();
    assert_eq!(seen.queries.len(), 2);
    assert!(
        seen.queries
            .iter()
            .all(|query| query.failure == Some(FailureCode::INTERRUPTED))
    );
    assert_eq!(bench.events("resolve_done").len(), 1);
}

#[tokio::test]
async fn a_name_that_is_none_fails_without_a_query_on_the_wire() {
    let bench = Bench::new();
    let result = bench
        .net
        .lookup(&bench.tx, &"a".repeat(70), through(knowing().await))
        .await;
    assert!(code(result).is_unknown());
    assert!(bench.events("write").is_empty());
}

#[tokio::test]
async fn to_ask_for_nothing_makes_no_sense() {
    let bench = Bench::new();
    let options = LookupOptions {
        query_types: vec![],
        ..through(knowing().await)
    };
    let result = bench.net.lookup(&bench.tx, "example.org", options).await;
    assert_eq!(code(result), FailureCode::INVALID_ARGUMENT);
}

#[tokio::test]
async fn an_address_is_its_own_answer() {
    let bench = Bench::new();
    let answer = bench
        .net
        .lookup(&bench.tx, "1.2.3.4", LookupOptions::default())
        .await
        .unwrap();
    assert_eq!(answer.addresses, ["1.2.3.4".parse::<IpAddr>().unwrap()]);
    assert!(bench.seen().queries.is_empty());
    assert_eq!(bench.net.meter().used().queries, 0);
}

#[tokio::test]
async fn the_system_is_one_query_of_any_type() {
    let bench = Bench::new();
    let answer = bench
        .net
        .lookup(&bench.tx, "localhost", LookupOptions::default())
        .await
        .unwrap();
    assert!(answer.addresses.iter().all(IpAddr::is_loopback));
    let seen = bench.seen();
    let query = &seen.queries[0];
    assert_eq!(
        (query.engine.as_str(), query.query_type.as_str()),
        ("getaddrinfo", "ANY")
    );
    assert_eq!(
        (query.resolver_address.as_str(), query.getaddrinfo_error),
        ("", 0)
    );
    assert!(
        query
            .answers
            .iter()
            .any(|answer| answer.answer_type == "A" || answer.answer_type == "AAAA")
    );
    assert!(query.answers.iter().any(|answer| answer.answer_type == "CNAME"));
}

#[tokio::test]
async fn a_name_that_can_not_be_handed_over_fails() {
    let bench = Bench::new();
    let result = bench
        .net
        .lookup(&bench.tx, "a\0b", LookupOptions::default())
        .await;
    assert!(matches!(result, Err(NetError::Failed(_))), "{result:?}");
    assert!(bench.seen().queries[0].failure.is_some());
}
