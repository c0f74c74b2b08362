//! One page: from its URL, over however many redirects, to the last response.

use super::{cookies::Cookies, names::Names, reach::Reach, title::Title};
use bytes::Bytes;
use netsonde_data::FailureCode;
use netsonde_net::{
    ConnectOptions, Connection, NetError, Transaction, Transport,
    http::{Request, Response},
    tls::HandshakeOptions,
};
use std::{
    net::SocketAddr,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// How much of a body is read.
const LONGEST_BODY: u64 = 1 << 24;
/// How long one of several addresses may take to accept a connection.
const CONNECT_ONE_OF_MANY: Duration = Duration::from_secs(5);

/// How pages are fetched.
pub(super) struct Fetch<'a> {
    pub(super) reach: Reach<'a>,
    pub(super) names: &'a Names<'a>,
    /// The headers of each request, but for those that the fetch itself knows.
    pub(super) headers: &'a [(String, String)],
    /// How many requests there may be.
    pub(super) requests: usize,
    /// Over QUIC, and not over TCP.
    pub(super) quic: bool,
    /// When it has to end.
    pub(super) deadline: Instant,
}

/// The last response.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Bytes)>,
    /// How many bytes of the body were read.
    pub(super) length: u64,
    pub(super) title: String,
    /// Why the body was not read to its end.
    pub(super) failure: Option<FailureCode>,
    /// Where the first response says that there is HTTP/3 (`Alt-Svc`).
    pub(super) alt_svc: Option<String>,
}

/// Why there is no response.
#[derive(Debug)]
pub(super) enum NoPage {
    /// The name was not found.
    NotResolved(FailureCode),
    /// Connecting, the handshake or the transaction failed.
    Failed(FailureCode),
    /// An address is one that the measured server can not have, or the policy does not allow.
    Refused,
    /// The redirects do not end.
    TooManyRedirects,
    /// The URL, or a redirect, is nothing that can be fetched.
    Unfetchable,
}

impl From<NetError> for NoPage {
    fn from(error: NetError) -> Self {
        Self::Failed(error.code())
    }
}

/// What was seen of a body.
#[derive(Default)]
struct Seen {
    length: u64,
    title: Title,
}

impl Fetch<'_> {
    /// Fetch a page.
    pub(super) async fn run(&self, url: &Url) -> Result<Page, NoPage> {
        let mut url = url.clone();
        let mut referer = None;
        let mut cookies = Cookies::default();
        let mut alt_svc = None;
        for request in 1..=self.requests {
            let seen = Arc::new(Mutex::new(Seen::default()));
            let response = self.get(&url, referer.as_deref(), &cookies, &seen).await?;
            if request == 1 {
                alt_svc =
                    first(&response, "alt-svc").map(|value| String::from_utf8_lossy(value).into_owned());
            }
            let headers = response.headers.iter();
            cookies.store(&url, headers.map(|(name, value)| (name.as_str(), value.as_ref())));
            let Some(next) = redirect(&url, &response)? else {
                return Ok(page(response, &seen, alt_svc));
            };
            referer = referer_of(&url, &next);
            url = next;
        }
        Err(NoPage::TooManyRedirects)
    }

    /// One request on a connection of its own.
    async fn get(
        &self,
        url: &Url,
        referer: Option<&str>,
        cookies: &Cookies,
        seen: &Arc<Mutex<Seen>>,
    ) -> Result<Response, NoPage> {
        let tx = self.reach.net.trace().begin(Vec::new(), None);
        let connection = self.open(&tx, url).await?;
        let mut headers = self.headers.to_vec();
        let referer = referer.map(|referer| ("Referer".to_owned(), referer.to_owned()));
        let cookie = cookies.header(url).map(|cookie| ("Cookie".to_owned(), cookie));
        headers.extend([referer, cookie].into_iter().flatten());
        let request = Request {
            url: url.to_string(),
            headers,
            body_snapshot_limit: LONGEST_BODY,
            timeout: Some(self.left()),
            ..Request::default()
        };
        let seen = Arc::clone(seen);
        let take = move |status: u16, piece: &[u8]| {
            if is_redirect(status) {
                return ControlFlow::Break(());
            }
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.length += piece.len() as u64;
            seen.title.read(piece);
            ControlFlow::Continue(())
        };
        let response = self.reach.net.round_trip_taking(&tx, &connection, request, take);
        Ok(response.await?)
    }

    /// A connection to a URL's server: to the first of its addresses that accepts one.
    async fn open(&self, tx: &Transaction, url: &Url) -> Result<Connection, NoPage> {
        let is_tls = match url.scheme() {
            "https" => true,
            "http" if !self.quic => false,
            _ => return Err(NoPage::Unfetchable),
        };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(NoPage::Unfetchable);
        };
        let addresses = self.names.of(&host).await.map_err(NoPage::NotResolved)?;
        let endpoints: Vec<_> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect();
        let transport = if self.quic { Transport::Udp } else { Transport::Tcp };
        if !endpoints
            .iter()
            .all(|endpoint| self.reach.allows(transport, *endpoint))
        {
            return Err(NoPage::Refused);
        }
        let options = || HandshakeOptions {
            server_name: Some(server_name(url)),
            timeout: Some(self.left()),
            ..HandshakeOptions::default()
        };
        let mut why = NoPage::NotResolved(FailureCode::DNS_NO_ANSWER);
        let last = endpoints.len().saturating_sub(1);
        for (position, endpoint) in endpoints.into_iter().enumerate() {
            let connected = if self.quic {
                let shaken = self.reach.net.quic_handshake(tx, endpoint, options()).await;
                shaken.map_err(NetError::from)
            } else {
                let within = if position < last {
                    self.left().min(CONNECT_ONE_OF_MANY)
                } else {
                    self.left()
                };
                let options = ConnectOptions {
                    timeout: Some(within),
                    ttl: None,
                };
                self.reach.net.connect(tx, endpoint, Some(options)).await
            };
            match connected {
                Ok(connection) if is_tls && !self.quic => {
                    let options = HandshakeOptions {
                        alpn: ["h2", "http/1.1"].map(str::to_owned).to_vec(),
                        ..options()
                    };
                    let shaken = self.reach.net.handshake(tx, connection, options).await;
                    return Ok(shaken.map_err(NetError::from)?);
                }
                Ok(connection) => return Ok(connection),
                Err(error) => why = error.into(),
            }
        }
        Err(why)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// The name that is verified: the host, an IPv6 address without brackets.
pub(super) fn server_name(url: &Url) -> String {
    url.host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned()
}

fn page(response: Response, seen: &Mutex<Seen>, alt_svc: Option<String>) -> Page {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let failure = response.body_failure.map(|failure| failure.code);
    Page {
        status: response.status,
        headers: response.headers,
        length: if failure.is_none() { seen.length } else { 0 },
        title: if failure.is_none() {
            seen.title.text()
        } else {
            String::new()
        },
        failure,
        alt_svc,
    }
}

fn first<'a>(response: &'a Response, wanted: &str) -> Option<&'a Bytes> {
    let mut headers = response.headers.iter();
    headers
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value)
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Where a response leads. A redirect that says nothing of that is taken as it is.
fn redirect(url: &Url, response: &Response) -> Result<Option<Url>, NoPage> {
    if !is_redirect(response.status) {
        return Ok(None);
    }
    let Some(location) = first(response, "location").filter(|location| !location.is_empty()) else {
        return Ok(None);
    };
    let location = str::from_utf8(location).map_err(|_| NoPage::Unfetchable)?;
    let next = url.join(location).map_err(|_| NoPage::Unfetchable)?;
    Ok(Some(next))
}

/// What the next request says about where it comes from: as browsers, nothing of what was secret.
fn referer_of(url: &Url, next: &Url) -> Option<String> {
    if url.scheme() == "https" && next.scheme() != "https" {
        return None;
    }
    let mut referer = url.clone();
    referer.set_fragment(None);
    // Neither fails for a URL with a host.
    let _ = referer.set_username("");
    let _ = referer.set_password(None);
    Some(referer.into())
}
