//! HTTP on a given connection.

mod client;

pub(crate) use client::Client;

use crate::{Connection, Net, NetError, Transaction};
use bytes::Bytes;
use netsonde_data::failure::Failure;
use std::time::Duration;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as it is sent.
    pub method: String,
    /// What the observation records; scheme, authority and path come from it.
    pub url: String,
    /// The headers, in the order and the spelling they are sent in on HTTP/1.1.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How much of the response body to keep at most, in bytes.
    pub body_snapshot_limit: u64,
    /// How long the whole transaction may take, body included: 10 seconds if nothing is said.
    pub timeout: Option<Duration>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            url: String::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            body_snapshot_limit: 1 << 19,
            timeout: None,
        }
    }
}

/// A response whose head arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers in the order they came, names in canonical spelling (`Content-Type`).
    pub headers: Vec<(String, Bytes)>,
    /// The body, up to the limit; what had arrived where reading it failed.
    pub body: Bytes,
    /// Whether the limit was reached.
    pub body_is_truncated: bool,
    /// Why the body could not be read to its end.
    pub body_failure: Option<Failure>,
}

impl Net {
    /// One transaction.
    pub async fn round_trip(
        &self,
        tx: &Transaction,
        connection: &Connection,
        _request: Request,
    ) -> Result<Response, NetError> {
        connection.use_for(tx);
        tokio::task::yield_now().await;
        self.meter().check()?;
        Err(NetError::failed(
            netsonde_data::failure::FailureCode::UNKNOWN_FAILURE,
            netsonde_data::failure::Operation::HttpRoundTrip,
            "round trip",
        ))
    }
}
