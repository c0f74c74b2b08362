//! What web servers answer, whatever version of HTTP they speak.

use super::content::Content;
use super::dns::Zone;
use crate::scenario::{CLIENT_IPV4, CLIENT_IPV6, Host, To};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ALT_SVC, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

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
    resolves: bool,
    /// Answers to some requests, the first that fits.
    particular: Vec<(Fits, Page)>,
    /// The answer to all others.
    page: Page,
}

/// Which requests an answer is for.
struct Fits {
    path: Option<String>,
    to: To,
}

impl Fits {
    fn fits(&self, asked: &Asked<'_>, seen: Seen) -> bool {
        let is_client = seen.client == CLIENT_IPV4 || seen.client == CLIENT_IPV6;
        let is_for = match self.to {
            To::Everybody => true,
            To::Client => is_client,
            To::Others => !is_client,
        };
        is_for && self.path.as_deref().is_none_or(|path| path == asked.path)
    }
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
}

impl Page {
    fn new(status: u16, headers: HeaderMap, content: Content) -> Self {
        Self {
            // It was found well formed when the scenario was checked, like the header fields.
            status: StatusCode::from_u16(status).unwrap_or_default(),
            headers,
            content,
        }
    }

    fn response(&self) -> Response<Content> {
        let mut response = Response::new(self.content.clone());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

impl Sites {
    pub(crate) fn new(hosts: &[&Host], pages: &BTreeMap<String, String>, zone: Arc<Zone>) -> Self {
        Self {
            sites: hosts.iter().map(|host| Site::new(host, pages)).collect(),
            zone,
        }
    }

    /// The same over TLS, where HTTP/3 is announced.
    pub(crate) fn announcing_http3(mut self, hosts: &[&Host]) -> Self {
        for (site, host) in self.sites.iter_mut().zip(hosts) {
            if let Some(port) = host.http3.first()
                && let Ok(value) = HeaderValue::try_from(format!("h3=\":{port}\"; ma=60"))
            {
                let particular = site.particular.iter_mut().map(|(_, page)| page);
                for page in particular.chain([&mut site.page]) {
                    page.headers.entry(ALT_SVC).or_insert(value.clone());
                }
            }
        }
        self
    }

    /// The answer to a request; the first site stands in for names nobody has.
    pub(crate) fn answer(&self, asked: &Asked<'_>, seen: Seen) -> Response<Content> {
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
            DNS_QUERY if site.resolves => self.resolve(asked, seen),
            _ => {
                let mut particular = site.particular.iter();
                let found = particular.find(|(requests, _)| requests.fits(asked, seen));
                found.map_or(&site.page, |(_, page)| page).response()
            }
        }
    }

    /// The answer to a query in a body, or in `?dns=`.
    fn resolve(&self, asked: &Asked<'_>, seen: Seen) -> Response<Content> {
        let in_query = asked
            .query
            .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("dns=")))
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let message = in_query.as_deref().unwrap_or(asked.body);
        let mut response = Response::default();
        match self.zone.respond(message, seen.client) {
            Some(answer) => {
                response.headers_mut().insert(CONTENT_TYPE, DNS_MESSAGE);
                *response.body_mut() = Content::Whole(answer.into());
            }
            None => *response.status_mut() = StatusCode::BAD_REQUEST,
        }
        response
    }
}

impl Site {
    fn new(host: &Host, pages: &BTreeMap<String, String>) -> Self {
        let page = |name: &Option<String>| Some(pages.get(name.as_deref()?)?.as_str());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        add(&mut headers, &host.headers);
        let particular = host.answers.iter().map(|answer| {
            let mut headers = headers.clone();
            add(&mut headers, &answer.headers);
            let body = answer.body.as_deref().or(page(&answer.page)).unwrap_or_default();
            let content = Content::Whole(body.to_owned().into());
            let fits = Fits {
                path: answer.path.clone(),
                to: answer.to,
            };
            (fits, Page::new(answer.status, headers, content))
        });
        let particular = particular.collect();
        let body = host.body.as_deref().or(page(&host.page)).map(str::to_owned);
        let content = match (body, host.body_bytes, host.random_bytes) {
            (Some(body), ..) => Content::Whole(body.into()),
            (None, Some(length), _) => Content::Whole(vec![b'x'; length].into()),
            (None, None, Some(length)) => Content::random(length),
            (None, None, None) => {
                Content::Whole(format!("<!doctype html><title>{}</title>\n", host.name).into())
            }
        };
        Self {
            names: host.names().map(str::to_owned).collect(),
            resolves: host.doh,
            particular,
            page: Page::new(host.status, headers, content),
        }
    }
}

/// Adds header fields, in place of those of the same name.
fn add(headers: &mut HeaderMap, fields: &BTreeMap<String, String>) {
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

/// What the server knows of a connection.
fn trace(host: &str, seen: Seen) -> Response<Content> {
    let Seen { client, sni } = seen;
    let mut response = Response::new(Content::Whole(
        format!("h={host}\nip={client}\nsni={sni}\n").into(),
    ));
    let plain = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// What a server knows of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// The client's address.
    pub(crate) client: IpAddr,
    /// How the server's name was said: `encrypted`, `plaintext` or `off`.
    pub(crate) sni: &'static str,
}
