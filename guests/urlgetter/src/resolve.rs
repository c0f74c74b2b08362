//! Lookups: getaddrinfo, or a resolver that the options name.

use std::net::IpAddr;

use netsonde_guest::resolver::{Resolver as Remote, Transport};
use netsonde_guest::{DnsOptions, Failure, TlsOptions, Transaction, begin, dns, info};

use crate::cache::Cache;
use crate::dial::pin_version;
use crate::options::Options;
use crate::{during, unknown};

/// How often a query over UDP is asked when nothing comes back.
const TRIES: u32 = 3;

/// Whom to ask, and what is known without asking.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    /// getaddrinfo if there is none.
    remote: Option<Remote>,
    cache: Option<Cache>,
    /// What to do differently.
    own_name: String,
    own_version: String,
    own_host: String,
    rejects_bogons: bool,
}

impl Resolver {
    /// Read the options that begin with `DNS`, `ResolverURL`, `RejectDNSBogons`, and `HTTP3Enabled`, which is for HTTPS
    /// resolvers too.
    pub(crate) fn parse(options: &Options) -> Result<Self, Failure> {
        Ok(Self {
            remote: remote(options)?,
            cache: Cache::parse(&options.dns_cache)?,
            own_name: options.dns_tls_server_name.clone(),
            own_version: options.dns_tls_version.clone(),
            own_host: options.dns_http_host.clone(),
            rejects_bogons: options.reject_dns_bogons,
        })
    }

    /// The addresses of `host`, IPv4 first. What is an address already is not looked up.
    pub(crate) async fn lookup(&self, host: &str) -> Result<Vec<String>, Failure> {
        if host.parse::<IpAddr>().is_ok() {
            return Ok(vec![host.to_owned()]);
        }
        if let Some(addresses) = self.cached(host) {
            return Ok(addresses);
        }
        let addresses = match &self.remote {
            None => system(host).await,
            Some(remote) => self.ask(host, remote).await,
        };
        let addresses = addresses.map_err(step)?;
        if self.rejects_bogons && addresses.iter().any(|address| info::is_bogon(address)) {
            let detail = format!("look up {host}: an address can not be a public server's");
            return Err(during("resolve")(Failure::top_level("dns_bogon_error", detail)));
        }
        Ok(addresses)
    }

    fn cached(&self, host: &str) -> Option<Vec<String>> {
        self.cache.as_ref().and_then(|cache| cache.get(host))
    }

    async fn ask(&self, host: &str, remote: &Remote) -> Result<Vec<String>, Failure> {
        let address = if remote.host.parse::<IpAddr>().is_ok() {
            remote.host.clone()
        } else {
            let addresses = match self.cached(&remote.host) {
                Some(addresses) => addresses,
                None => system(&remote.host).await?,
            };
            let first = addresses.into_iter().next();
            first.ok_or_else(|| unknown("the resolver has no address"))?
        };
        let options = remote.options(&address);
        if remote.transport == Transport::Udp {
            return udp(host, &options).await;
        }
        if !self.own_host.is_empty() {
            options.header("Host", &self.own_host);
        }
        if !(self.own_name.is_empty() && self.own_version.is_empty()) {
            let tls = TlsOptions::new();
            tls.server_name(if self.own_name.is_empty() {
                &remote.host
            } else {
                &self.own_name
            });
            pin_version(&tls, &self.own_version);
            tls.alpn(&remote.transport.alpn());
            options.tls(&tls);
        }
        let answer = dns::lookup(&begin(&[], None), host.to_owned(), &options).await?;
        Ok(answer.addresses())
    }
}

/// The resolver that the options name, if they name one.
fn remote(options: &Options) -> Result<Option<Remote>, Failure> {
    let mut remote = Remote::parse(&options.resolver_url)?;
    if let Some(remote) = &mut remote
        && remote.transport == Transport::Doh
        && options.http3_enabled
    {
        remote.transport = Transport::Doh3;
    }
    Ok(remote)
}

/// A failure as OONI attributes it: to the step towards the resolver that failed, otherwise to the lookup.
fn step(failure: Failure) -> Failure {
    match failure.operation.as_str() {
        "connect" | "tls_handshake" | "quic_handshake" | "http_round_trip" => failure,
        _ => during("resolve")(failure),
    }
}

async fn system(host: &str) -> Result<Vec<String>, Failure> {
    let answer = dns::lookup(&begin(&[], None), host.to_owned(), &DnsOptions::new()).await?;
    Ok(answer.addresses())
}

/// A, then AAAA, in one transaction. Where both fail, the failure is A's.
async fn udp(host: &str, options: &DnsOptions) -> Result<Vec<String>, Failure> {
    let transaction = begin(&[], None);
    let ipv4 = query(&transaction, host, options, "A").await;
    let ipv6 = query(&transaction, host, options, "AAAA").await;
    both(ipv4, ipv6)
}

async fn query(
    transaction: &Transaction,
    host: &str,
    options: &DnsOptions,
    kind: &str,
) -> Result<Vec<String>, Failure> {
    options.query_types(&[kind.to_owned()]);
    let mut tries = 1;
    loop {
        match dns::lookup(transaction, host.to_owned(), options).await {
            Ok(answer) => return Ok(answer.addresses()),
            Err(failure) if failure.code == "generic_timeout_error" && tries < TRIES => tries += 1,
            Err(failure) => return Err(failure),
        }
    }
}

fn both(
    ipv4: Result<Vec<String>, Failure>,
    ipv6: Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    let addresses = match (ipv4, ipv6) {
        (Ok(ipv4), Ok(ipv6)) => [ipv4, ipv6].concat(),
        (Ok(addresses), Err(_)) | (Err(_), Ok(addresses)) => addresses,
        (Err(failure), Err(_)) => return Err(failure),
    };
    if addresses.is_empty() {
        return Err(Failure::top_level(
            "dns_no_answer",
            "neither A nor AAAA records".to_owned(),
        ));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsonde_guest::json;

    fn addresses(list: &[&str]) -> Vec<String> {
        list.iter().map(|&address| address.to_owned()).collect()
    }

    fn failed(code: &str) -> Result<Vec<String>, Failure> {
        Err(Failure::top_level(code, String::new()))
    }

    #[test]
    fn http3_is_for_https_resolvers_too() {
        let transport = |resolver_url: &str| {
            let options = json!({"ResolverURL": resolver_url, "HTTP3Enabled": true});
            let options: Options = serde_json::from_value(options).unwrap();
            remote(&options).unwrap().map(|remote| remote.transport)
        };
        assert_eq!(transport("https://dns.google/dns-query"), Some(Transport::Doh3));
        assert_eq!(transport("dot://dns.google"), Some(Transport::Dot));
        assert_eq!(transport(""), None);
    }

    #[test]
    fn a_failed_handshake_with_the_resolver_is_one() {
        let of = |operation: &str| {
            let failure = Failure::top_level("connection_reset", String::new());
            step(Failure {
                operation: operation.to_owned(),
                ..failure
            })
            .operation
        };
        assert_eq!(of("tls_handshake"), "tls_handshake");
        assert_eq!(of("read"), "resolve");
    }

    #[test]
    fn one_family_is_enough() {
        assert_eq!(
            both(Ok(addresses(&["192.0.2.1"])), failed("dns_no_answer")).unwrap(),
            ["192.0.2.1"]
        );
        assert_eq!(
            both(failed("dns_no_answer"), Ok(addresses(&["2001:db8::1"]))).unwrap(),
            ["2001:db8::1"]
        );
        let all = both(Ok(addresses(&["192.0.2.1"])), Ok(addresses(&["2001:db8::1"]))).unwrap();
        assert_eq!(all, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn where_both_families_fail_the_failure_is_that_of_ipv4() {
        let failure = both(failed("dns_nxdomain_error"), failed("dns_refused_error")).unwrap_err();
        assert_eq!(failure.code, "dns_nxdomain_error");
        assert_eq!(
            both(Ok(addresses(&[])), Ok(addresses(&[]))).unwrap_err().code,
            "dns_no_answer"
        );
    }
}
