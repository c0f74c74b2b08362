//! Web servers: HTTP/1.1 in the clear, HTTP/1.1 and HTTP/2 over TLS.

use crate::ech::{Ech, Offer};
use crate::scenario::Host;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How long to wait before accepting again after an error, which is a lack of descriptors or of memory.
const PAUSE: Duration = Duration::from_millis(10);

/// The page on which every web server says what it knows of the connection, as a large provider's servers do.
const TRACE: &str = "/cdn-cgi/trace";

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

/// What the server knows of a connection.
fn trace(host: &str, seen: Seen) -> Response<Full<Bytes>> {
    let Seen { client, sni } = seen;
    let mut response = Response::new(Full::new(format!("h={host}\nip={client}\nsni={sni}\n").into()));
    let plain = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

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

/// What a server knows of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// The client's address.
    pub(crate) client: IpAddr,
    /// How the server's name was said: `encrypted`, `plaintext` or `off`.
    pub(crate) sni: &'static str,
}

/// Answers the requests of one connection.
async fn converse(
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
            // The body is read so that the client can finish sending it; a client that breaks off gets no answer.
            let path = request.uri().path().to_owned();
            let _ = request.into_body().collect().await;
            let host = host.as_deref().unwrap_or_default();
            Ok::<_, Infallible>(match path.as_str() {
                TRACE => trace(host, seen),
                _ => sites.respond(host),
            })
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
