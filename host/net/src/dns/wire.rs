//! DNS messages, as bytes. Pure functions; nothing here panics, whatever the bytes.

use super::{
    QueryType,
    record::{Data, Record},
};
use bytes::Bytes;
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RecordType, rdata::opt::EdnsOption},
};
use netsonde_data::{failure::FailureCode, observation};
use std::net::IpAddr;
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// How much UDP payload a query with EDNS says that we take.
const MAX_PAYLOAD: u16 = 4096;
/// Queries over encrypted transports have a multiple of this many bytes (RFC 8467, section 4.1).
const PADDING_BLOCK: usize = 128;
/// The EDNS option that pads (RFC 7830).
const PADDING: u16 = 12;

/// What goes into a query beside the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Plain,
    /// EDNS with the DNSSEC OK bit, padded to a multiple of 128 bytes: what OONI sends over encrypted transports.
    Padded,
}

/// A response, as far as a lookup needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The response code, with the bits that EDNS adds.
    pub rcode: u16,
    /// Whether the server left something out because it did not fit (TC).
    pub is_truncated: bool,
    /// The records of class IN in the answer section, in its order.
    pub records: Vec<Record>,
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
pub fn encode_query(id: u16, domain: &str, query_type: QueryType, form: Form) -> Result<Vec<u8>, String> {
    let mut name = Name::from_ascii(domain).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, query_type.record_type()));
    if form == Form::Padded {
        let mut edns = Edns::new();
        edns.set_max_payload(MAX_PAYLOAD).set_dnssec_ok(true);
        edns.options_mut()
            .insert(EdnsOption::Unknown(PADDING, Vec::new()));
        message.set_edns(edns.clone());
        let length = message.to_vec().map_err(|error| error.to_string())?.len();
        let padding = vec![0; length.next_multiple_of(PADDING_BLOCK) - length];
        edns.options_mut().remove(PADDING.into());
        edns.options_mut().insert(EdnsOption::Unknown(PADDING, padding));
        message.set_edns(edns);
    }
    message.to_vec().map_err(|error| error.to_string())
}

/// The id of a message.
pub fn id(message: &[u8]) -> Option<u16> {
    message.first_chunk().copied().map(u16::from_be_bytes)
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
    let records = message.answers.iter();
    let records = records.filter(|record| record.dns_class == DNSClass::IN);
    Ok(Response {
        rcode: message.metadata.response_code.into(),
        is_truncated: message.metadata.truncation,
        records: records.map(Record::new).collect(),
    })
}

impl Response {
    /// Why this response is no answer to a query of this type, if it is none.
    pub fn failure(&self, query_type: QueryType) -> Option<FailureCode> {
        match self.rcode {
            0 if self.answers(query_type).next().is_some() => None,
            0 => Some(FailureCode::DNS_NO_ANSWER),
            2 => Some(FailureCode::DNS_SERVFAIL_ERROR),
            3 => Some(FailureCode::DNS_NXDOMAIN_ERROR),
            5 => Some(FailureCode::DNS_REFUSED_ERROR),
            _ => Some(FailureCode::DNS_SERVER_MISBEHAVING),
        }
    }

    /// What the failure string leaves out.
    pub(super) fn detail(&self) -> Option<String> {
        match (self.rcode, self.is_truncated) {
            (0, true) => Some("the response is truncated".to_owned()),
            (0 | 2 | 3 | 5, _) => None,
            // The number has two meanings, and the other is for signed messages (TSIG).
            (16, _) => Some("rcode 16: Bad option versions".to_owned()),
            (rcode, _) => {
                // EDNS has the upper eight of twelve bits.
                let [high, low] = (rcode << 4).to_be_bytes();
                Some(format!("rcode {rcode}: {}", ResponseCode::from(high, low >> 4)))
            }
        }
    }

    /// The records of the type that was asked for.
    fn answers(&self, query_type: QueryType) -> impl Iterator<Item = &Record> {
        let is_any = query_type.record_type() == RecordType::ANY;
        let records = self.records.iter();
        records.filter(move |record| is_any || record.kind == query_type)
    }

    /// The addresses among the records of the type that was asked for.
    pub fn addresses(&self, query_type: QueryType) -> impl Iterator<Item = IpAddr> {
        self.answers(query_type).filter_map(|record| match record.data {
            Data::Address(address) => Some(address),
            _ => None,
        })
    }

    /// The targets of the CNAME records, in the order of the answer, without their trailing dots.
    pub fn cname_chain(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.records.iter().filter_map(|record| match &record.data {
            Data::Cname(target) => Some(target.trim_end_matches('.')),
            _ => None,
        })
    }

    /// The end of the chain of canonical names, without its trailing dot.
    pub fn cname(&self) -> Option<String> {
        self.cname_chain().next_back().map(ToOwned::to_owned)
    }

    /// The records as `answers` has them.
    pub(super) fn archived(&self) -> Vec<observation::Answer> {
        self.records.iter().map(Record::archived).collect()
    }
}

/// Messages on a stream, each with its length in front (RFC 1035, section 4.2.2).
#[derive(Debug)]
pub struct Frames {
    codec: LengthDelimitedCodec,
    buffer: bytes::BytesMut,
}

impl Default for Frames {
    fn default() -> Self {
        let codec = LengthDelimitedCodec::builder()
            .length_field_type::<u16>()
            .new_codec();
        Self {
            codec,
            buffer: bytes::BytesMut::new(),
        }
    }
}

impl Frames {
    /// A message with its length in front; `None` if it is too long for that.
    pub fn encode(message: &[u8]) -> Option<Bytes> {
        let mut frames = Self::default();
        frames.codec.encode(message, &mut frames.buffer).ok()?;
        Some(frames.buffer.freeze())
    }

    /// Take what came off the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message that is complete.
    pub fn pop(&mut self) -> Option<Bytes> {
        // No length that fits two bytes is too long for the codec.
        self.codec
            .decode(&mut self.buffer)
            .ok()
            .flatten()
            .map(bytes::BytesMut::freeze)
    }
}

#[cfg(test)]
mod tests;
