//! Peers that mean harm, and callers that do: what they can make us hold, and what they can keep from others.

use crate::{
    resolvers::asking,
    support::{Bench, code, refusing, server},
};
use netsonde_data::FailureCode;
use netsonde_net::{
    Budget, Class, Destinations, NetConfig, NetError, Rules, Scope,
    dns::{LookupOptions, QueryType, Resolver},
};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A response of nearly 64 KiB, whose records take fifteen times as much where their names are written out.
fn bomb(query: &[u8]) -> Vec<u8> {
    let name = [[&[60][..], &[b'x'; 60]].concat().repeat(4), vec![0]].concat();
    let record = |rdata: &[u8]| {
        let length = u16::try_from(rdata.len()).unwrap().to_be_bytes();
        // The owner is the name in the question; NS, IN, 60 seconds.
        [&[0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60], &length[..], rdata].concat()
    };
    let mut bomb = query.to_vec();
    bomb[2] |= 0x80;
    bomb[6..8].copy_from_slice(&4_000_u16.to_be_bytes());
    let at = u16::try_from(bomb.len() + 12).unwrap() | 0xc000;
    bomb.extend(record(&name));
    bomb.extend(record(&at.to_be_bytes()).repeat(3_999));
    bomb
}

#[tokio::test]
async fn records_by_the_thousand_are_in_the_budget() {
    let bench = Bench::with_budget(Budget {
        observations: 9_000,
        ..Budget::default()
    });
    let address = server(|mut stream| async move {
        let length = stream.read_u16().await.unwrap();
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        let bomb = bomb(&query);
        assert!(bomb.len() > 50_000, "{}", bomb.len());
        stream.write_u16(bomb.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&bomb).await.unwrap();
    })
    .await;
    let mut lookups = 0;
    loop {
        let options = LookupOptions {
            query_types: vec!["NS".parse().unwrap()],
            ..asking(Resolver::Tcp(address))
        };
        match bench.net.ask(&bench.tx, "example.org", options).await {
            Ok(answer) => assert_eq!(answer.replies[0].response.as_ref().unwrap().records.len(), 4_000),
            Err(error) => {
                assert!(matches!(error, NetError::Exceeded(_)), "{error}");
                break;
            }
        }
        lookups += 1;
    }
    assert_eq!(lookups, 2);
    assert_eq!(
        bench.seen().queries.len(),
        3,
        "what came is written down all the same"
    );
}

#[tokio::test]
async fn a_lookup_may_ask_for_any_number_of_types() {
    let bench = Bench::new();
    let address = server(|mut stream| async move {
        let mut bytes = [0; 64];
        while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let options = LookupOptions {
        query_types: vec![QueryType::A; 300],
        timeout: Some(Duration::from_millis(100)),
        ..asking(Resolver::Tcp(address))
    };
    let answer = bench.net.ask(&bench.tx, "example.org", options).await.unwrap();
    assert_eq!(answer.replies.len(), 300);
    assert_eq!(answer.failure.unwrap().code, FailureCode::GENERIC_TIMEOUT_ERROR);
}

#[tokio::test]
async fn who_gives_up_waiting_keeps_nobody_waiting() {
    let rules = Rules {
        classes: [Class::Any].into(),
        allowed: [Scope::Loopback, Scope::Lan].into(),
        ..Rules::default()
    };
    let config = NetConfig {
        destinations: Destinations::Ruled(Box::new(rules)),
        ..NetConfig::default()
    };
    let bench = Bench::with(&config, Budget::default());
    let address = refusing().await;
    // The first fifty need not wait.
    for _ in 0..600 {
        let connecting = bench.net.connect(&bench.tx, address, None);
        let _ = tokio::time::timeout(Duration::ZERO, connecting).await;
    }
    let used = bench.net.meter().used();
    assert!(
        used.connections < 300,
        "most have waited for their turn: {used:?}"
    );
    assert!(
        used.connections + used.observations >= 600,
        "each counts for something: {used:?}"
    );
    assert_eq!(bench.seen().tcp_connect.len(), 600);
    let begun = Instant::now();
    let refused = bench.net.connect(&bench.tx, address, None).await;
    assert_eq!(code(refused), FailureCode::CONNECTION_REFUSED);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
