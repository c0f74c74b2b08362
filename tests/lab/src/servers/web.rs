//! Web servers: HTTP/1.1 in the clear, HTTP/1.1 and HTTP/2 over TLS.

use super::content::Content;
use super::sites::{Asked, Seen, Sites};
use crate::ech::{Ech, Offer};
use http::header::HOST;
use http::{Method, Request};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How long to wait before accepting again after an error, which is a lack of descriptors or of memory.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Serves cleartext HTTP/1.1.
pub(crate) async fn serve_http(listener: TcpListener, sites: Arc<Sites>) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let seen = Seen {
            client: client.ip(),
            sni: "off",
        };
        tokio::spawn(converse(stream, false, seen, Arc::clone(&sites)));
    }
}

/// Serves what was agreed by ALPN over TLS, HTTP/1.1 when nothing was.
pub(crate) async fn serve_https(
    listener: TcpListener,
    tls: TlsAcceptor,
    ech: Option<Arc<Ech>>,
    sites: Arc<Sites>,
) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (tls, ech, sites) = (tls.clone(), ech.clone(), Arc::clone(&sites));
        tokio::spawn(async move {
            let accepted = match ech {
                Some(ech) => ech.accept(&tls, stream).await,
                None => tls.accept(stream).await.map(|stream| (stream, Offer::Absent)),
            };
            // A handshake that fails is the client's to notice.
            let Ok((stream, offer)) = accepted else {
                return;
            };
            let connection = stream.get_ref().1;
            let http2 = connection.alpn_protocol() == Some(b"h2");
            let seen = Seen {
                client: client.ip(),
                sni: match (offer, connection.server_name()) {
                    (Offer::Accepted, _) => "encrypted",
                    (_, Some(_)) => "plaintext",
                    (_, None) => "off",
                },
            };
            converse(stream, http2, seen, sites).await;
        });
    }
}

/// Answers the requests of one connection.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
    seen: Seen,
    sites: Arc<Sites>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let sites = Arc::clone(&sites);
        async move {
            let authority = request
                .uri()
                .authority()
                .map(|authority| authority.host().to_owned());
            let header = || request.headers().get(HOST)?.to_str().ok();
            let host = authority.or_else(|| Some(crate::censor::without_port(header()?).to_owned()));
            let (parts, body) = request.into_parts();
            // A client that breaks off gets no answer.
            let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            let asked = Asked {
                host: host.as_deref().unwrap_or_default(),
                path: parts.uri.path(),
                query: parts.uri.query(),
                body: &body,
            };
            let answer = sites.answer(&asked, seen);
            // hyper leaves the body out on HTTP/1.1 only.
            let is_head = parts.method == Method::HEAD;
            let answer = answer.map(|content| if is_head { Content::default() } else { content });
            Ok::<_, Infallible>(answer)
        }
    });
    let io = TokioIo::new(stream);
    // A connection that breaks is the client's to notice.
    if http2 {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, service)
            .await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(io, service)
            .await;
    }
}
