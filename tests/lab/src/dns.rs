//! DNS messages, as resolvers answer them and as the censor forges them.

use crate::scenario::Rcode;
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use std::net::IpAddr;

/// How long answers may be kept.
const TTL_SECONDS: u32 = 60;

/// A query with one question.
pub(crate) struct Question {
    message: Message,
    /// The name asked for: lower case, no final dot.
    pub(crate) name: String,
}

/// What is said about a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Statement<'a> {
    /// The canonical names passed on the way, if any, and the addresses and further records at its end.
    Known(&'a [&'a str], &'a [IpAddr], &'a [RData]),
    /// There is no such name.
    Nxdomain,
    /// There is no answer.
    Failed(Rcode),
}

impl Question {
    /// Reads a query; nothing when it is none, or asks several things.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let message = Message::from_bytes(message).ok()?;
        let [query] = message.queries.as_slice() else {
            return None;
        };
        if message.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut name = query.name().to_ascii().to_ascii_lowercase();
        if name.ends_with('.') {
            name.pop();
        }
        Some(Self { message, name })
    }

    /// Writes the answer that makes this statement.
    pub(crate) fn answer(&self, statement: Statement<'_>) -> Option<Vec<u8>> {
        let query = self.message.queries.first()?.clone();
        let mut answer = Message::response(self.message.metadata.id, self.message.metadata.op_code);
        answer.metadata.recursion_desired = self.message.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        let (canonical, addresses, records) = match statement {
            Statement::Known(canonical, addresses, records) => (canonical, addresses, records),
            Statement::Nxdomain | Statement::Failed(_) => (&[][..], &[][..], &[][..]),
        };
        answer.metadata.response_code = match statement {
            Statement::Known(..) => ResponseCode::NoError,
            Statement::Nxdomain => ResponseCode::NXDomain,
            Statement::Failed(Rcode::Servfail) => ResponseCode::ServFail,
            Statement::Failed(Rcode::Refused) => ResponseCode::Refused,
        };
        let mut owner = query.name().clone();
        for target in canonical {
            let target = Name::from_ascii(format!("{target}.")).ok()?;
            let link = RData::CNAME(CNAME(target.clone()));
            answer.add_answer(Record::from_rdata(owner, TTL_SECONDS, link));
            owner = target;
        }
        let addresses = addresses
            .iter()
            .filter_map(|address| match (query.query_type(), address) {
                (RecordType::A, IpAddr::V4(v4)) => Some(RData::A(A(*v4))),
                (RecordType::AAAA, IpAddr::V6(v6)) => Some(RData::AAAA(AAAA(*v6))),
                _ => None,
            });
        let records = records
            .iter()
            .filter(|record| record.record_type() == query.query_type())
            .cloned();
        for data in addresses.chain(records) {
            answer.add_answer(Record::from_rdata(owner.clone(), TTL_SECONDS, data));
        }
        answer.add_query(query);
        answer.to_bytes().ok()
    }
}
