//! Resource records: what an answer says.

use super::{QueryType, presentation};
use bytes::Bytes;
use hickory_proto::{
    rr::{
        self, RData, Record as Decoded,
        rdata::{
            SVCB,
            svcb::{SvcParamKey, SvcParamValue},
        },
    },
    serialize::binary::{BinEncodable, BinEncoder, NameEncoding},
};
use netsonde_data::observation;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A record of class IN in the answer section of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose record it is, with its trailing dot.
    pub name: String,
    /// Its type.
    pub kind: QueryType,
    /// Time to live, in seconds.
    pub ttl: u32,
    /// The data in presentation format (RFC 1035, section 5, and RFC 3597 for types without one).
    pub presentation: String,
    /// The data as bytes, names in it uncompressed.
    pub rdata: Bytes,
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
    /// An HTTPS or SVCB record.
    Service(Box<Service>),
    /// Any other record.
    Other,
}

/// How to reach a service: an HTTPS or SVCB record (RFC 9460).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Zero for an alias of `target`, otherwise the lower the better.
    pub priority: u16,
    /// Where the service is, with its trailing dot; `.` stands for the record's own name.
    pub target: String,
    /// The protocols it speaks.
    pub alpn: Vec<String>,
    /// Its port, where that is not the usual one.
    pub port: Option<u16>,
    /// Its IPv4 addresses, as a hint.
    pub ipv4_hints: Vec<Ipv4Addr>,
    /// Its IPv6 addresses, as a hint.
    pub ipv6_hints: Vec<Ipv6Addr>,
    /// The configuration list for Encrypted Client Hello (RFC 9849), with its length in front; empty without one.
    pub ech: Vec<u8>,
    /// The numbers and values, on the wire, of all other parameters.
    pub others: Vec<(u16, Vec<u8>)>,
}

impl Record {
    pub(super) fn new(decoded: &Decoded) -> Self {
        let data = match &decoded.data {
            RData::A(address) => Data::Address(address.0.into()),
            RData::AAAA(address) => Data::Address(address.0.into()),
            RData::CNAME(target) => Data::Cname(target.0.to_ascii()),
            RData::HTTPS(service) => Data::Service(Box::new(Service::new(&service.0))),
            RData::SVCB(service) => Data::Service(Box::new(Service::new(service))),
            _ => Data::Other,
        };
        let rdata = bytes(&decoded.data);
        Self {
            name: decoded.name.to_ascii(),
            kind: decoded.record_type().into(),
            ttl: decoded.ttl,
            presentation: presentation::of(&decoded.data, &rdata),
            rdata,
            data,
        }
    }

    /// The record as `answers` has it.
    pub(super) fn archived(&self) -> observation::Answer {
        let ttl = Some(self.ttl);
        match &self.data {
            Data::Address(address) => observation::Answer::address(*address, ttl),
            Data::Cname(target) => observation::Answer::cname(target, ttl),
            Data::Service(_) | Data::Other => {
                observation::Answer::other(&self.kind.to_string(), &self.presentation, ttl)
            }
        }
    }
}

impl Service {
    fn new(decoded: &SVCB) -> Self {
        let mut service = Self {
            priority: decoded.svc_priority,
            target: decoded.target_name.to_ascii(),
            ..Self::default()
        };
        for (key, value) in &decoded.svc_params {
            match value {
                SvcParamValue::Alpn(alpn) => service.alpn.clone_from(&alpn.0),
                SvcParamValue::Port(port) => service.port = Some(*port),
                SvcParamValue::Ipv4Hint(hints) => {
                    service.ipv4_hints = hints.0.iter().map(|hint| hint.0).collect();
                }
                SvcParamValue::Ipv6Hint(hints) => {
                    service.ipv6_hints = hints.0.iter().map(|hint| hint.0).collect();
                }
                SvcParamValue::EchConfigList(list) => service.ech.clone_from(&list.0),
                SvcParamValue::Mandatory(_) | SvcParamValue::NoDefaultAlpn | SvcParamValue::Unknown(_) => {
                    // The library writes the length in front.
                    let value = bytes(value).get(2..).unwrap_or_default().to_vec();
                    service.others.push((number(*key), value));
                }
            }
        }
        service
    }
}

fn number(key: SvcParamKey) -> u16 {
    key.into()
}

/// Something in wire format. What was decoded can be encoded.
fn bytes(what: &impl BinEncodable) -> Bytes {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    match what.emit(&mut encoder) {
        Ok(()) => bytes.into(),
        Err(_) => Bytes::new(),
    }
}

/// The name that holds the PTR records of an address.
pub(super) fn reverse_name(address: IpAddr) -> String {
    rr::Name::from(address)
        .to_ascii()
        .trim_end_matches('.')
        .to_owned()
}
