//! `tcp_connect` (df-005).

use super::{Icmp, failure, is_zero, null_as_default};
use crate::FailureCode;
use serde::{Deserialize, Serialize};

/// One attempt to connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpConnect {
    /// The remote address.
    pub ip: String,
    /// The remote port.
    pub port: u16,
    /// What came of it.
    pub status: TcpStatus,
    /// When it began.
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
    /// The exact cause where the failure does not say it: `icmp time_exceeded`, `EPERM: operation not permitted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_failure_detail: Option<String>,
    /// The TTL or hop limit, where one was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_ttl: Option<u8>,
    /// The ICMP error that ended the attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_icmp: Option<Icmp>,
}

/// What came of an attempt to connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpStatus {
    /// An old verdict of `web_connectivity`; never written by netsonde.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// Why it failed.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<FailureCode>,
    /// Whether it succeeded.
    pub success: bool,
}
