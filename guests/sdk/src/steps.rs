//! Step lists: the transactions that a mini nettest begins, and the steps that several of them share.

use std::cell::RefCell;

use futures::stream::{self, StreamExt};
use serde::Deserialize;

use crate::failure::first_success;
use crate::{
    Connection, DnsAnswer, DnsOptions, Failure, HttpRequest, HttpResponse, TcpOptions, TlsOptions,
    Transaction, begin, dns, http, info, quic, tcp, tls,
};

/// How many endpoints of one domain are tried at a time.
const PARALLELISM: usize = 2;

/// What a mini nettest does: the transactions that it has begun, and how much time it has left.
#[derive(Debug, Default)]
pub struct Steps {
    begun: RefCell<Vec<u64>>,
    /// When the last step has to be over, in milliseconds since the measurement began.
    until_ms: Option<u64>,
}

/// The argument that every mini nettest has.
#[derive(Deserialize)]
pub(crate) struct Patience {
    /// How long all steps may take together.
    #[serde(default)]
    timeout_ms: Option<u64>,
}

impl Patience {
    /// Steps that begin now.
    pub(crate) fn begin(&self) -> Steps {
        Steps {
            begun: RefCell::default(),
            until_ms: self
                .timeout_ms
                .map(|timeout_ms| now_ms().saturating_add(timeout_ms)),
        }
    }
}

/// How patient the host is where it is told nothing, in milliseconds.
const LOOKUP_MS: u64 = 15_000;
const CONNECT_MS: u64 = 15_000;
const HANDSHAKE_MS: u64 = 10_000;
const HTTP_MS: u64 = 10_000;

impl Steps {
    /// Begin a transaction: one for each lookup, one for each endpoint.
    pub fn begin(&self) -> Transaction {
        let transaction = begin(&[], None);
        self.begun.borrow_mut().push(transaction.id());
        transaction
    }

    /// The ids so far, in order.
    pub fn transactions(self) -> Vec<u64> {
        self.begun.into_inner()
    }

    /// How long a step may take, where less is left than it usually has. There is always a millisecond left, so that
    /// a step for which there is no time is observed as one that took too long.
    pub fn patience(&self, usual_ms: u64) -> Option<u32> {
        let left = self.until_ms?.saturating_sub(now_ms()).max(1);
        (left < usual_ms).then(|| u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Look a domain up.
    pub async fn lookup(&self, domain: &str, options: &DnsOptions) -> Result<DnsAnswer, Failure> {
        if let Some(timeout_ms) = self.patience(LOOKUP_MS) {
            options.timeout_ms(timeout_ms);
        }
        dns::lookup(&self.begin(), domain.to_owned(), options).await
    }

    /// Look a domain up with the system resolver and leave out the addresses that can not be a public server's. When
    /// nothing is left, the failure is `dns_bogon_error`.
    pub async fn public_addresses(&self, domain: &str) -> Result<Vec<String>, Failure> {
        let answer = self.lookup(domain, &DnsOptions::new()).await?;
        let mut addresses = answer.addresses();
        addresses.retain(|address| !info::is_bogon(address));
        if addresses.is_empty() {
            return Err(Failure {
                code: "dns_bogon_error".to_owned(),
                operation: "resolve".to_owned(),
                detail: format!("look up {domain}: none of the addresses can be a public server's"),
            });
        }
        Ok(addresses)
    }

    /// Connect to `address:port`.
    pub async fn connect(
        &self,
        transaction: &Transaction,
        address: &str,
        port: u16,
    ) -> Result<Connection, Failure> {
        let options = self.patience(CONNECT_MS).map(|timeout_ms| {
            let options = TcpOptions::new();
            options.timeout_ms(timeout_ms);
            options
        });
        tcp::connect(transaction, endpoint(address, port), options.as_ref()).await
    }

    /// Shake hands for HTTP: `h2` and `http/1.1` are offered.
    pub async fn handshake(
        &self,
        transaction: &Transaction,
        connection: Connection,
        server: &ServerArguments,
    ) -> Result<Connection, Failure> {
        let options = self.tls_options(server, &["h2", "http/1.1"]);
        Ok(tls::handshake(transaction, connection, &options).await?)
    }

    /// Shake hands over QUIC for HTTP/3.
    pub async fn quic_handshake(
        &self,
        transaction: &Transaction,
        address: &str,
        server: &ServerArguments,
    ) -> Result<Connection, Failure> {
        let options = self.tls_options(server, &["h3"]);
        Ok(quic::handshake(transaction, endpoint(address, server.port), &options).await?)
    }

    fn tls_options(&self, server: &ServerArguments, alpn: &[&str]) -> TlsOptions {
        let options = TlsOptions::new();
        options.server_name(server.name());
        let alpn: Vec<_> = alpn.iter().map(|&protocol| protocol.to_owned()).collect();
        options.alpn(&alpn);
        if !server.x509_certs.is_empty() {
            options.roots_pem(&server.x509_certs);
        }
        if !server.extra_x509_certs.is_empty() {
            options.extra_roots_pem(&server.extra_x509_certs);
        }
        if let Some(timeout_ms) = self.patience(HANDSHAKE_MS) {
            options.timeout_ms(timeout_ms);
        }
        options
    }

    /// One HTTP transaction, to the end of the body: a body cut short is a failure here.
    pub async fn fetch(
        &self,
        transaction: &Transaction,
        connection: &Connection,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        if let Some(timeout_ms) = self.patience(HTTP_MS) {
            request.timeout_ms(timeout_ms);
        }
        fetch(transaction, connection, request).await
    }

    /// Take the same steps with every address, two at a time, each in a transaction of its own. The first address that
    /// succeeds is a success; otherwise the failure is the first that is not unknown.
    pub async fn each<T>(
        &self,
        addresses: &[String],
        steps: impl AsyncFn(Transaction, &str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let tried = addresses.iter().map(|address| steps(self.begin(), address));
        let results: Vec<_> = stream::iter(tried).buffered(PARALLELISM).collect().await;
        first_success(results)
            .unwrap_or_else(|| Err(Failure::top_level("dns_no_answer", "no address".to_owned())))
    }
}

/// `address:port`, with brackets around an IPv6 address.
pub fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// Milliseconds since the measurement began.
fn now_ms() -> u64 {
    info::now() / 1_000_000
}

/// Connect to `address:port`, with the host's usual patience.
pub async fn connect(transaction: &Transaction, address: &str, port: u16) -> Result<Connection, Failure> {
    tcp::connect(transaction, endpoint(address, port), None).await
}

/// One HTTP transaction, to the end of the body: a body cut short is a failure here.
pub async fn fetch(
    transaction: &Transaction,
    connection: &Connection,
    request: &HttpRequest,
) -> Result<HttpResponse, Failure> {
    let response = http::round_trip(transaction, connection, request).await?;
    match response.body_failure() {
        Some(failure) => Err(failure),
        None => Ok(response),
    }
}

/// The arguments that all mini nettests with TLS have in common.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerArguments {
    /// The domain to look up.
    pub domain: String,
    /// The port, 443 when it is not given.
    #[serde(default = "https_port")]
    pub port: u16,
    /// The name to send and to verify; when it is not given, the domain.
    #[serde(default)]
    tls_server_name: String,
    /// Roots to trust instead of the platform's.
    #[serde(default)]
    x509_certs: Vec<String>,
    /// Roots to trust as well.
    #[serde(default)]
    extra_x509_certs: Vec<String>,
}

fn https_port() -> u16 {
    443
}

impl ServerArguments {
    fn name(&self) -> &str {
        if self.tls_server_name.is_empty() {
            &self.domain
        } else {
            &self.tls_server_name
        }
    }
}

/// The arguments that all mini nettests with HTTP have in common.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct HttpArguments {
    /// The method, `GET` when it is not given.
    pub http_method: String,
    /// Path and query, `/` when it is not given.
    pub url_path: String,
    /// The `Host` header; when it is not given, it follows from the URL.
    pub http_header_host: String,
    /// The `Accept` header.
    pub http_header_accept: String,
    /// The `Accept-Language` header.
    pub http_header_accept_language: String,
    /// The `User-Agent` header.
    pub http_header_user_agent: String,
}

/// What a browser would accept, the same for every probe.
pub const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// The language that a browser would ask for.
pub const ACCEPT_LANGUAGE: &str = "en-US,en;q=0.9";
/// The browser that measurements pretend to be.
pub const USER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                              Version/17.10 Safari/605.1.1";

impl Default for HttpArguments {
    fn default() -> Self {
        Self {
            http_method: "GET".to_owned(),
            url_path: "/".to_owned(),
            http_header_host: String::new(),
            http_header_accept: ACCEPT.to_owned(),
            http_header_accept_language: ACCEPT_LANGUAGE.to_owned(),
            http_header_user_agent: USER_AGENT.to_owned(),
        }
    }
}

impl HttpArguments {
    /// The request to `host:port`, where `host` is a name or an address.
    pub fn request(&self, scheme: &str, host: &str, port: u16) -> HttpRequest {
        let request = HttpRequest::new(&self.http_method, &self.url(scheme, host, port));
        for (name, value) in self.headers() {
            request.header(name, value);
        }
        request
    }

    fn url(&self, scheme: &str, host: &str, port: u16) -> String {
        let default_port = if scheme == "https" { 443 } else { 80 };
        let authority = match (host.contains(':'), port == default_port) {
            (_, false) => endpoint(host, port),
            (true, true) => format!("[{host}]"),
            (false, true) => host.to_owned(),
        };
        let slash = if self.url_path.starts_with('/') { "" } else { "/" };
        format!("{scheme}://{authority}{slash}{}", self.url_path)
    }

    fn headers(&self) -> Vec<(&'static str, &str)> {
        // A browser says how long the body is even when there is none, wherever a body is usual.
        let length = if matches!(self.http_method.as_str(), "POST" | "PUT" | "PATCH") {
            "0"
        } else {
            ""
        };
        let mut headers = vec![
            ("Host", self.http_header_host.as_str()),
            ("Accept", &self.http_header_accept),
            ("Accept-Language", &self.http_header_accept_language),
            ("User-Agent", &self.http_header_user_agent),
            ("Content-Length", length),
        ];
        headers.retain(|(_, value)| !value.is_empty());
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_not_given_have_their_usual_values() {
        let arguments: HttpArguments = serde_json::from_str("{}").unwrap();
        assert_eq!(arguments.url("http", "192.0.2.1", 80), "http://192.0.2.1/");
        let names: Vec<_> = arguments.headers().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Accept", "Accept-Language", "User-Agent"]);
    }

    #[test]
    fn an_empty_post_says_that_it_is_empty() {
        let arguments: HttpArguments = serde_json::from_str(r#"{"http_method": "POST"}"#).unwrap();
        assert!(arguments.headers().contains(&("Content-Length", "0")));
    }

    #[test]
    fn urls_name_the_port_only_where_it_is_unusual() {
        let arguments: HttpArguments = serde_json::from_str(r#"{"url_path": "v2/register?a=b"}"#).unwrap();
        assert_eq!(
            arguments.url("https", "example.com", 443),
            "https://example.com/v2/register?a=b"
        );
        assert_eq!(
            arguments.url("http", "149.154.175.50", 443),
            "http://149.154.175.50:443/v2/register?a=b"
        );
        assert_eq!(
            arguments.url("http", "2001:db8::1", 80),
            "http://[2001:db8::1]/v2/register?a=b"
        );
        assert_eq!(
            arguments.url("http", "2001:db8::1", 81),
            "http://[2001:db8::1]:81/v2/register?a=b"
        );
    }

    #[test]
    fn the_host_header_can_be_another_one() {
        let arguments: HttpArguments =
            serde_json::from_str(r#"{"http_header_host": "example.org"}"#).unwrap();
        assert_eq!(arguments.headers().first(), Some(&("Host", "example.org")));
    }
}
