//! The HTTP side of a connection: hyper on a stream.

use super::{failure::ExchangeError, head, head::Head, spelling};
use crate::{
    Connection,
    connection::Mode,
    socket::{Shared, Stream},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use netsonde_data::failure::FailureCode;
use std::{
    pin::pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::{
    sync::{Mutex as AsyncMutex, OnceCell},
    task::AbortHandle,
};

/// A connection that speaks HTTP.
#[derive(Debug)]
pub(crate) struct Client {
    is_h2: bool,
    /// The stream, until hyper has it.
    stream: Mutex<Option<Stream>>,
    sender: OnceCell<Sender>,
    driver: Mutex<Option<AbortHandle>>,
    /// Why hyper gave the connection up, if it did. An exchange hears only that it was cancelled.
    broken: Arc<OnceLock<hyper::Error>>,
}

#[derive(Debug)]
enum Sender {
    /// One exchange at a time.
    H1(AsyncMutex<http1::SendRequest<Full<Bytes>>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

/// What has arrived of a response.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) head: Option<(u16, Vec<(String, Bytes)>)>,
    pub(super) body: Vec<u8>,
    pub(super) is_truncated: bool,
}

impl Connection {
    /// The connection as one that speaks HTTP, from now on.
    pub(super) fn client(&self, is_h2: bool) -> Result<Arc<Client>, FailureCode> {
        let mut mode = self.mode();
        match &*mode {
            Mode::Http(client) => return Ok(Arc::clone(client)),
            Mode::Consumed => return Err(FailureCode::CONNECTION_ALREADY_CLOSED),
            Mode::Quic(_) => return Err(FailureCode::INVALID_ARGUMENT),
            Mode::Raw(_) => {}
        }
        // Without the stream, a read or write of raw bytes is still going on.
        let stream = Self::take_stream(&mut mode).ok_or(FailureCode::INVALID_ARGUMENT)?;
        let client = Client {
            is_h2,
            stream: Mutex::new(Some(stream)),
            sender: OnceCell::new(),
            driver: Mutex::default(),
            broken: Arc::default(),
        };
        let client = Arc::new(client);
        *mode = Mode::Http(Arc::clone(&client));
        Ok(client)
    }
}

impl Client {
    /// Send a request and put what comes back into `received`, as it comes, up to `limit` bytes of body.
    pub(super) async fn exchange(
        &self,
        head: &Head,
        body: Bytes,
        limit: u64,
        received: &Mutex<Received>,
    ) -> Result<(), ExchangeError> {
        match self.sender.get_or_try_init(|| self.start()).await? {
            Sender::H1(sender) => {
                let mut sender = sender.lock().await;
                sender.ready().await?;
                let response = sender.send_request(h1_request(head, body).await?).await?;
                receive(response, limit, received).await
            }
            Sender::H2(sender) => {
                let mut sender = sender.clone();
                sender.ready().await?;
                let response = sender.send_request(h2_request(head, body)?).await?;
                receive(response, limit, received).await
            }
        }
    }

    /// An exchange ends before its time. HTTP/1.1 can not go on after that: what is pending on the socket ends with
    /// `failure`, and the connection closes. On HTTP/2 other exchanges are not concerned.
    pub(super) fn give_up(&self, socket: &Shared, failure: &FailureCode) {
        if !self.is_h2 {
            socket.abandon(failure);
            self.abort();
        }
    }

    /// Give the stream to hyper, whose part of the work goes on in a task that ends with this client.
    async fn start(&self) -> Result<Sender, ExchangeError> {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let io = TokioIo::new(stream.ok_or(ExchangeError::Gone)?);
        let (sender, driver) = if self.is_h2 {
            let (sender, driver) = http2::handshake(TokioExecutor::new(), io).await?;
            (
                Sender::H2(sender),
                tokio::spawn(drive(driver, Arc::clone(&self.broken))),
            )
        } else {
            let mut builder = http1::Builder::new();
            builder
                .title_case_headers(true)
                .preserve_header_case(true)
                .allow_obsolete_multiline_headers_in_responses(true)
                .max_headers(1_000);
            let (sender, driver) = builder.handshake(io).await?;
            (
                Sender::H1(AsyncMutex::new(sender)),
                tokio::spawn(drive(driver, Arc::clone(&self.broken))),
            )
        };
        *self.driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(driver.abort_handle());
        Ok(sender)
    }

    /// Why hyper gave the connection up, if it did.
    pub(super) fn broken(&self) -> Option<&hyper::Error> {
        self.broken.get()
    }

    fn abort(&self) {
        if let Some(driver) = &*self.driver.lock().unwrap_or_else(PoisonError::into_inner) {
            driver.abort();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Hyper's part of the work. How it ends is written down before the driver is dropped, which is what cancels the
/// exchanges that wait for it: they find the reason there.
async fn drive(driver: impl Future<Output = hyper::Result<()>>, broken: Arc<OnceLock<hyper::Error>>) {
    let mut driver = pin!(driver);
    if let Err(error) = driver.as_mut().await {
        let _ = broken.set(error);
    }
}

async fn h1_request(head: &Head, body: Bytes) -> Result<http::Request<Full<Bytes>>, ExchangeError> {
    let headers = header_map(head, &body)?;
    let mut request = http::Request::builder()
        .method(&head.method)
        .uri(head.origin_form()?)
        .body(Full::new(body))?;
    *request.headers_mut() = headers;
    if let Some(notes) = spelling::notes(head.headers.iter().map(|(name, _)| name.as_str())).await? {
        *request.extensions_mut() = notes;
    }
    Ok(request)
}

fn h2_request(head: &Head, body: Bytes) -> Result<http::Request<Full<Bytes>>, ExchangeError> {
    let headers = header_map(head, &body)?;
    let mut request = http::Request::builder()
        .method(&head.method)
        .uri(head.absolute_form()?)
        .body(Full::new(body))?;
    *request.headers_mut() = headers;
    // HTTP/2 has it in `:authority`.
    request.headers_mut().remove(header::HOST);
    Ok(request)
}

/// The headers as given, and the length of a body that is missing where one is expected (RFC 9110, section 8.6); that
/// of any other body hyper adds.
fn header_map(head: &Head, body: &Bytes) -> Result<HeaderMap, http::Error> {
    let mut map = HeaderMap::with_capacity(head.headers.len() + 1);
    for (name, value) in &head.headers {
        map.try_append(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_bytes(value.as_bytes())?,
        )?;
    }
    let expects_body = matches!(head.method, Method::POST | Method::PUT | Method::PATCH);
    if expects_body && body.is_empty() && !map.contains_key(header::TRANSFER_ENCODING) {
        map.entry(header::CONTENT_LENGTH)
            .or_insert(HeaderValue::from_static("0"));
    }
    Ok(map)
}

async fn receive(
    response: http::Response<hyper::body::Incoming>,
    limit: u64,
    received: &Mutex<Received>,
) -> Result<(), ExchangeError> {
    let lock = || received.lock().unwrap_or_else(PoisonError::into_inner);
    let (parts, mut body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers =
        headers.map(|(name, value)| (head::canonical(name), Bytes::copy_from_slice(value.as_bytes())));
    lock().head = Some((parts.status.as_u16(), headers.collect()));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    while let Some(frame) = body.frame().await {
        // Trailers are of no use to a measurement.
        let Ok(data) = frame?.into_data() else { continue };
        let mut received = lock();
        let room = limit.saturating_sub(received.body.len()).min(data.len());
        received
            .body
            .extend_from_slice(data.get(..room).unwrap_or_default());
        if received.body.len() >= limit {
            received.is_truncated = true;
            break;
        }
    }
    Ok(())
}
