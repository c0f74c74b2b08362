//! Finding out where the probe is: its public address of each family, that of its resolver, and whose they are.
//!
//! What others see is asked of them; whose an address is comes from local files ([`netsonde_net::Owners`]) and is told
//! to nobody. A source that does not answer, or not sensibly, is told and leaves the next one to be asked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use netsonde_data::bogon;
use netsonde_data::location::{Location, Locations};
use netsonde_net::dns::{LookupOptions, configured_resolvers};
use netsonde_net::{Net, Owner, Transaction};
use url::Url;

/// Names whose addresses are those from which the resolver asks for them, one for each family.
pub const RESOLVER_NAMES: [&str; 2] = ["whoami.v4.powerdns.org", "whoami.v6.powerdns.org"];

/// Whom to ask.
#[derive(Clone, Debug)]
pub struct Sources {
    /// STUN servers; they are asked before the pages, in this order.
    pub stun: Vec<Server>,
    /// Pages that are the address of who asks, or have it in a line `ip=…`.
    pub http: Vec<Url>,
    /// Names that resolve to the address of the resolver that asks for them.
    pub resolver_names: Vec<String>,
    /// How long to wait for each.
    pub within: Duration,
}

/// A server's name, or its address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: u16,
}

/// What is no [`Server`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server is HOST:PORT, as in stun.example.org:3478 or [2001:db8::1]:3478")]
pub struct NoServer;

impl FromStr for Server {
    type Err = NoServer;

    fn from_str(text: &str) -> Result<Self, NoServer> {
        let (host, port) = text.rsplit_once(':').ok_or(NoServer)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(NoServer)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        if host.is_empty() || host.contains('/') || (bare.is_none() && host.contains(':')) {
            return Err(NoServer);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Where the probe is. A family without a public address is missing.
    pub locations: Locations,
    /// The resolvers that the system is configured to ask: not those of `locations`, from which queries come.
    pub configured_resolvers: Vec<IpAddr>,
    /// What did not work, each a sentence for the user.
    pub problems: Vec<String>,
}

/// The two families.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn has(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }

    fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// Ask around, over both families.
pub async fn locate(net: &Net, sources: &Sources) -> Found {
    let mut search = Search {
        net,
        sources,
        tx: net.trace().begin(Vec::new(), None),
        problems: Vec::new(),
    };
    let v4 = search.probe_address(Family::V4).await;
    let v6 = search.probe_address(Family::V6).await;
    let resolvers = search.resolver_addresses().await;
    // One resolver serves both families; it need not be able to ask over both.
    let resolver = |family: Family| {
        let own = resolvers.iter().find(|address| family.has(**address));
        own.or(resolvers.first()).copied()
    };
    let locations = Locations {
        ipv4: v4.map(|address| search.location(address, resolver(Family::V4))),
        ipv6: v6.map(|address| search.location(address, resolver(Family::V6))),
    };
    Found {
        locations,
        configured_resolvers: configured_resolvers(),
        problems: search.problems,
    }
}

struct Search<'a> {
    net: &'a Net,
    sources: &'a Sources,
    tx: Transaction,
    problems: Vec<String>,
}

impl Search<'_> {
    /// The probe's public address: what the first source that answers says.
    async fn probe_address(&mut self, family: Family) -> Option<IpAddr> {
        let sources = self.sources;
        for server in &sources.stun {
            let Some(endpoint) = self.endpoint(family, &server.host, server.port).await else {
                continue;
            };
            let answer = self
                .net
                .public_address_by_stun(&self.tx, endpoint, sources.within)
                .await;
            let address = answer.map(|seen| seen.ip()).map_err(|error| error.to_string());
            if let Some(address) = self.sensible(family, &server.to_string(), address) {
                return Some(address);
            }
        }
        for url in &sources.http {
            let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
                self.problems.push(format!("{url} names no server to ask"));
                continue;
            };
            let host = host.to_string();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let Some(endpoint) = self.endpoint(family, host, port).await else {
                continue;
            };
            let answer = self
                .net
                .public_address_by_http(&self.tx, endpoint, url, sources.within)
                .await
                .map_err(|error| error.to_string());
            if let Some(address) = self.sensible(family, url.as_str(), answer) {
                return Some(address);
            }
        }
        None
    }

    /// The first address of a source over a family. That it has none is ordinary.
    async fn endpoint(&mut self, family: Family, host: &str, port: u16) -> Option<SocketAddr> {
        let addresses = self.addresses(host).await?;
        let address = addresses.into_iter().find(|address| family.has(*address))?;
        Some(SocketAddr::new(address, port))
    }

    /// The addresses of a name, by the system's resolver.
    async fn addresses(&mut self, name: &str) -> Option<Vec<IpAddr>> {
        let options = LookupOptions {
            timeout: Some(self.sources.within),
            ..LookupOptions::default()
        };
        match self.net.lookup(&self.tx, name, options).await {
            Ok(answer) => Some(answer.addresses),
            Err(error) => {
                let problem = error.to_string();
                // Both families ask for the same names.
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    /// An address that can be the probe's.
    fn sensible(&mut self, family: Family, source: &str, answer: Result<IpAddr, String>) -> Option<IpAddr> {
        let problem = match answer.map(|address| address.to_canonical()) {
            Ok(address) if !family.has(address) => {
                format!("over {}, {source} says {address}", family.name())
            }
            Ok(address) if bogon::is_bogon(address) => {
                format!("{source} says {address}, which is no public address")
            }
            Ok(address) => return Some(address),
            Err(error) => format!("over {}: {error}", family.name()),
        };
        self.problems.push(problem);
        None
    }

    /// From where the resolver asks.
    async fn resolver_addresses(&mut self) -> Vec<IpAddr> {
        let mut found = Vec::new();
        let sources = self.sources;
        for name in &sources.resolver_names {
            for address in self.addresses(name).await.unwrap_or_default() {
                if bogon::is_bogon(address) {
                    self.problems.push(format!(
                        "{name} says that the resolver asks from {address}, which is no public address"
                    ));
                } else {
                    found.push(address);
                }
            }
        }
        found
    }

    fn location(&self, probe: IpAddr, resolver: Option<IpAddr>) -> Location {
        let whose = |address: Option<IpAddr>| -> Owner {
            let found = address.and_then(|address| self.net.owners().look_up(address));
            found.unwrap_or_default()
        };
        let (of_probe, of_resolver) = (whose(Some(probe)), whose(resolver));
        Location {
            probe_ip: Some(probe),
            probe_asn: of_probe.asn,
            probe_cc: of_probe.country,
            probe_network_name: of_probe.organization,
            resolver_ip: resolver,
            resolver_asn: of_resolver.asn,
            resolver_cc: of_resolver.country,
            resolver_network_name: of_resolver.organization,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_a_host_and_a_port() {
        let shown = |text: &str| text.parse::<Server>().map(|server| server.to_string());
        for text in ["stun.example.org:3478", "192.0.2.1:1", "[2001:db8::1]:3478"] {
            assert_eq!(shown(text).as_deref(), Ok(text));
        }
        for text in [
            "stun.example.org",
            "a:0",
            ":1",
            "a:70000",
            "2001:db8::1:3478",
            "http://a:1",
        ] {
            assert_eq!(shown(text), Err(NoServer), "{text}");
        }
    }
}
