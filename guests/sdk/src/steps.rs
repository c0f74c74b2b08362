//! Step lists: the transactions that a mini nettest begins, and the steps that several of them share.

use std::cell::RefCell;

use futures::stream::{self, StreamExt};
use serde::Deserialize;

use crate::failure::first_success;
use crate::{
    Connection, DnsOptions, Failure, HttpRequest, HttpResponse, TlsOptions, Transaction, begin, dns, http,
    info, quic, tcp, tls,
};

/// How many endpoints of one domain are tried at a time.
const PARALLELISM: usize = 2;

/// The transactions that a mini nettest has begun.
#[derive(Debug, Default)]
pub struct Steps(RefCell<Vec<u64>>);

impl Steps {
    /// Begin a transaction: one for each lookup, one for each endpoint.
    pub fn begin(&self) -> Transaction {
        let transaction = begin(&[], None);
        self.0.borrow_mut().push(transaction.id());
        transaction
    }

    /// The ids so far, in order.
    pub fn transactions(self) -> Vec<u64> {
        self.0.into_inner()
    }

    /// Look a domain up with the system resolver and leave out the addresses that can not be a public server's. When
    /// nothing is left, the failure is `dns_bogon_error`.
    pub async fn public_addresses(&self, domain: &str) -> Result<Vec<String>, Failure> {
        let answer = dns::lookup(&self.begin(), domain.to_owned(), &DnsOptions::new()).await?;
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

/// Connect to `address:port`, with the host's usual patience.
pub async fn connect(transaction: &Transaction, address: &str, port: u16) -> Result<Connection, Failure> {
    tcp::connect(transaction, endpoint(address, port), None).await
}

/// Shake hands for HTTP: `h2` and `http/1.1` are offered. Without roots, the platform's.
pub async fn handshake(
    transaction: &Transaction,
    connection: Connection,
    server_name: &str,
    roots_pem: &[String],
) -> Result<Connection, Failure> {
    let options = TlsOptions::new();
    options.server_name(server_name);
    options.alpn(&["h2".to_owned(), "http/1.1".to_owned()]);
    if !roots_pem.is_empty() {
        options.roots_pem(roots_pem);
    }
    Ok(tls::handshake(transaction, connection, &options).await?)
}

/// Shake hands over QUIC for HTTP/3. Without roots, the platform's.
pub async fn quic_handshake(
    transaction: &Transaction,
    address: &str,
    port: u16,
    server_name: &str,
    roots_pem: &[String],
) -> Result<Connection, Failure> {
    let options = TlsOptions::new();
    options.server_name(server_name);
    options.alpn(&["h3".to_owned()]);
    if !roots_pem.is_empty() {
        options.roots_pem(roots_pem);
    }
    Ok(quic::handshake(transaction, endpoint(address, port), &options).await?)
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
