//! `network_events` (df-008).

use super::{Icmp, TcpInfo, failure, is_zero, null_as_default};
use crate::FailureCode;
use serde::{Deserialize, Serialize};

/// Something that happened: a connect, a read, a write, the begin or end of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkEvent {
    /// The remote endpoint, `ip:port`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Why it failed. The failure of a step is in the step's own record, not in its `…_done` event.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<FailureCode>,
    /// How many bytes were read or written.
    #[serde(skip_serializing_if = "is_zero")]
    pub num_bytes: u64,
    /// `connect`, `read`, `write`, `resolve_start`, `tls_handshake_done`, …; of ours, `x_icmp` and `x_tcp_info`.
    pub operation: String,
    /// `tcp` or `udp`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proto: String,
    /// When it began.
    #[serde(skip_serializing_if = "is_zero")]
    pub t0: f64,
    /// When it ended.
    pub t: f64,
    /// The transaction's tags; left out when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub tags: Vec<String>,
    /// The transaction.
    #[serde(skip_serializing_if = "is_zero")]
    pub transaction_id: u64,
    /// The exact cause where `failure` does not say it: `EPIPE: broken pipe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_failure_detail: Option<String>,
    /// The TTL or hop limit of a datagram, as it was set or as it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_ttl: Option<u8>,
    /// The ICMP error that came back; of `x_icmp` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_icmp: Option<Box<Icmp>>,
    /// The kernel's books; of `x_tcp_info` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_tcp_info: Option<Box<TcpInfo>>,
}
