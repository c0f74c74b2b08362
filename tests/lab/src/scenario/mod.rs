//! What the simulated internet looks like: plain data, written in Rust or read from a TOML document.
//!
//! `host` has what is served, `rule` what is censored. [`Scenario::load`] and [`Scenario::from_toml`] are in `parse`,
//! the rules that hold between fields in `check`.

mod check;
mod host;
mod parse;
mod rule;

pub use check::Problem;
pub use host::{Alpn, Answer, Certificate, Ech, EchMode, Host, Run, To};
pub use parse::ScenarioError;
pub use rule::{Action, Endpoint, Port, Reads, Rule, Unreachable, When};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The client's IPv4 address.
pub const CLIENT_IPV4: Ipv4Addr = Ipv4Addr::new(130, 192, 91, 211);
/// The client's IPv6 address, which it has in scenarios with IPv6 hosts.
pub const CLIENT_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x760, 0, 0x211, 0, 0, 0, 2);

/// One simulated internet: its hosts, the client's resolver and the censor's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What the scenario shows, for people.
    pub description: String,
    /// How long a packet takes from the censor, which stands next to the client, to any host: half a round trip.
    pub delay_ms: u64,
    /// The resolver in the client's `/etc/resolv.conf`.
    pub resolver: Resolver,
    /// What every resolver says about these names, whatever hosts have them.
    pub names: BTreeMap<String, Claim>,
    /// Pages that hosts may answer with, by what they are called here.
    pub pages: BTreeMap<String, String>,
    /// The routers between the censor and every host, the client's first.
    pub hops: Vec<Hop>,
    /// Every host there is.
    pub hosts: Vec<Host>,
    /// What the censor does, first match first.
    pub rules: Vec<Rule>,
}

impl Default for Scenario {
    /// An empty, uncensored world, 10 ms away.
    fn default() -> Self {
        Self {
            description: String::new(),
            delay_ms: 10,
            resolver: Resolver::default(),
            names: BTreeMap::new(),
            pages: BTreeMap::new(),
            hops: Vec::new(),
            hosts: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// The resolver of the client's internet provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Its address.
    pub address: IpAddr,
    /// Names it does not answer truthfully. These are lies of the resolver itself: no rule of the censor counts
    /// them, and other resolvers do not tell them.
    pub lies: BTreeMap<String, Claim>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::new(130, 192, 3, 21)),
            lies: BTreeMap::new(),
        }
    }
}

/// What a resolver says about a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// That it has these addresses: none is an answer without an address.
    Dns(Vec<IpAddr>),
    /// That it is another name for this one.
    Cname(String),
    /// That it has the address of whoever asks.
    Asker,
    /// That it does not exist.
    Nxdomain,
    /// Nothing but that the query failed, or is refused.
    Rcode(Rcode),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rcode {
    /// SERVFAIL.
    Servfail,
    /// REFUSED.
    Refused,
}

/// A router. It takes one from the TTL of each packet, and says so where nothing is left of a packet of the client's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hop {
    /// What it answers with: an address for IPv4, one for IPv6. It is silent where it has none.
    pub addresses: Vec<IpAddr>,
}
