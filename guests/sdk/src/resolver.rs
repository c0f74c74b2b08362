//! Resolvers as options and arguments name them: `udp://8.8.8.8`, `https://dns.google/dns-query`.

use crate::steps::endpoint;
use crate::{DnsOptions, Failure, Url};

/// A resolver other than the system's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolver {
    /// How it is asked.
    pub transport: Transport,
    /// Its name or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What an HTTPS resolver is asked at.
    url: String,
}

/// How a resolver is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// `udp://host`.
    Udp,
    /// `tcp://host`.
    Tcp,
    /// `dot://host`: over TLS.
    Dot,
    /// `https://host/path`, and the short forms `doh://google` and `doh://cloudflare`.
    Doh,
    /// `h3://host/path`: HTTPS over HTTP/3.
    Doh3,
    /// `doq://host`: over QUIC.
    Doq,
}

impl Resolver {
    /// Read a resolver's URL. `None` is the system's resolver: an empty text, or `system:///`. The failure is OONI's.
    pub fn parse(text: &str) -> Result<Option<Self>, Failure> {
        let text = match text {
            "doh://google" => "https://dns.google/dns-query",
            "doh://cloudflare" => "https://cloudflare-dns.com/dns-query",
            other => other,
        };
        if text.is_empty() || text.starts_with("system://") {
            return Ok(None);
        }
        let unsupported = || {
            let reason = "unsupported resolver scheme";
            Failure::top_level(&format!("unknown_failure: {reason}"), format!("{reason}: {text}"))
        };
        let mut url = Url::parse(text).map_err(|_| unsupported())?;
        let (transport, usual_port) = match url.scheme.as_str() {
            "udp" => (Transport::Udp, 53),
            "tcp" => (Transport::Tcp, 53),
            "dot" => (Transport::Dot, 853),
            "https" => (Transport::Doh, 443),
            "h3" => (Transport::Doh3, 443),
            "doq" => (Transport::Doq, 853),
            _ => return Err(unsupported()),
        };
        "https".clone_into(&mut url.scheme);
        Ok(Some(Self {
            transport,
            port: url.port.unwrap_or(usual_port),
            url: url.to_string(),
            host: url.host,
        }))
    }

    /// Options for asking it at this address, which is its host's.
    pub fn options(&self, address: &str) -> DnsOptions {
        let options = DnsOptions::new();
        let endpoint = endpoint(address, self.port);
        match self.transport {
            Transport::Udp => options.udp_resolver(&endpoint),
            Transport::Tcp => options.tcp_resolver(&endpoint),
            Transport::Dot => options.dot_resolver(&endpoint, &self.host),
            Transport::Doh => options.doh_resolver(&endpoint, &self.url),
            Transport::Doh3 => options.doh3_resolver(&endpoint, &self.url),
            Transport::Doq => options.doq_resolver(&endpoint, &self.host),
        }
        options
    }
}

impl Transport {
    /// The protocols that its handshake offers; none where it has no handshake.
    pub fn alpn(self) -> Vec<String> {
        let protocols: &[&str] = match self {
            Self::Udp | Self::Tcp => &[],
            Self::Dot => &["dot"],
            Self::Doh => &["h2", "http/1.1"],
            Self::Doh3 => &["h3"],
            Self::Doq => &["doq"],
        };
        protocols.iter().map(|&protocol| protocol.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Resolver {
        Resolver::parse(text).unwrap().unwrap()
    }

    #[test]
    fn the_system_is_asked_unless_a_resolver_is_named() {
        assert_eq!(Resolver::parse("").unwrap(), None);
        assert_eq!(Resolver::parse("system:///").unwrap(), None);
    }

    #[test]
    fn resolvers_have_a_transport_a_host_and_a_port() {
        let expected = [
            ("udp://8.8.8.8", Transport::Udp, "8.8.8.8", 53),
            ("udp://[2001:db8::1]:5353/", Transport::Udp, "2001:db8::1", 5353),
            ("tcp://8.8.8.8", Transport::Tcp, "8.8.8.8", 53),
            ("dot://dns.google", Transport::Dot, "dns.google", 853),
            ("https://dns.google/dns-query", Transport::Doh, "dns.google", 443),
            (
                "h3://dns.google:8443/dns-query",
                Transport::Doh3,
                "dns.google",
                8443,
            ),
            ("doq://dns.example", Transport::Doq, "dns.example", 853),
        ];
        for (text, transport, host, port) in expected {
            let resolver = parse(text);
            assert_eq!(
                (resolver.transport, resolver.host.as_str(), resolver.port),
                (transport, host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn https_resolvers_are_asked_at_a_url() {
        assert_eq!(parse("doh://google"), parse("https://dns.google/dns-query"));
        assert_eq!(
            parse("doh://cloudflare").url,
            "https://cloudflare-dns.com/dns-query"
        );
        assert_eq!(
            parse("h3://dns.google:8443/a?b").url,
            "https://dns.google:8443/a?b"
        );
    }

    #[test]
    fn other_resolvers_are_refused() {
        for text in ["ftp://8.8.8.8", "doh://example", "nonsense", "udp://"] {
            let failure = Resolver::parse(text).unwrap_err();
            assert_eq!(
                failure.code, "unknown_failure: unsupported resolver scheme",
                "{text}"
            );
        }
    }
}
