//! HTTP/2: hyper on a stream.

use super::{failure::ExchangeError, head::Head, received::Received};
use crate::socket::Stream;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    pin::pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::{sync::OnceCell, task::AbortHandle};

/// How large the head of a response may be, as HTTP/2 counts it: as over the other versions, and as in browsers.
const LARGEST_HEAD: u32 = 256 << 10;

/// A connection that speaks HTTP/2: any number of exchanges at once.
#[derive(Debug)]
pub(crate) struct Client {
    /// The stream, until hyper has it.
    stream: Mutex<Option<Stream>>,
    sender: OnceCell<http2::SendRequest<Full<Bytes>>>,
    driver: Mutex<Option<AbortHandle>>,
    /// Why hyper gave the connection up, if it did. An exchange hears only that it was cancelled.
    broken: Arc<OnceLock<hyper::Error>>,
}

impl Client {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream: Mutex::new(Some(stream)),
            sender: OnceCell::new(),
            driver: Mutex::default(),
            broken: Arc::default(),
        }
    }

    /// Send a request and put what comes back into `received`, as it comes.
    pub(super) async fn exchange(
        &self,
        head: &Head,
        body: Bytes,
        received: &Mutex<Received>,
    ) -> Result<(), ExchangeError> {
        let request = head.to_http().map_err(ExchangeError::Request)?;
        let exchange = async {
            let mut sender = self.sender.get_or_try_init(|| self.start()).await?.clone();
            sender.ready().await?;
            lock(received).has_begun = true;
            let response = sender.send_request(request.map(|()| Full::new(body))).await?;
            receive(response, received).await
        };
        let result: Result<(), ExchangeError> = exchange.await;
        result.map_err(|error| match error {
            ExchangeError::Hyper(error, _) => ExchangeError::Hyper(error, Arc::clone(&self.broken)),
            other => other,
        })
    }

    /// Give the stream to hyper, whose part of the work goes on in a task that ends with this client.
    async fn start(&self) -> Result<http2::SendRequest<Full<Bytes>>, ExchangeError> {
        let stream = lock(&self.stream).take();
        let io = TokioIo::new(stream.ok_or(ExchangeError::Gone)?);
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(LARGEST_HEAD)
            .handshake(io)
            .await?;
        let driver = tokio::spawn(drive(driver, Arc::clone(&self.broken)));
        *lock(&self.driver) = Some(driver.abort_handle());
        Ok(sender)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(driver) = &*lock(&self.driver) {
            driver.abort();
        }
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

async fn receive(
    response: http::Response<hyper::body::Incoming>,
    received: &Mutex<Received>,
) -> Result<(), ExchangeError> {
    let (parts, mut body) = response.into_parts();
    lock(received).head = Some((parts.status.as_u16(), headers(&parts.headers)));
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                if lock(received).body_is_full_with(&data) {
                    break;
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    lock(received).trailers = headers(&trailers);
                }
            }
        }
    }
    Ok(())
}

/// Headers as the library keeps them: in their order, several of one name together.
pub(super) fn headers(map: &HeaderMap) -> Vec<(String, Bytes)> {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
