//! HTTP on a given connection: HTTP/3 over QUIC, HTTP/2 where the handshake agreed on `h2`, else HTTP/1.1.
//!
//! Here is what the versions share: request, response and observation. How each is spoken is in a module of its own.

mod client;
mod failure;
pub mod h1;
mod h2;
mod h3;
pub(crate) mod head;
mod received;
mod redirect;

pub(crate) use client::Client;

use crate::{
    Connection, Net, NetError, Transaction, guard::Guard, socket::Proto, trace::Event, trace::endpoint_text,
};
use bytes::Bytes;
use head::{Head, Version};
use netsonde_data::{
    MaybeBinary,
    failure::{Failure, FailureCode, Operation},
    observation::{HeadersList, HttpRequest, HttpResponse, HttpTransaction, Tor},
};
use received::{Received, Taker};
use std::{
    ops::ControlFlow,
    pin::pin,
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
    /// What the observation records; scheme, authority and path come from it.
    pub url: String,
    /// The headers. On HTTP/1.1 they are sent with this spelling and in this order. HTTP/2 has names in lower case,
    /// and several of one name together.
    pub headers: Vec<(String, String)>,
    /// `:authority`, `:path` and `:scheme` as they are to be sent over HTTP/2, where they differ from the URL's.
    pub pseudo_headers: Vec<(String, String)>,
    /// The whole head, for HTTP/1.1: request line, headers and the empty line. It is sent as it is, in place of method,
    /// path and headers.
    pub raw_head: Option<Bytes>,
    /// The body. It is sent as it is, also where the headers announce something else.
    pub body: Bytes,
    /// How much of the response body to keep at most, in bytes.
    pub body_snapshot_limit: u64,
    /// How long the whole transaction may take, body included: 10 seconds if nothing is said.
    pub timeout: Option<Duration>,
    /// How many redirects the caller will still follow; none if it does not follow any. A response (301, 302, 307, 308)
    /// that leads nowhere, or that is one redirect too many, then is a transaction that failed.
    pub redirects_left: Option<u32>,
}

impl Request {
    /// Every text of the caller's that goes to the server.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let headers = self.headers.iter().chain(&self.pseudo_headers);
        let headers = headers.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let whole = [
            self.method.as_bytes(),
            self.url.as_bytes(),
            &self.body,
            self.raw_head.as_deref().unwrap_or_default(),
        ];
        whole.into_iter().chain(headers)
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            url: String::new(),
            headers: Vec::new(),
            pseudo_headers: Vec::new(),
            raw_head: None,
            body: Bytes::new(),
            body_snapshot_limit: 1 << 19,
            timeout: None,
            redirects_left: None,
        }
    }
}

/// A response whose head arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The status line; HTTP/2 has none.
    pub status_line: Option<Bytes>,
    /// The headers in the order and the spelling in which they came. HTTP/2 has several of one name together.
    pub headers: Vec<(String, Bytes)>,
    /// The body, up to the limit; what had arrived where reading it failed.
    pub body: Bytes,
    /// Whether the limit was reached.
    pub body_is_truncated: bool,
    /// Why the body could not be read to its end.
    pub body_failure: Option<Failure>,
    /// The headers that followed the body.
    pub trailers: Vec<(String, Bytes)>,
    /// Where it leads, as an absolute URL, or why nowhere. For callers who follow redirects, when all of the body came.
    pub redirect: Result<Option<String>, Failure>,
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
        self.transact(tx, connection, request, None).await
    }

    /// As [`Net::round_trip`], but the body is not kept, neither in the response nor in the observation: `take` gets each
    /// piece as it comes, with the response's status, and says whether it wants more. Where it does not, the body counts as
    /// truncated, as it does at the limit.
    pub async fn round_trip_taking(
        &self,
        tx: &Transaction,
        connection: &Connection,
        request: Request,
        take: impl FnMut(u16, &[u8]) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Response, NetError> {
        self.transact(tx, connection, request, Some(Box::new(take))).await
    }

    async fn transact(
        &self,
        tx: &Transaction,
        connection: &Connection,
        request: Request,
        taker: Option<Taker>,
    ) -> Result<Response, NetError> {
        self.meter().check()?;
        let doing = format!("{} {}", request.method, request.url);
        let failed = |code| Failure::new(code, Operation::HttpRoundTrip, &doing);
        let proto = connection.0.socket.proto();
        let version = match (proto, connection.alpn()) {
            (Proto::Udp, _) => Version::H3,
            (Proto::Tcp, Some("h2")) => Version::H2,
            (Proto::Tcp, _) => Version::H1,
        };
        let head = Head::new(&request, version).map_err(|reason| failed(FailureCode::unknown(reason)))?;
        let client = connection.client().map_err(&failed)?;
        // On a connection that is gone this is the only thing that counts.
        self.meter().observation();
        self.meter().check()?;
        connection.use_for(tx);

        let clock = self.trace().clock();
        let remote = Some(connection.remote());
        let t0 = clock.now();
        let mark = |operation, t| Event {
            proto: proto.as_str(),
            ..Event::mark(operation, remote, t)
        };
        self.trace().event(tx, mark("http_transaction_start", t0));
        let received = Mutex::new(Received::new(request.body_snapshot_limit, taker));
        let ended = |failure: Option<FailureCode>, detail: Option<String>, t: Duration| {
            self.trace().event(tx, mark("http_transaction_done", t));
            let received = received.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = HttpTransaction {
                network: proto.as_str().to_owned(),
                address: endpoint_text(connection.remote()),
                alpn: connection.alpn().unwrap_or_default().to_owned(),
                failure,
                x_failure_detail: detail,
                request: archived_request(&request, &head, proto),
                response: archived_response(&received),
                t0: t0.as_secs_f64(),
                t: t.as_secs_f64(),
                ..HttpTransaction::default()
            };
            self.trace().request(tx, transaction);
        };
        // Outlives the guard and the timeout: once it is dropped, an HTTP/1.1 connection is closed.
        let mut exchange = pin!(client.exchange(&head, &request.body, self.meter(), &received));
        let guard = Guard::new(|| {
            client.give_up(&connection.0.socket, &FailureCode::INTERRUPTED, &received);
            ended(Some(FailureCode::INTERRUPTED), None, clock.now());
        });
        let counted = connection.0.socket.while_counting(exchange.as_mut());
        let result = timeout(request.timeout.unwrap_or(TIMEOUT), counted).await;
        guard.disarm();
        let (failure, detail) = match result {
            Ok(Ok(())) => (None, None),
            Ok(Err(error)) => {
                let (code, detail) = failure::code(&error, &connection.0.socket);
                (Some(code), detail)
            }
            Err(_) => {
                let code = FailureCode::GENERIC_TIMEOUT_ERROR;
                client.give_up(&connection.0.socket, &code, &received);
                (Some(code), None)
            }
        };
        if let Some(exceeded) = failure.as_ref().and_then(|_| self.meter().exceeded()) {
            ended(Some(FailureCode::INTERRUPTED), None, clock.now());
            return Err(exceeded.into());
        }
        let redirect = match (&failure, request.redirects_left) {
            (None, Some(left)) => leads_to(&request.url, &received, left),
            _ => Ok(None),
        };
        let leads_nowhere = redirect.as_ref().err().cloned();
        ended(failure.clone().or(leads_nowhere), detail, clock.now());
        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
        match (received.head.take(), failure) {
            (None, failure) => Err(failed(failure.unwrap_or(FailureCode::UNKNOWN_FAILURE)).into()),
            (Some((status, headers)), failure) => {
                self.redirected(request.texts(), status, &headers);
                Ok(Response {
                    status,
                    status_line: (version == Version::H1).then(|| received.status_line.clone()),
                    headers,
                    body: std::mem::take(&mut received.body).into(),
                    body_is_truncated: received.is_truncated,
                    body_failure: failure.map(failed),
                    trailers: std::mem::take(&mut received.trailers),
                    redirect: redirect.map_err(failed),
                })
            }
        }
    }
}

/// Where what was received leads.
fn leads_to(url: &str, received: &Mutex<Received>, left: u32) -> Result<Option<String>, FailureCode> {
    let received = received.lock().unwrap_or_else(PoisonError::into_inner);
    match &received.head {
        Some((status, headers)) => redirect::leads_to(url, *status, headers, left),
        None => Ok(None),
    }
}

fn archived_request(request: &Request, head: &Head, proto: Proto) -> HttpRequest {
    let headers_list = HeadersList::from_wire(head.recorded());
    let mut headers = headers_list.first_values();
    if head.version != Version::H1 {
        // OONI's data has no pseudo-headers, and knows the host by its old name.
        headers = headers_list.canonical_first_values();
        if let Some(authority) = headers.remove(":authority") {
            headers.insert("Host".to_owned(), authority);
        }
        headers.retain(|name, _| !name.starts_with(':'));
    }
    HttpRequest {
        body: MaybeBinary::scrubbed(&request.body),
        body_is_truncated: false,
        headers,
        headers_list,
        method: head.method.clone(),
        tor: Tor::default(),
        x_raw_head: head.raw().map(|raw| MaybeBinary::scrubbed(raw)),
        x_transport: proto.as_str().to_owned(),
        url: request.url.clone(),
    }
}

fn archived_response(received: &Received) -> HttpResponse {
    let (code, headers) = received
        .head
        .as_ref()
        .map_or((0, &[] as &[_]), |(status, headers)| (*status, headers));
    let list = |headers: &[(String, Bytes)]| {
        HeadersList::from_wire(headers.iter().map(|(name, value)| (name, value)))
    };
    let headers_list = list(headers);
    HttpResponse {
        body: MaybeBinary::scrubbed(&received.body),
        body_is_truncated: received.is_truncated,
        code: code.into(),
        headers: headers_list.canonical_first_values(),
        headers_list,
        x_status_line: MaybeBinary::scrubbed(&received.status_line),
        x_trailers: list(&received.trailers),
    }
}
