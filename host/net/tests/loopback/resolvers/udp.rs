//! Resolvers over UDP, and who answers in their place.

use super::{ask, asking, reply};
use crate::support::Bench;
use hickory_proto::op::{Message, MessageType, ResponseCode};
use netsonde_data::FailureCode;
use netsonde_net::dns::{LookupOptions, QueryType, Resolver};
use std::{collections::HashSet, net::SocketAddr, time::Duration};
use tokio::net::UdpSocket;

/// A resolver over UDP that sends all these replies, one after the other.
async fn sending(replies: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((count, client)) = socket.recv_from(&mut buffer).await {
            for reply in replies(&buffer[..count]) {
                socket.send_to(&reply, client).await.unwrap();
            }
        }
    });
    address
}

/// What a censor sends: the name does not exist.
fn injected(query: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(query).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.metadata.response_code = ResponseCode::NXDomain;
    message.to_vec().unwrap()
}

#[tokio::test]
async fn the_injected_answer_and_the_true_one_are_both_seen() {
    let bench = Bench::new();
    let resolver = sending(|query| {
        let mut forged = reply(query);
        forged[1] ^= 1;
        vec![injected(query), reply(query), forged, b"junk".to_vec()]
    })
    .await;
    let options = LookupOptions {
        query_types: vec![QueryType::A],
        collect: Some(Duration::from_millis(500)),
        ..asking(Resolver::Udp(resolver))
    };
    let answer = ask(&bench, options).await;
    assert_eq!(
        answer.failure.as_ref().unwrap().code,
        FailureCode::DNS_NXDOMAIN_ERROR
    );
    assert!(answer.addresses.is_empty());
    let late: Vec<_> = answer.replies.iter().filter(|reply| reply.is_late).collect();
    assert_eq!((answer.replies.len(), late.len()), (4, 3));
    assert!(late.iter().all(|reply| reply.source == Some(resolver)));
    assert!(late[0].t >= answer.replies[0].t);
    let seen = bench.seen();
    assert_eq!((seen.queries.len(), seen.queries[0].rcode), (1, 3));
    let late = &seen.x_dns_duplicate_responses;
    assert_eq!(late[0].failure, None);
    assert_eq!(late[0].answers[0].ipv4.as_deref(), Some("1.2.3.4"));
    assert_eq!(
        (late[0].transaction_id, late[0].tags.clone()),
        (1, vec!["tag".to_owned()])
    );
    assert_eq!(late[1].failure, Some(FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID));
    assert!(late[2].failure.as_ref().unwrap().is_unknown());
    assert!(bench.events("read").iter().all(|event| event.failure.is_none()));
}

#[tokio::test]
async fn nobody_listens_longer_than_asked() {
    let bench = Bench::new();
    let resolver = sending(|query| vec![reply(query), reply(query)]).await;
    let answer = ask(&bench, asking(Resolver::Udp(resolver))).await;
    assert_eq!(answer.replies.len(), 2);
    assert!(bench.seen().x_dns_duplicate_responses.is_empty());
}

#[tokio::test]
async fn a_lookup_can_end_while_somebody_still_listens() {
    let bench = Bench::new();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        let (count, client) = socket.recv_from(&mut buffer).await.unwrap();
        let query = &buffer[..count];
        socket.send_to(&injected(query), client).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        socket.send_to(&reply(query), client).await.unwrap();
    });
    let options = LookupOptions {
        query_types: vec![QueryType::A],
        listen: Some(Duration::from_millis(900)),
        ..asking(Resolver::Udp(resolver))
    };
    let answer = ask(&bench, options).await;
    assert_eq!(answer.failure.unwrap().code, FailureCode::DNS_NXDOMAIN_ERROR);
    assert_eq!(answer.replies.len(), 1);
    assert!(
        bench.seen().x_dns_duplicate_responses.is_empty(),
        "the lookup waited for it"
    );
    bench.net.listened().await;
    let late = bench.seen().x_dns_duplicate_responses;
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].answers[0].ipv4.as_deref(), Some("1.2.3.4"));
    assert!(late[0].t > bench.seen().queries[0].t);
}

#[tokio::test]
async fn a_truncated_answer_is_not_asked_for_again() {
    let bench = Bench::new();
    let resolver = sending(|query| {
        let mut reply = Message::from_vec(&reply(query)).unwrap();
        reply.metadata.truncation = true;
        reply.answers.clear();
        vec![reply.to_vec().unwrap()]
    })
    .await;
    let answer = ask(&bench, asking(Resolver::Udp(resolver))).await;
    assert_eq!(answer.failure.unwrap().code, FailureCode::DNS_NO_ANSWER);
    let seen = bench.seen();
    assert!(seen.tcp_connect.is_empty());
    assert!(seen.queries.iter().all(|query| query.x_is_truncated
        && query.x_failure_detail.as_deref() == Some("the response is truncated")));
    assert_eq!(bench.events("write").len(), 2);
}

#[tokio::test]
async fn many_types_are_asked_for_at_once_with_ids_of_their_own() {
    let bench = Bench::new();
    let resolver = sending(|query| vec![reply(query)]).await;
    let types = ["A", "AAAA", "TXT", "CAA", "HTTPS", "NS", "MX", "SRV"];
    let options = LookupOptions {
        query_types: types.map(|name| name.parse().unwrap()).to_vec(),
        ..asking(Resolver::Udp(resolver))
    };
    let answer = ask(&bench, options).await;
    let ids: HashSet<_> = answer
        .replies
        .iter()
        .map(|reply| reply.raw.as_ref().unwrap()[..2].to_vec())
        .collect();
    assert_eq!(ids.len(), types.len());
}

#[tokio::test]
async fn any_type_can_be_asked_for_and_an_address_for_its_name() {
    let bench = Bench::new();
    let resolver = sending(|query| vec![reply(query)]).await;
    let mut options = asking(Resolver::Udp(resolver));
    options.query_types = vec!["TXT".parse().unwrap()];
    let answer = ask(&bench, options.clone()).await;
    assert_eq!((answer.failure, answer.addresses.len()), (None, 0));
    let query = &bench.seen().queries[0];
    assert_eq!(
        (query.query_type.as_str(), query.answers[0].answer_type.as_str()),
        ("TXT", "TXT")
    );
    assert!(query.answers[0].x_data.as_ref().unwrap().contains("hello"));

    options.query_types = vec![QueryType::PTR];
    let answer = bench.net.ask(&bench.tx, "192.0.2.1", options).await.unwrap();
    assert_eq!(answer.failure.unwrap().code, FailureCode::DNS_NO_ANSWER);
    assert_eq!(bench.seen().queries[1].hostname, "1.2.0.192.in-addr.arpa");
}
