//! HTTP/3: h3 on a QUIC connection.

use super::{failure::ExchangeError, h2::headers, head::Head, received::Received};
use crate::{Meter, quic::Quic};
use bytes::{Buf, Bytes};
use futures::future::{Either, select};
use h3::{
    client::{RequestStream, SendRequest, builder},
    error::{Code, ConnectionError, StreamError},
    quic,
};
use h3_quinn::OpenStreams;
use http::{Method, header};
use netsonde_data::failure::FailureCode;
use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::OnceCell, task::AbortHandle};

/// How large the head of a response may be, as h3 counts it: names and values, and 32 bytes for each header.
const LARGEST_HEAD: u64 = 256 << 10;

/// A connection that speaks HTTP/3: any number of exchanges at once.
pub(crate) struct Client {
    quic: Arc<Quic>,
    sender: OnceCell<SendRequest<OpenStreams, Bytes>>,
    driver: Mutex<Option<AbortHandle>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("quic", &self.quic)
            .finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(quic: Arc<Quic>) -> Self {
        Self {
            quic,
            sender: OnceCell::new(),
            driver: Mutex::default(),
        }
    }

    /// Send a request and put what comes back into `received`, as it comes.
    pub(super) async fn exchange(
        &self,
        head: &Head,
        body: Bytes,
        meter: &Meter,
        received: &Mutex<Received>,
    ) -> Result<(), ExchangeError> {
        let request = head.to_http().map_err(ExchangeError::Request)?;
        // H3 would give up the whole connection.
        if let Some(host) = request.headers().get(header::HOST)
            && request
                .uri()
                .authority()
                .is_none_or(|authority| authority.as_str() != host)
        {
            let why = "the header \"host\" can not be sent over HTTP/3 beside another :authority";
            return Err(ExchangeError::Request(why.to_owned()));
        }
        let has_body = *request.method() != Method::HEAD;
        // It is large, and what waits for it would be too.
        let exchange = Box::pin(async {
            let mut sender = self.sender.get_or_try_init(|| self.start()).await?.clone();
            lock(received).has_begun = true;
            let (sending, receiving) = sender.send_request(request).await?.split();
            let sending = send(sending, body);
            let receiving = receive(receiving, has_body, received);
            // A server may answer without waiting for the end of the request, or refuse it: what it says then counts.
            match select(pin!(receiving), pin!(sending)).await {
                Either::Left((result, _)) => result,
                Either::Right((_, receiving)) => receiving.await,
            }
        });
        let result: Result<(), Failed> = self
            .quic
            .within_budget(meter, exchange)
            .await
            .ok_or(ExchangeError::Gone)?;
        result.map_err(|failed| self.explained(failed))
    }

    /// Give the connection to h3, whose part of the work goes on in a task that ends with this client.
    async fn start(&self) -> Result<SendRequest<OpenStreams, Bytes>, Failed> {
        let connection = h3_quinn::Connection::new(self.quic.connection.clone());
        let mut builder = builder();
        builder.max_field_section_size(LARGEST_HEAD).send_grease(false);
        let (mut driver, sender) = builder.build(connection).await.map_err(Failed::Connection)?;
        let driver = tokio::spawn(async move {
            // Why it ended, quinn knows better.
            driver.wait_idle().await;
        });
        *lock(&self.driver) = Some(driver.abort_handle());
        Ok(sender)
    }

    /// What quinn says of a connection that is gone is more exact than what h3 passes on.
    fn explained(&self, failed: Failed) -> ExchangeError {
        if let Failed::Cut(detail) = failed {
            return ExchangeError::Known(FailureCode::EOF_ERROR, Some(detail));
        }
        if let Some((code, detail)) = self.quic.lost() {
            return ExchangeError::Known(code, detail);
        }
        let text = match failed {
            Failed::Cut(detail) => detail,
            Failed::Connection(error) => error.to_string(),
            Failed::Stream(StreamError::RemoteTerminate { code, .. }) => {
                format!("stream reset by peer: {code}")
            }
            Failed::Stream(StreamError::RemoteClosing { .. }) => {
                "the server takes no more requests".to_owned()
            }
            Failed::Stream(error) => error.to_string(),
        };
        ExchangeError::Known(FailureCode::unknown(&text), Some(text))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(driver) = &*lock(&self.driver) {
            driver.abort();
        }
    }
}

/// Why an exchange failed.
enum Failed {
    Connection(ConnectionError),
    Stream(StreamError),
    /// The stream ended before the body did.
    Cut(String),
}

impl From<StreamError> for Failed {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

async fn send<S: quic::SendStream<Bytes>>(
    mut stream: RequestStream<S, Bytes>,
    body: Bytes,
) -> Result<(), StreamError> {
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await
}

async fn receive<S: quic::RecvStream>(
    mut stream: RequestStream<S, Bytes>,
    has_body: bool,
    received: &Mutex<Received>,
) -> Result<(), Failed> {
    // Interim responses (1xx) are passed over; how many there can be, the budget and the timeout bound.
    let response = loop {
        let response = stream.recv_response().await?;
        if !response.status().is_informational() {
            break response;
        }
    };
    let announced = response.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> = announced
        .filter(|_| has_body)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    lock(received).head = Some((response.status().as_u16(), headers(response.headers())));
    let mut length = 0;
    while let Some(mut piece) = stream.recv_data().await? {
        let piece = piece.copy_to_bytes(piece.remaining());
        length += piece.len() as u64;
        if lock(received).body_is_full_with(&piece) {
            stream.stop_sending(Code::H3_REQUEST_CANCELLED);
            return Ok(());
        }
    }
    if let Some(trailers) = stream.recv_trailers().await? {
        lock(received).trailers = headers(&trailers);
    }
    let has_content = !matches!(response.status().as_u16(), 204 | 304);
    match announced {
        Some(announced) if has_content && length < announced => Err(Failed::Cut(format!(
            "the body ends after {length} of {announced} bytes"
        ))),
        _ => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
