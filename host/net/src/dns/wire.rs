//! DNS messages, as bytes. Pure functions; nothing here panics, whatever the bytes.

use super::QueryType;
use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{DNSClass, Name, RData, RecordType},
};
use netsonde_data::{failure::FailureCode, observation};
use std::net::IpAddr;

/// A response, as far as a lookup needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The response code.
    pub rcode: u16,
    /// The addresses and canonical names of the answer section, in its order.
    pub records: Vec<Record>,
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Time to live, in seconds.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An A or AAAA record.
    Address(IpAddr),
    /// A CNAME record: the target, with its trailing dot.
    Cname(String),
}

/// Why bytes are not the response to a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// They are no DNS message.
    #[error("dns: malformed response: {0}")]
    Malformed(String),
    /// They are a query.
    #[error("dns: expected a response and received a query")]
    NotAResponse,
    /// They answer another query, or are forged.
    #[error("dns: the response has id {received}, the query had {expected}")]
    WrongId {
        /// The id of the query.
        expected: u16,
        /// The id of the response.
        received: u16,
    },
}

impl ResponseError {
    /// The OONI failure string.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::WrongId { .. } => FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID,
            Self::Malformed(_) | Self::NotAResponse => FailureCode::unknown(self.to_string()),
        }
    }
}

/// A query for one record type of `domain`, recursion desired. The error says what is wrong with the name.
pub fn encode_query(id: u16, domain: &str, query_type: QueryType) -> Result<Vec<u8>, String> {
    let mut name = Name::from_ascii(domain).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let record_type = match query_type {
        QueryType::A => RecordType::A,
        QueryType::Aaaa => RecordType::AAAA,
    };
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, record_type));
    message.to_vec().map_err(|error| error.to_string())
}

/// Read the response to the query with this id.
pub fn decode_response(bytes: &[u8], id: u16) -> Result<Response, ResponseError> {
    let message = Message::from_vec(bytes).map_err(|error| ResponseError::Malformed(error.to_string()))?;
    if message.metadata.message_type != MessageType::Response {
        return Err(ResponseError::NotAResponse);
    }
    if message.metadata.id != id {
        return Err(ResponseError::WrongId {
            expected: id,
            received: message.metadata.id,
        });
    }
    let records = message
        .answers
        .iter()
        .filter(|record| record.dns_class == DNSClass::IN);
    let records = records.filter_map(|record| {
        let data = match &record.data {
            RData::A(address) => Data::Address(address.0.into()),
            RData::AAAA(address) => Data::Address(address.0.into()),
            RData::CNAME(target) => Data::Cname(target.0.to_ascii()),
            _ => return None,
        };
        Some(Record {
            ttl: record.ttl,
            data,
        })
    });
    Ok(Response {
        rcode: message.metadata.response_code.into(),
        records: records.collect(),
    })
}

impl Response {
    /// Why this response is no answer to a query of this type, if it is none.
    pub fn failure(&self, query_type: QueryType) -> Option<FailureCode> {
        match self.rcode {
            0 if self.addresses(query_type).next().is_some() => None,
            0 => Some(FailureCode::DNS_NO_ANSWER),
            2 => Some(FailureCode::DNS_SERVFAIL_ERROR),
            3 => Some(FailureCode::DNS_NXDOMAIN_ERROR),
            5 => Some(FailureCode::DNS_REFUSED_ERROR),
            _ => Some(FailureCode::DNS_SERVER_MISBEHAVING),
        }
    }

    /// The addresses of the family that was asked for.
    pub fn addresses(&self, query_type: QueryType) -> impl Iterator<Item = IpAddr> {
        self.records.iter().filter_map(move |record| match record.data {
            Data::Address(address) if address.is_ipv4() == (query_type == QueryType::A) => Some(address),
            Data::Address(_) | Data::Cname(_) => None,
        })
    }

    /// The end of the chain of canonical names, without its trailing dot.
    pub fn cname(&self) -> Option<String> {
        self.records.iter().rev().find_map(|record| match &record.data {
            Data::Cname(target) => Some(target.trim_end_matches('.').to_owned()),
            Data::Address(_) => None,
        })
    }

    /// The records as `answers` has them.
    pub(super) fn archived(&self) -> Vec<observation::Answer> {
        let archived = self.records.iter().map(|record| match &record.data {
            Data::Address(address) => observation::Answer::address(*address, Some(record.ttl)),
            Data::Cname(target) => observation::Answer::cname(target, Some(record.ttl)),
        });
        archived.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A response with id 1 to `A example.org`: a CNAME to `e.example.` and 1.2.3.4.
    const RESPONSE: &[u8] = b"\0\x01\x81\x80\0\x01\0\x02\0\0\0\0\x07example\x03org\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x0b\x01e\x07example\0\
        \x01e\x07example\0\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04";

    #[test]
    fn a_query_asks_recursively_for_one_type() {
        let query = encode_query(0x1234, "example.org", QueryType::Aaaa).unwrap();
        assert_eq!(
            query,
            b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x1c\0\x01"
        );
        assert!(encode_query(1, &"a".repeat(64), QueryType::A).is_err());
    }

    #[test]
    fn a_response_gives_addresses_and_the_canonical_name() {
        let response = decode_response(RESPONSE, 1).unwrap();
        assert_eq!(
            response.addresses(QueryType::A).collect::<Vec<_>>(),
            ["1.2.3.4".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(response.cname().as_deref(), Some("e.example"));
        assert_eq!(response.failure(QueryType::A), None);
        assert_eq!(
            response.failure(QueryType::Aaaa),
            Some(FailureCode::DNS_NO_ANSWER)
        );
    }

    #[test]
    fn another_id_a_query_and_garbage_are_told_apart() {
        let code = |bytes: &[u8], id| decode_response(bytes, id).unwrap_err().code();
        assert_eq!(code(RESPONSE, 2), FailureCode::DNS_REPLY_WITH_WRONG_QUERY_ID);
        let query = encode_query(1, "example.org", QueryType::A).unwrap();
        assert_eq!(
            decode_response(&query, 1).unwrap_err(),
            ResponseError::NotAResponse
        );
        assert!(
            code(b"garbage", 1)
                .as_str()
                .starts_with("unknown_failure: dns: malformed")
        );
    }

    #[test]
    fn response_codes_become_failures() {
        let code = |rcode| {
            Response {
                rcode,
                records: vec![],
            }
            .failure(QueryType::A)
            .unwrap()
        };
        assert_eq!(code(2), FailureCode::DNS_SERVFAIL_ERROR);
        assert_eq!(code(3), FailureCode::DNS_NXDOMAIN_ERROR);
        assert_eq!(code(5), FailureCode::DNS_REFUSED_ERROR);
        assert_eq!(code(4), FailureCode::DNS_SERVER_MISBEHAVING);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..RESPONSE.len()) {
            let _ = decode_response(&bytes, 1);
            let mut damaged = RESPONSE.to_vec();
            damaged.truncate(at);
            damaged.append(&mut bytes);
            let _ = decode_response(&damaged, 1);
        }
    }
}
