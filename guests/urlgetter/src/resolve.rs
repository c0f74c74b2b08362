//! Lookups: getaddrinfo, or a resolver over UDP.

use std::net::IpAddr;

use netsonde_guest::steps::endpoint;
use netsonde_guest::{DnsOptions, Failure, Transaction, Url, begin, dns};

use crate::{during, unknown};

/// How often a query over UDP is asked when nothing comes back.
const TRIES: u32 = 3;

/// Whom to ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Resolver {
    /// getaddrinfo.
    System,
    /// A resolver over UDP.
    Udp {
        /// A name or an address.
        host: String,
        /// 53 unless the URL says otherwise.
        port: u16,
    },
}

impl Resolver {
    /// Read the option `ResolverURL`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if text.is_empty() || text.starts_with("system://") {
            return Ok(Self::System);
        }
        match Url::parse(text) {
            Ok(url) if url.scheme == "udp" => Ok(Self::Udp {
                port: url.port.unwrap_or(53),
                host: url.host,
            }),
            _ => Err(unknown("unsupported resolver scheme")),
        }
    }

    /// The addresses of `host`, IPv4 first. What is an address already is not looked up.
    pub(crate) async fn lookup(&self, host: &str) -> Result<Vec<String>, Failure> {
        if host.parse::<IpAddr>().is_ok() {
            return Ok(vec![host.to_owned()]);
        }
        let answer = match self {
            Self::System => system(host).await,
            Self::Udp { host: resolver, port } => udp(host, resolver, *port).await,
        };
        answer.map_err(during("resolve"))
    }
}

async fn system(host: &str) -> Result<Vec<String>, Failure> {
    let answer = dns::lookup(&begin(&[], None), host.to_owned(), &DnsOptions::new()).await?;
    Ok(answer.addresses())
}

/// A, then AAAA, in one transaction. Where both fail, the failure is A's.
async fn udp(host: &str, resolver: &str, port: u16) -> Result<Vec<String>, Failure> {
    let resolver = if resolver.parse::<IpAddr>().is_ok() {
        resolver.to_owned()
    } else {
        let addresses = system(resolver).await?;
        addresses
            .into_iter()
            .next()
            .ok_or_else(|| unknown("the resolver has no address"))?
    };
    let resolver = endpoint(&resolver, port);
    let transaction = begin(&[], None);
    let ipv4 = query(&transaction, host, &resolver, "A").await;
    let ipv6 = query(&transaction, host, &resolver, "AAAA").await;
    both(ipv4, ipv6)
}

async fn query(
    transaction: &Transaction,
    host: &str,
    resolver: &str,
    kind: &str,
) -> Result<Vec<String>, Failure> {
    let options = DnsOptions::new();
    options.udp_resolver(resolver);
    options.query_types(&[kind.to_owned()]);
    let mut tries = 1;
    loop {
        match dns::lookup(transaction, host.to_owned(), &options).await {
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

    fn addresses(list: &[&str]) -> Vec<String> {
        list.iter().map(|&address| address.to_owned()).collect()
    }

    fn failed(code: &str) -> Result<Vec<String>, Failure> {
        Err(Failure::top_level(code, String::new()))
    }

    #[test]
    fn resolvers_are_the_systems_or_reached_over_udp() {
        let udp = |host: &str, port| Resolver::Udp {
            host: host.to_owned(),
            port,
        };
        assert_eq!(Resolver::parse("").unwrap(), Resolver::System);
        assert_eq!(Resolver::parse("system:///").unwrap(), Resolver::System);
        assert_eq!(Resolver::parse("udp://8.8.8.8").unwrap(), udp("8.8.8.8", 53));
        assert_eq!(
            Resolver::parse("udp://[2001:db8::1]:5353/").unwrap(),
            udp("2001:db8::1", 5353)
        );
    }

    #[test]
    fn other_resolvers_are_refused() {
        for url in ["dot://8.8.8.8", "https://dns.google/dns-query", "nonsense"] {
            let failure = Resolver::parse(url).unwrap_err();
            assert_eq!(
                failure.code, "unknown_failure: unsupported resolver scheme",
                "{url}"
            );
        }
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
