//! `queries` (df-002).

use super::{failure, is_zero, null_as_default, null_when_empty};
use crate::{FailureCode, binary::base64_text};
use serde::{Deserialize, Serialize};

/// One query and its answer. A getaddrinfo lookup is one query of type `ANY`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// The records of the answer; `null` when there are none.
    #[serde(serialize_with = "null_when_empty", deserialize_with = "null_as_default")]
    pub answers: Vec<Answer>,
    /// How the name was looked up: `getaddrinfo`, `udp`, `tcp`, `dot`, `doh`; and `doq`, which OONI does not have.
    pub engine: String,
    /// Why it failed.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<FailureCode>,
    /// The return code of getaddrinfo, where it is not zero.
    #[serde(skip_serializing_if = "is_zero")]
    pub getaddrinfo_error: i64,
    /// The name that was looked up.
    pub hostname: String,
    /// `A`, `AAAA`, `ANY`, …
    pub query_type: String,
    /// The answer as it came off the wire.
    #[serde(with = "base64_text", skip_serializing_if = "Vec::is_empty")]
    pub raw_response: Vec<u8>,
    /// The answer's rcode, where it is not zero.
    #[serde(skip_serializing_if = "is_zero")]
    pub rcode: i64,
    /// Always `null` today.
    pub resolver_hostname: Option<String>,
    /// Always `null` today.
    pub resolver_port: Option<u16>,
    /// The resolver: `ip:port` for `udp` and `tcp`, `name:port` for `dot` and `doq`, the URL for `doh`; empty for
    /// getaddrinfo.
    #[serde(deserialize_with = "null_as_default")]
    pub resolver_address: String,
    /// When the query began.
    #[serde(skip_serializing_if = "is_zero")]
    pub t0: f64,
    /// When it ended.
    pub t: f64,
    /// The transaction's tags.
    #[serde(deserialize_with = "null_as_default")]
    pub tags: Vec<String>,
    /// The transaction.
    #[serde(skip_serializing_if = "is_zero")]
    pub transaction_id: u64,
    /// What the failure string leaves out: the rcode, the HTTP status, what is malformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_failure_detail: Option<String>,
    /// Which of its transports an engine used, where it has several: `doh` or `doh3` (over HTTP/3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_transport: Option<String>,
    /// Whether the resolver left something out because it did not fit (TC).
    #[serde(skip_serializing_if = "is_zero")]
    pub x_is_truncated: bool,
}

/// One record of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The number of the autonomous system that holds the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<i64>,
    /// The organisation that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_org_name: Option<String>,
    /// `A`, `AAAA`, `CNAME`; netsonde's data has all other types too.
    pub answer_type: String,
    /// The target of a CNAME.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The address of an A record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<String>,
    /// The address of an AAAA record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<String>,
    /// Time to live in seconds; `null` where it is not known.
    pub ttl: Option<u32>,
    /// The data of a record of any other type, in presentation format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_data: Option<String>,
}

impl Answer {
    /// An A or AAAA record.
    pub fn address(address: std::net::IpAddr, ttl: Option<u32>) -> Self {
        let text = address.to_string();
        if address.is_ipv4() {
            Self {
                answer_type: "A".to_owned(),
                ipv4: Some(text),
                ttl,
                ..Self::default()
            }
        } else {
            Self {
                answer_type: "AAAA".to_owned(),
                ipv6: Some(text),
                ttl,
                ..Self::default()
            }
        }
    }

    /// A CNAME record.
    pub fn cname(target: &str, ttl: Option<u32>) -> Self {
        Self {
            answer_type: "CNAME".to_owned(),
            hostname: Some(target.to_owned()),
            ttl,
            ..Self::default()
        }
    }

    /// A record of a type that OONI's format has no place for.
    pub fn other(answer_type: &str, data: &str, ttl: Option<u32>) -> Self {
        Self {
            answer_type: answer_type.to_owned(),
            x_data: Some(data.to_owned()),
            ttl,
            ..Self::default()
        }
    }
}
