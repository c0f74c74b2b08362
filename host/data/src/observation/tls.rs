//! `tls_handshakes` (df-006), and `quic_handshakes`, which have the same shape.

use super::{failure, is_zero, null_as_default};
use crate::{BinaryData, FailureCode};
use serde::{Deserialize, Serialize};

/// One handshake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsHandshake {
    /// `tcp` or `udp`.
    pub network: String,
    /// The remote endpoint, `ip:port`.
    pub address: String,
    /// The cipher suite's IANA name; empty after a failure.
    pub cipher_suite: String,
    /// Why it failed.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<FailureCode>,
    /// A soft error beside the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub so_error: Option<FailureCode>,
    /// The protocol that ALPN agreed on; empty when there is none.
    pub negotiated_protocol: String,
    /// Whether certificates were left unverified.
    pub no_tls_verify: bool,
    /// The peer's certificates, DER, leaf first; also when they did not verify.
    #[serde(deserialize_with = "null_as_default")]
    pub peer_certificates: Vec<BinaryData>,
    /// The name in the SNI extension (inside the encrypted hello, where ECH was offered). An address, which is never
    /// sent, stands here too. Empty where no name was sent.
    pub server_name: String,
    /// The public name of the ECH configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer_server_name: Option<String>,
    /// The ECH configuration in base64, or `GREASE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echconfig: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "is_zero")]
    pub t0: f64,
    /// When it ended: the same reading of the clock as in the `tls_handshake_done` event.
    pub t: f64,
    /// The transaction's tags.
    #[serde(deserialize_with = "null_as_default")]
    pub tags: Vec<String>,
    /// `TLSv1.3`, `TLSv1.2`; empty after a failure.
    pub tls_version: String,
    /// The transaction.
    #[serde(skip_serializing_if = "is_zero")]
    pub transaction_id: u64,
    /// Which library shook hands: `rustls`, `boringssl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_backend: Option<String>,
    /// Whether the server accepted the encrypted hello; absent where none was offered or the answer never came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_ech_accepted: Option<bool>,
    /// The ECH configurations that a rejecting server wants instead, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_ech_retry_configs: Option<String>,
    /// What went wrong exactly, where `failure` is one of few strings: the alert with its number, the library's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_failure_detail: Option<String>,
    /// The JA4 of the `ClientHello` that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_ja4: Option<String>,
    /// The group that keys were exchanged in, by its IANA name, or by its number where that is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_key_exchange_group: Option<String>,
    /// The version of QUIC that was spoken last, as on the wire: 1, or `0xff00001d` for draft 29. Over TCP there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_quic_version: Option<u32>,
    /// The versions that the server named instead, from its first Version Negotiation packet. Anybody on the path can
    /// send such a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_quic_version_negotiation: Option<Vec<u32>>,
    /// The name that the certificate had to be for, where it is not `server_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_verified_name: Option<String>,
}
