//! The answer to one question, step by step.

use super::{
    alt_svc,
    answer::{Answer, DnsResult, HandshakeResult, HttpResult, IpInfo, TcpResult},
    config::Config,
    failure,
    fetch::{Fetch, NoPage, Page, server_name},
    names::Names,
    question::{Address, Question},
    reach::Reach,
    resolver::Resolver,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use netsonde_data::{FailureCode, bogon, observation::canonical_header_name};
use netsonde_net::{ConnectOptions, NetError, Transport, tls::HandshakeOptions};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    pin::pin,
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use url::{Host, Url};

/// How long measuring an endpoint may take, and fetching a page.
const WITHIN: Duration = Duration::from_secs(15);
/// How much later an endpoint may be given up that had to wait for its turn. What was not measured by then is not in the
/// answer: nothing is known about it.
const WAITING: Duration = Duration::from_secs(5);

/// What a question is answered with.
pub(super) struct Measuring<'a> {
    pub(super) config: &'a Config,
    pub(super) reach: Reach<'a>,
    pub(super) resolver: &'a Resolver,
    /// The connections to measured servers, of all questions together.
    pub(super) sockets: &'a Semaphore,
}

/// What came of an endpoint: of the connect, and of the handshake; none where there was no such thing, or nothing that says
/// anything about the endpoint.
#[derive(Clone, Debug, Default)]
struct Measured {
    tcp: Option<Result<(), FailureCode>>,
    handshake: Option<Result<(), FailureCode>>,
}

/// How to measure an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tcp,
    TcpAndTls,
    Quic,
}

impl Measuring<'_> {
    /// Measure, and say what came of it.
    pub(super) async fn answer(&self, question: &Question) -> Answer {
        let names = Names::new(self.resolver);
        let (dns, own) = self.look_up(&question.url, &names).await;
        let addresses = self.addresses(&own, &question.addresses);
        let ports = ports(&question.url, question.names_port);
        let ways = |address: &Address| {
            let endpoints = ports.iter().map(|port| (address.clone(), *port));
            let ways = endpoints.map(|(address, port)| {
                let is_tls = port == 443 || (self.config.tls_on_any_port && question.url.scheme() == "https");
                (address, port, if is_tls { Way::TcpAndTls } else { Way::Tcp })
            });
            ways.collect::<Vec<_>>()
        };
        let endpoints = addresses.iter().flat_map(ways).collect();
        let name = server_name(&question.url);
        let (measured, page) = tokio::join!(
            self.measure(endpoints, &name),
            self.fetch(question, &question.url, &names, false),
        );
        let mut answer = Answer {
            dns,
            http_request: page,
            ..Answer::default()
        };
        let mut valid = BTreeSet::new();
        for (address, port, measured) in measured {
            let endpoint = address.text_at(port);
            if let Some(result) = measured.tcp {
                let failure = result.as_ref().err().map(failure::of_tcp);
                answer
                    .tcp_connect
                    .insert(endpoint.clone(), TcpResult::from(failure));
            }
            if let Some(result) = measured.handshake {
                if result.is_ok() {
                    valid.insert(address.ip);
                }
                answer.tls_handshake.insert(endpoint, handshake(&name, result));
            }
        }
        let h3 = answer.http_request.discovered_h3_endpoint.clone();
        if self.config.quic && question.quic && !h3.is_empty() {
            let endpoints = addresses.iter();
            let endpoints =
                endpoints.flat_map(|address| ports.iter().map(|port| (address.clone(), *port, Way::Quic)));
            let h3 = Url::parse(&format!("https://{h3}"));
            let page = async {
                match &h3 {
                    Ok(url) => self.fetch(question, url, &names, true).await,
                    Err(_) => HttpResult::default(),
                }
            };
            let (measured, page) = tokio::join!(self.measure(endpoints.collect(), &name), page);
            answer.http3_request = Some(page);
            for (address, port, measured) in measured {
                if let Some(result) = measured.handshake {
                    let endpoint = address.text_at(port);
                    answer.quic_handshake.insert(endpoint, handshake(&name, result));
                }
            }
        }
        answer.ip_info = self.ip_info(&addresses, &own, &question.addresses, &valid);
        answer
    }

    /// Look the URL's name up. An address is not looked up.
    async fn look_up(&self, url: &Url, names: &Names<'_>) -> (DnsResult, Vec<IpAddr>) {
        let Some(host @ Host::Domain(_)) = url.host() else {
            return (DnsResult::default(), Vec::new());
        };
        match names.of(&host).await {
            Ok(addresses) => {
                let dns = DnsResult {
                    failure: None,
                    addrs: addresses.iter().map(ToString::to_string).collect(),
                };
                (dns, addresses)
            }
            Err(code) => {
                let dns = DnsResult {
                    failure: failure::of_dns(&code).map(str::to_owned),
                    addrs: Vec::new(),
                };
                (dns, Vec::new())
            }
        }
    }

    /// The addresses that the answer is about: our own first, in the probe's spelling where it has one.
    fn addresses(&self, own: &[IpAddr], probes: &[Address]) -> Vec<Address> {
        let own = own.iter().map(|ip| Address::from(*ip)).map(|own| {
            let spelled = probes.iter().find(|probes| probes.ip == own.ip);
            spelled.cloned().unwrap_or(own)
        });
        let mut known = BTreeSet::new();
        own.chain(probes.iter().cloned())
            .filter(|address| known.insert(address.ip))
            .take(self.config.limits.addresses)
            .collect()
    }

    /// Measure endpoints, all those where packets may go.
    async fn measure(
        &self,
        endpoints: Vec<(Address, u16, Way)>,
        name: &str,
    ) -> Vec<(Address, u16, Measured)> {
        let allowed = endpoints.into_iter().filter(|(address, port, way)| {
            let transport = if *way == Way::Quic {
                Transport::Udp
            } else {
                Transport::Tcp
            };
            self.reach.allows(transport, address.at(*port))
        });
        let running = allowed.map(|(address, port, way)| async move {
            let measured = self.endpoint(&address, port, way, name).await;
            (address, port, measured)
        });
        let most = self.config.limits.sockets_of_question;
        let mut running = pin!(stream::iter(running).buffer_unordered(most));
        let mut over = pin!(sleep_until(Instant::now() + WITHIN + WAITING));
        let mut all = Vec::new();
        loop {
            tokio::select! {
                measured = running.next() => match measured {
                    Some(measured) => all.push(measured),
                    None => return all,
                },
                () = &mut over => return all,
            }
        }
    }

    async fn endpoint(&self, address: &Address, port: u16, way: Way, name: &str) -> Measured {
        let mut measured = Measured::default();
        let Ok(_socket) = self.sockets.acquire().await else {
            return measured;
        };
        let tx = self.reach.net.trace().begin(Vec::new(), None);
        let endpoint = address.at(port);
        let begin = Instant::now();
        let shake = |alpn: &[&str]| HandshakeOptions {
            server_name: Some(name.to_owned()),
            alpn: alpn.iter().map(|&protocol| protocol.to_owned()).collect(),
            // To have waited for a turn is nothing that the server could help.
            timeout: Some(WITHIN.saturating_sub(begin.elapsed()).max(WAITING)),
            ..HandshakeOptions::default()
        };
        if way == Way::Quic {
            let shaken = self.reach.net.quic_handshake(&tx, endpoint, shake(&["h3"])).await;
            measured.handshake = said(shaken.map_err(NetError::from));
            return measured;
        }
        let options = ConnectOptions {
            timeout: Some(WITHIN),
            ttl: None,
        };
        let connected = self.reach.net.connect(&tx, endpoint, Some(options)).await;
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => {
                measured.tcp = said(Err::<(), _>(error));
                return measured;
            }
        };
        measured.tcp = Some(Ok(()));
        if way == Way::TcpAndTls {
            let shaken = self
                .reach
                .net
                .handshake(&tx, connection, shake(&["h2", "http/1.1"]))
                .await;
            measured.handshake = said(shaken.map_err(NetError::from));
        }
        measured
    }

    /// Fetch a page.
    async fn fetch(&self, question: &Question, url: &Url, names: &Names<'_>, quic: bool) -> HttpResult {
        let deadline = Instant::now() + WITHIN;
        let timed_out = || HttpResult::failed("generic_timeout_error");
        let Ok(Ok(_socket)) = timeout(WITHIN, self.sockets.acquire()).await else {
            return timed_out();
        };
        let fetch = Fetch {
            reach: self.reach,
            names,
            headers: &question.headers,
            requests: self.config.limits.requests,
            quic,
            deadline,
        };
        match timeout_at(deadline, fetch.run(url)).await {
            Ok(Ok(page)) => fetched(page, url, quic),
            Ok(Err(NoPage::NotResolved(code))) => HttpResult::failed(failure::of_http(&code, true)),
            Ok(Err(NoPage::Failed(code))) => HttpResult::failed(failure::of_http(&code, false)),
            Ok(Err(NoPage::Refused | NoPage::TooManyRedirects | NoPage::Unfetchable)) => {
                HttpResult::default()
            }
            Err(_) => timed_out(),
        }
    }

    fn ip_info(
        &self,
        addresses: &[Address],
        own: &[IpAddr],
        probes: &[Address],
        valid: &BTreeSet<IpAddr>,
    ) -> BTreeMap<String, IpInfo> {
        let infos = addresses.iter().map(|address| {
            let ip = address.ip;
            let by_probe = probes.iter().any(|probes| probes.ip == ip);
            let by_helper = own.iter().any(|own| own.to_canonical() == ip);
            let flags = [
                (by_probe, IpInfo::BY_PROBE),
                (by_helper, IpInfo::BY_HELPER),
                (bogon::is_bogon(ip), IpInfo::BOGON),
                (valid.contains(&ip), IpInfo::VALID),
            ];
            let owner = self.config.owners.look_up(ip);
            let info = IpInfo {
                asn: owner.map_or(0, |owner| owner.asn),
                flags: flags
                    .into_iter()
                    .filter(|(is_set, _)| *is_set)
                    .map(|(_, flag)| flag)
                    .sum(),
            };
            (address.text.clone(), info)
        });
        infos.collect()
    }
}

/// The ports to measure: the one that the URL names, or those of its scheme.
fn ports(url: &Url, names_port: bool) -> Vec<u16> {
    match (url.scheme(), url.port_or_known_default()) {
        ("http", Some(80)) if !names_port => vec![80, 443],
        ("http" | "https", Some(port)) => vec![port],
        _ => Vec::new(),
    }
}

/// What a result says about the endpoint: nothing at all where it was our own limits, or our own machine, that stood in the
/// way.
fn said<T>(result: Result<T, NetError>) -> Option<Result<(), FailureCode>> {
    match result {
        Ok(_) => Some(Ok(())),
        Err(NetError::Exceeded(_)) => None,
        Err(NetError::Failed(failure)) => {
            let is_ours = [FailureCode::ADDRESS_NOT_AVAILABLE, FailureCode::NO_BUFFER_SPACE]
                .contains(&failure.code)
                || failure.code.as_str().contains("too many open files");
            if is_ours {
                tracing::error!("this machine is out of sockets: {}", failure.code);
                return None;
            }
            Some(Err(failure.code))
        }
    }
}

fn handshake(name: &str, result: Result<(), FailureCode>) -> HandshakeResult {
    HandshakeResult {
        server_name: name.to_owned(),
        status: result.is_ok(),
        failure: result.err().map(|code| code.to_string()),
    }
}

fn fetched(page: Page, url: &Url, quic: bool) -> HttpResult {
    let host = url.host_str().unwrap_or_default();
    let alt_svc = page.alt_svc.filter(|_| !quic).unwrap_or_default();
    HttpResult {
        body_length: i64::try_from(page.length).unwrap_or(i64::MAX),
        discovered_h3_endpoint: alt_svc::h3_endpoint(&alt_svc, host),
        failure: page.failure.map(|code| failure::of_http(&code, false).to_owned()),
        title: page.title,
        headers: first_values(&page.headers),
        status_code: page.status.into(),
    }
}

/// The first value of each header.
fn first_values(headers: &[(String, Bytes)]) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (name, value) in headers {
        map.entry(canonical_header_name(name))
            .or_insert_with(|| String::from_utf8_lossy(value).into_owned());
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_decides_about_ports() {
        for (url, names_port, expected) in [
            ("http://x/", false, &[80, 443][..]),
            ("http://x:80/", true, &[80]),
            ("http://x:8080/", true, &[8080]),
            ("http://x:443/", true, &[443]),
            ("https://x/", false, &[443]),
            ("https://x:443/", true, &[443]),
            ("https://x:8443/", true, &[8443]),
            ("ftp://x:21/", true, &[]),
            ("mailto:x", false, &[]),
        ] {
            assert_eq!(ports(&Url::parse(url).unwrap(), names_port), expected, "{url}");
        }
    }
}
