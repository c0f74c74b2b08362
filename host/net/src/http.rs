//! HTTP on a given connection: one transaction at a time, HTTP/2 where the handshake agreed on `h2`, else HTTP/1.1.

mod client;
mod failure;
mod head;
mod spelling;

pub(crate) use client::Client;

use crate::{Connection, Net, NetError, Transaction, guard::Guard, trace::Event};
use bytes::Bytes;
use client::Received;
use head::Head;
use netsonde_data::{
    MaybeBinary,
    failure::{Failure, FailureCode, Operation},
    observation::{HeadersList, HttpRequest, HttpResponse, HttpTransaction, Tor},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// How long a transaction may take if the caller does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as it is sent.
    pub method: String,
    /// What the observation records; authority and path come from it.
    pub url: String,
    /// The headers. On HTTP/1.1 they are sent with this spelling and in this order, several of one name together.
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
    /// The headers in the order they came, several of one name together; names in canonical spelling
    /// (`Content-Type`), as in OONI's data.
    pub headers: Vec<(String, Bytes)>,
    /// The body, up to the limit; what had arrived where reading it failed.
    pub body: Bytes,
    /// Whether the limit was reached.
    pub body_is_truncated: bool,
    /// Why the body could not be read to its end.
    pub body_failure: Option<Failure>,
}

impl Net {
    /// One transaction. Observed as `requests`, and as `http_transaction_start` and `http_transaction_done` in
    /// `network_events`. It fails only where no response head arrived; a body cut short is in the response.
    ///
    /// Reading the body stops at the limit, which ends an HTTP/1.1 connection. After that, after a failure, and after
    /// a timeout, the connection is of no more use. A request that can not be sent as asked (a malformed URL, method
    /// or header) fails before anything is sent, with an `unknown_failure` that names the culprit, and is not
    /// observed.
    pub async fn round_trip(
        &self,
        tx: &Transaction,
        connection: &Connection,
        request: Request,
    ) -> Result<Response, NetError> {
        self.meter().check()?;
        let doing = format!("{} {}", request.method, request.url);
        let failed = |code| Failure::new(code, Operation::HttpRoundTrip, &doing);
        let is_h2 = connection.alpn() == Some("h2");
        let head = Head::new(&request).map_err(|reason| failed(FailureCode::unknown(reason)))?;
        let client = connection.client(is_h2).map_err(&failed)?;
        // On a connection that is gone this is the only thing that counts.
        self.meter().observation();
        self.meter().check()?;
        connection.use_for(tx);

        let clock = self.trace().clock();
        let remote = Some(connection.remote());
        let t0 = clock.now();
        self.trace()
            .event(tx, Event::mark("http_transaction_start", remote, t0));
        let received = Mutex::new(Received::default());
        let ended = |failure: Option<FailureCode>, t: Duration| {
            self.trace()
                .event(tx, Event::mark("http_transaction_done", remote, t));
            let received = received.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = HttpTransaction {
                network: "tcp".to_owned(),
                address: connection.remote().to_string(),
                alpn: connection.alpn().unwrap_or_default().to_owned(),
                failure,
                request: archived_request(&request, &head),
                response: archived_response(&received),
                t0: t0.as_secs_f64(),
                t: t.as_secs_f64(),
                ..HttpTransaction::default()
            };
            self.trace().request(tx, transaction);
        };
        let guard = Guard::new(|| {
            client.give_up(&connection.0.socket, &FailureCode::INTERRUPTED);
            ended(Some(FailureCode::INTERRUPTED), clock.now());
        });
        let exchange = client.exchange(
            &head,
            request.body.clone(),
            request.body_snapshot_limit,
            &received,
        );
        let result = timeout(request.timeout.unwrap_or(TIMEOUT), exchange).await;
        guard.disarm();
        let failure = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(failure::code(&error, client.broken(), &connection.0.socket)),
            Err(_) => {
                client.give_up(&connection.0.socket, &FailureCode::GENERIC_TIMEOUT_ERROR);
                Some(FailureCode::GENERIC_TIMEOUT_ERROR)
            }
        };
        let exceeded = failure.as_ref().and_then(|_| self.meter().exceeded());
        let failure = if exceeded.is_some() {
            Some(FailureCode::INTERRUPTED)
        } else {
            failure
        };
        ended(failure.clone(), clock.now());
        if let Some(exceeded) = exceeded {
            return Err(exceeded.into());
        }
        let received = std::mem::take(&mut *received.lock().unwrap_or_else(PoisonError::into_inner));
        match (received.head, failure) {
            (None, failure) => Err(failed(failure.unwrap_or(FailureCode::UNKNOWN_FAILURE)).into()),
            (Some((status, headers)), failure) => Ok(Response {
                status,
                headers,
                body: received.body.into(),
                body_is_truncated: received.is_truncated,
                body_failure: failure.map(failed),
            }),
        }
    }
}

fn archived_request(request: &Request, head: &Head) -> HttpRequest {
    let headers_list = HeadersList::from_wire(head.headers.iter().map(|(name, value)| (name, value)));
    HttpRequest {
        body: MaybeBinary::scrubbed(&request.body),
        body_is_truncated: false,
        headers: headers_list.first_values(),
        headers_list,
        method: request.method.clone(),
        tor: Tor::default(),
        x_transport: "tcp".to_owned(),
        url: request.url.clone(),
    }
}

fn archived_response(received: &Received) -> HttpResponse {
    let (code, headers) = received
        .head
        .as_ref()
        .map_or((0, &[] as &[_]), |(status, headers)| (*status, headers));
    let headers_list = HeadersList::from_wire(headers.iter().map(|(name, value)| (name, value)));
    HttpResponse {
        body: MaybeBinary::scrubbed(&received.body),
        body_is_truncated: received.is_truncated,
        code: code.into(),
        headers: headers_list.first_values(),
        headers_list,
    }
}
