//! Web servers: HTTP/1.1 in the clear, HTTP/1.1 and HTTP/2 over TLS.

use crate::scenario::Host;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
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
const PAUSE: Duration = Duration::from_millis(10);

/// The pages served at one endpoint.
pub(crate) struct Sites(Vec<Site>);

struct Site {
    names: Vec<String>,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Sites {
    pub(crate) fn new(hosts: &[&Host]) -> Self {
        Self(hosts.iter().map(|host| Site::new(host)).collect())
    }

    /// The answer to a request for this host; the first site stands in for names nobody has.
    fn respond(&self, host: &str) -> Response<Full<Bytes>> {
        let site = self
            .0
            .iter()
            .find(|site| site.names.iter().any(|name| name.eq_ignore_ascii_case(host)));
        let mut response = Response::default();
        if let Some(site) = site.or(self.0.first()) {
            *response.status_mut() = site.status;
            *response.headers_mut() = site.headers.clone();
            *response.body_mut() = Full::new(site.body.clone());
        }
        response
    }
}

impl Site {
    fn new(host: &Host) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        for (name, value) in &host.headers {
            // Both were found well formed when the scenario was checked.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        let body = match (&host.body, host.body_bytes) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(length)) => vec![b'x'; length],
            (None, None) => format!("<!doctype html><title>{}</title>\n", host.name).into_bytes(),
        };
        Self {
            names: host.names().map(str::to_owned).collect(),
            status: StatusCode::from_u16(host.status).unwrap_or_default(),
            headers,
            body: body.into(),
        }
    }
}

/// Serves cleartext HTTP/1.1.
pub(crate) async fn serve_http(listener: TcpListener, sites: Arc<Sites>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, false, Arc::clone(&sites)))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Serves what was agreed by ALPN over TLS, HTTP/1.1 when nothing was.
pub(crate) async fn serve_https(listener: TcpListener, tls: TlsAcceptor, sites: Arc<Sites>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (tls, sites) = (tls.clone(), Arc::clone(&sites));
        tokio::spawn(async move {
            // A handshake that fails is the client's to notice.
            if let Ok(stream) = tls.accept(stream).await {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                converse(stream, http2, sites).await;
            }
        });
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    http2: bool,
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
            // The body is read so that the client can finish sending it; a client that breaks off gets no answer.
            let _ = request.into_body().collect().await;
            Ok::<_, Infallible>(sites.respond(host.as_deref().unwrap_or_default()))
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
