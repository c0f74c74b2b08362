//! What a test helper answers, member by member as OONI's data has it.

use serde::Serialize;
use std::collections::BTreeMap;

/// The answer to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// What came of connecting, by endpoint.
    pub tcp_connect: BTreeMap<String, TcpResult>,
    /// What came of TLS handshakes, by endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tls_handshake: BTreeMap<String, HandshakeResult>,
    /// What came of QUIC handshakes, by endpoint.
    pub quic_handshake: BTreeMap<String, HandshakeResult>,
    /// The page.
    pub http_request: HttpResult,
    /// The page over HTTP/3, where that was asked for and offered.
    pub http3_request: Option<HttpResult>,
    /// The lookup of the URL's name.
    pub dns: DnsResult,
    /// What there is to say about addresses.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ip_info: BTreeMap<String, IpInfo>,
}

/// What came of a connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TcpResult {
    /// Whether it is connected.
    pub status: bool,
    /// Why not.
    pub failure: Option<String>,
}

impl From<Option<&str>> for TcpResult {
    fn from(failure: Option<&str>) -> Self {
        Self {
            status: failure.is_none(),
            failure: failure.map(str::to_owned),
        }
    }
}

/// What came of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandshakeResult {
    /// The name that was sent and verified.
    pub server_name: String,
    /// Whether it succeeded.
    pub status: bool,
    /// Why not.
    pub failure: Option<String>,
}

/// A page, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HttpResult {
    /// How many bytes the body has; -1 where there was no response.
    pub body_length: i64,
    /// Where the first server offered HTTP/3, as `host:port`.
    pub discovered_h3_endpoint: String,
    /// Why there is no page.
    pub failure: Option<String>,
    /// The title.
    pub title: String,
    /// The headers, each with its first value.
    pub headers: BTreeMap<String, String>,
    /// The status; -1 where there was no response.
    pub status_code: i64,
}

impl HttpResult {
    /// There is no response.
    pub fn failed(failure: &str) -> Self {
        Self {
            body_length: -1,
            discovered_h3_endpoint: String::new(),
            failure: Some(failure.to_owned()),
            title: String::new(),
            headers: BTreeMap::new(),
            status_code: -1,
        }
    }
}

impl Default for HttpResult {
    fn default() -> Self {
        Self::failed("unknown_error")
    }
}

/// What came of a lookup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DnsResult {
    /// Why the name was not found.
    pub failure: Option<String>,
    /// The addresses; none where it was not found, and for an address, which is not looked up.
    pub addrs: Vec<String>,
}

/// What there is to say about an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IpInfo {
    /// The number of the autonomous system; zero where it is not known.
    pub asn: u32,
    /// The flags below.
    pub flags: u32,
}

impl IpInfo {
    /// The probe found it.
    pub const BY_PROBE: u32 = 1;
    /// The test helper found it.
    pub const BY_HELPER: u32 = 2;
    /// It can not be a public server's.
    pub const BOGON: u32 = 4;
    /// A TLS handshake with it succeeded for the name.
    pub const VALID: u32 = 8;
}
