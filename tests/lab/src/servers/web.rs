//! Web servers: HTTP/1.1 in the clear, HTTP/1.1 and HTTP/2 over TLS; and what they answer, over HTTP/3 too.

use super::dns::Zone;
use crate::ech::{Ech, Offer};
use crate::scenario::Host;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ALT_SVC, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Collected, Full};
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
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// The page on which every web server says what it knows of the connection, as a large provider's servers do.
const TRACE: &str = "/cdn-cgi/trace";

/// The path at which hosts resolve names over HTTPS, and the type of what is sent there (RFC 8484).
const DNS_QUERY: &str = "/dns-query";
const DNS_MESSAGE: HeaderValue = HeaderValue::from_static("application/dns-message");

/// The pages served at one endpoint, and the names known there.
pub(crate) struct Sites {
    sites: Vec<Site>,
    zone: Arc<Zone>,
}

/// What a client asks for.
pub(crate) struct Asked<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

struct Site {
    names: Vec<String>,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    resolves: bool,
}

impl Sites {
    pub(crate) fn new(hosts: &[&Host], zone: Arc<Zone>) -> Self {
        Self {
            sites: hosts.iter().map(|host| Site::new(host)).collect(),
            zone,
        }
    }

    /// The same over TLS, where HTTP/3 is announced.
    pub(crate) fn announcing_http3(mut self, hosts: &[&Host]) -> Self {
        for (site, host) in self.sites.iter_mut().zip(hosts) {
            if let Some(port) = host.http3.first()
                && let Ok(value) = HeaderValue::try_from(format!("h3=\":{port}\"; ma=60"))
            {
                site.headers.entry(ALT_SVC).or_insert(value);
            }
        }
        self
    }

    /// The answer to a request; the first site stands in for names nobody has.
    pub(crate) fn answer(&self, asked: &Asked<'_>, seen: Seen) -> Response<Bytes> {
        let named = self.sites.iter().find(|site| {
            site.names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(asked.host))
        });
        let Some(site) = named.or(self.sites.first()) else {
            return Response::default();
        };
        match asked.path {
            TRACE => trace(asked.host, seen),
            DNS_QUERY if site.resolves => self.resolve(asked),
            _ => {
                let mut response = Response::new(site.body.clone());
                *response.status_mut() = site.status;
                *response.headers_mut() = site.headers.clone();
                response
            }
        }
    }

    /// The answer to a query in a body, or in `?dns=`.
    fn resolve(&self, asked: &Asked<'_>) -> Response<Bytes> {
        let in_query = asked
            .query
            .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("dns=")))
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let message = in_query.as_deref().unwrap_or(asked.body);
        let mut response = Response::default();
        match self.zone.respond(message) {
            Some(answer) => {
                response.headers_mut().insert(CONTENT_TYPE, DNS_MESSAGE);
                *response.body_mut() = answer.into();
            }
            None => *response.status_mut() = StatusCode::BAD_REQUEST,
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
            resolves: host.doh,
        }
    }
}

/// What the server knows of a connection.
fn trace(host: &str, seen: Seen) -> Response<Bytes> {
    let Seen { client, sni } = seen;
    let mut response = Response::new(format!("h={host}\nip={client}\nsni={sni}\n").into());
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
            let answer = answer.map(|body| Full::new(if is_head { Bytes::new() } else { body }));
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
