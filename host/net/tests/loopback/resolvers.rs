//! Lookups over TCP, TLS, HTTPS and QUIC, and replies over UDP that come late: one file a transport.
//!
//! The servers are other libraries': hickory's codec over tokio-rustls, hyper and quinn.

mod https;
mod quic;
mod tcp;
mod tls;
mod udp;

use crate::support::Bench;
use hickory_proto::{
    op::{Message, MessageType},
    rr::{RData, Record, RecordType, rdata},
};
use netsonde_data::FailureCode;
use netsonde_net::dns::{Answer, LookupOptions, Resolver};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The reply of a good resolver: an address of each family, and a text.
pub(crate) fn reply(query: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(query).unwrap();
    message.metadata.message_type = MessageType::Response;
    message.edns = None;
    let question = message.queries[0].clone();
    let data = match question.query_type() {
        RecordType::A => RData::A(rdata::A::new(1, 2, 3, 4)),
        RecordType::AAAA => RData::AAAA(rdata::AAAA::new(0x2606, 0x4700, 0, 0, 0, 0, 0, 1)),
        _ => RData::TXT(rdata::TXT::new(vec!["hello".to_owned()])),
    };
    message.add_answer(Record::from_rdata(question.name().clone(), 60, data));
    message.to_vec().unwrap()
}

/// A resolver on a stream: answers all queries that have come, the last one first.
async fn answer_backwards(mut stream: impl AsyncRead + AsyncWrite + Unpin, count: usize) {
    let mut queries = Vec::new();
    for _ in 0..count {
        let Ok(length) = stream.read_u16().await else {
            return;
        };
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        queries.push(query);
    }
    for query in queries.into_iter().rev() {
        let reply = reply(&query);
        stream.write_u16(reply.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&reply).await.unwrap();
    }
}

pub(crate) fn asking(resolver: Resolver) -> LookupOptions {
    LookupOptions {
        resolver,
        timeout: Some(Duration::from_secs(10)),
        ..LookupOptions::default()
    }
}

pub(crate) async fn ask(bench: &Bench, options: LookupOptions) -> Answer {
    bench.net.ask(&bench.tx, "example.org", options).await.unwrap()
}

pub(crate) fn addresses(answer: &Answer) -> Vec<String> {
    answer.addresses.iter().map(ToString::to_string).collect()
}

const BOTH: [&str; 2] = ["1.2.3.4", "2606:4700::1"];

/// Every query failed like this, and was observed with this engine, address and detail.
fn all_failed(bench: &Bench, engine: &str, resolver: &str, failure: &FailureCode, detail: Option<&str>) {
    let queries = bench.seen().queries;
    assert_eq!(queries.len(), 2);
    for query in queries {
        assert_eq!(
            (query.engine.as_str(), query.resolver_address.as_str()),
            (engine, resolver)
        );
        assert_eq!(query.failure.as_ref(), Some(failure));
        assert_eq!(query.x_failure_detail.as_deref(), detail);
        assert!(query.answers.is_empty());
    }
}
