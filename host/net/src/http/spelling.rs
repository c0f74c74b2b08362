//! Header names in the caller's spelling.
//!
//! Hyper keeps names in lower case, and writes them with a capital at the beginning of each word. It writes
//! another spelling only for a message that it has read itself, which is how proxies keep it. So a request whose names
//! are spelled in another way is read once from memory, and the note that hyper makes of the spelling is taken along.

use http::{Extensions, HeaderName};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, sync::Mutex, sync::PoisonError};
use tokio::io::AsyncWriteExt;

/// Hyper does not take the names, one by one well-formed, together.
#[derive(Debug)]
pub(super) struct Unspellable;

/// The notes to send `names` as they are spelled; none are needed where hyper's own spelling is the same.
pub(super) async fn notes<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<Option<Extensions>, Unspellable> {
    let usual = |name: &str| {
        HeaderName::from_bytes(name.as_bytes()).is_ok_and(|parsed| super::head::canonical(&parsed) == name)
    };
    if names.clone().all(usual) {
        return Ok(None);
    }
    let mut message = b"GET / HTTP/1.1\r\n".to_vec();
    for name in names.clone() {
        // Values do not matter, but those that frame a message have to be well-formed.
        let value = match name.to_ascii_lowercase().as_str() {
            "content-length" => "0",
            "transfer-encoding" => "chunked",
            _ => "x",
        };
        message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    message.extend_from_slice(b"\r\n");
    let (mut ours, theirs) = tokio::io::duplex(message.len() + 4096);
    ours.write_all(&message).await.map_err(|_| Unspellable)?;
    ours.shutdown().await.map_err(|_| Unspellable)?;
    let read = Mutex::new(None);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        *read.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.into_parts().0.extensions);
        std::future::ready(Ok::<_, Infallible>(hyper::Response::new(String::new())))
    });
    let mut server = http1::Builder::new();
    server
        .preserve_header_case(true)
        .max_headers(names.count() + 1)
        .max_buf_size(message.len() + 8192);
    // How the connection ends does not matter; what was read does.
    let _ = server.serve_connection(TokioIo::new(theirs), service).await;
    read.into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .map(Some)
        .ok_or(Unspellable)
}
