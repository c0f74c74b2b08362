//! One connection to one address: as far as it gets, and a request if it may fetch.

use std::net::IpAddr;

use netsonde_guest::steps::{ACCEPT, ACCEPT_LANGUAGE, USER_AGENT};
use netsonde_guest::{
    Connection, HttpRequest, HttpResponse, TcpOptions, TlsOptions, Transaction, Url, http, info, tcp, tls,
};

use crate::addresses::Origins;
use crate::input;
use crate::measure::{Measurement, Step};
use crate::selector::Selector;
use crate::transactions::Tags;

/// How long a connection, a handshake, an HTTP transaction may take.
const PATIENCE_MS: u32 = 10_000;
/// How long to wait for a connection to an address that the preferred resolver gave.
const SELECTION_MS: u32 = 500;
/// How much of a body is read.
const BODY_LIMIT: u64 = 1 << 19;

/// What a flow is about.
pub(crate) struct Flow<'a> {
    pub(crate) measurement: &'a Measurement,
    pub(crate) step: &'a Step,
    pub(crate) selector: &'a Selector,
    pub(crate) number: u64,
    pub(crate) is_secure: bool,
    pub(crate) may_fetch: bool,
    pub(crate) address: &'a str,
    pub(crate) endpoint: String,
    pub(crate) origins: Origins,
}

impl Flow<'_> {
    /// Go as far as it goes. What went wrong is in the observations.
    pub(crate) async fn run(self) {
        // Nobody else's server is there.
        if !self
            .address
            .parse::<IpAddr>()
            .is_ok_and(|address| !address.to_canonical().is_loopback())
        {
            return;
        }
        let tags = Tags {
            classic: self.origins.overlap(Origins::SYSTEM),
            depth: self.step.depth,
            fetch_body: Some(self.may_fetch),
        };
        let transaction = tags.begin(Some(self.number));
        let Some(connection) = self.connect(&transaction).await else {
            return;
        };
        if !(self.may_fetch && self.is_selected().await) {
            return;
        }
        let Some(response) = self.fetch(&transaction, &connection).await else {
            return;
        };
        self.keep_cookies(&response);
        drop(connection);
        if let Some(next) = self.next(&response) {
            self.measurement.follow(next).await;
        }
    }

    async fn connect(&self, transaction: &Transaction) -> Option<Connection> {
        let options = TcpOptions::new();
        options.timeout_ms(PATIENCE_MS);
        let connection = tcp::connect(transaction, self.endpoint.clone(), Some(&options))
            .await
            .ok()?;
        if !self.is_secure {
            return Some(connection);
        }
        let options = TlsOptions::new();
        options.server_name(&self.step.url.host);
        options.alpn(&["h2".to_owned(), "http/1.1".to_owned()]);
        options.timeout_ms(PATIENCE_MS);
        tls::handshake(transaction, connection, &options).await.ok()
    }

    /// Whether this is the connection that fetches.
    async fn is_selected(&self) -> bool {
        let patience = info::sleep(SELECTION_MS);
        let selected = self.selector.may_fetch(self.origins, patience).await;
        let verdict = if selected { "fetches" } else { "does not fetch" };
        self.measurement.tell(&format!("{}: {verdict}", self.endpoint));
        selected
    }

    async fn fetch(&self, transaction: &Transaction, connection: &Connection) -> Option<HttpResponse> {
        let url = &self.step.url;
        let request = HttpRequest::new("GET", &url.to_string());
        request.header("Accept", ACCEPT);
        request.header("Accept-Language", ACCEPT_LANGUAGE);
        request.header("Referer", &self.step.referer);
        request.header("User-Agent", USER_AGENT);
        if let Some(cookies) = self.measurement.cookies.borrow().header(url) {
            request.header("Cookie", &cookies);
        }
        request.body_snapshot_limit(BODY_LIMIT);
        request.timeout_ms(PATIENCE_MS);
        request.redirects_left(self.measurement.redirects_left.get());
        http::round_trip(transaction, connection, &request).await.ok()
    }

    fn keep_cookies(&self, response: &HttpResponse) {
        let mut cookies = self.measurement.cookies.borrow_mut();
        for (name, value) in response.headers() {
            if name.eq_ignore_ascii_case("set-cookie")
                && let Ok(value) = str::from_utf8(&value)
            {
                cookies.set(&self.step.url, value, info::unix_time(), info::public_suffix);
            }
        }
    }

    /// Where the response leads, if it does and nothing is wrong with it.
    fn next(&self, response: &HttpResponse) -> Option<Step> {
        let location = response.redirect().ok()??;
        let left = &self.measurement.redirects_left;
        left.set(left.get().saturating_sub(1));
        let url = Url::parse(&location).ok()?;
        // As in what is measured first.
        let host = input::host(&url.host)?.to_owned();
        ["http", "https"].contains(&url.scheme.as_str()).then(|| Step {
            depth: self.step.depth + 1,
            url: Url { host, ..url },
            referer: self.step.url.to_string(),
        })
    }
}
