//! What the probe saw, one record a step, in the shapes of ooni/spec's data formats.
//!
//! Everything here is in the "step" dialect: `t0` and `t` in seconds since the measurement began, a
//! `transaction_id`, `tags` as a list. As in the reference, a value of zero is left out where the format marks the
//! key as optional (`t0`, `transaction_id`, `num_bytes`, `rcode`). Reading is lenient: older dialects, with `null`
//! for a missing list or text, are understood, so that data of others can go through the same code.

mod dns;
mod event;
mod http;
mod icmp;
mod tcp;
mod tcp_info;
mod tls;

pub use dns::{Answer, Query};
pub use event::NetworkEvent;
pub use http::{HeadersList, HttpRequest, HttpResponse, HttpTransaction, Tor, canonical_header_name};
pub use icmp::Icmp;
pub use tcp::{TcpConnect, TcpStatus};
pub use tcp_info::TcpInfo;
pub use tls::TlsHandshake;

use crate::FailureCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Everything that was observed, by the test keys that hold it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observations {
    /// Name lookups (df-002), in the order they ended.
    #[serde(deserialize_with = "null_as_default")]
    pub queries: Vec<Query>,
    /// Replies to queries that had been answered already, in the shape of queries, in the order they came. OONI's
    /// `web_connectivity` has this key. Left out when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub x_dns_duplicate_responses: Vec<Query>,
    /// TCP connects (df-005), in the order they ended.
    #[serde(deserialize_with = "null_as_default")]
    pub tcp_connect: Vec<TcpConnect>,
    /// TLS handshakes (df-006), in the order they ended.
    #[serde(deserialize_with = "null_as_default")]
    pub tls_handshakes: Vec<TlsHandshake>,
    /// QUIC handshakes (the shape of df-006), in the order they ended.
    #[serde(deserialize_with = "null_as_default")]
    pub quic_handshakes: Vec<TlsHandshake>,
    /// HTTP transactions (df-001), **newest first**.
    #[serde(deserialize_with = "null_as_default")]
    pub requests: Vec<HttpTransaction>,
    /// Events (df-008), in the order they ended.
    #[serde(deserialize_with = "null_as_default")]
    pub network_events: Vec<NetworkEvent>,
}

/// For keys that are left out when zero.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// For keys where other dialects write `null`.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A failure; early probes wrote `false` for none.
fn failure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FailureCode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Code(FailureCode),
        Flag(bool),
    }
    Ok(match Option::deserialize(deserializer)? {
        Some(Written::Code(code)) => Some(code),
        Some(Written::Flag(true)) => Some(FailureCode::UNKNOWN_FAILURE),
        Some(Written::Flag(false)) | None => None,
    })
}

/// For lists that are `null` when empty.
fn null_when_empty<S: Serializer, T: Serialize>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if list.is_empty() {
        serializer.serialize_none()
    } else {
        list.serialize(serializer)
    }
}
