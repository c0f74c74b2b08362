//! What must hold between the fields of a scenario, whether it was read or built.
//!
//! `host` looks at one host, `rule` at one rule; here is what holds between them.

mod host;
mod rule;

use self::host::Service;
use super::{CLIENT_IPV4, CLIENT_IPV6, Resolver, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Parts of a scenario that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) place: Place,
    what: String,
    remedy: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy)
    }
}

impl std::error::Error for Problem {}

/// The part of a scenario in which a problem lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Document,
    Resolver,
    Hop(usize),
    Host(usize),
    Rule(usize),
}

/// What is wrong with a part, and the remedy.
type Complaint = (String, &'static str);

fn problem(place: Place, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem {
        place,
        what: what.into(),
        remedy: remedy.into(),
    }
}

impl Scenario {
    /// Says what does not fit together, if anything.
    pub fn check(&self) -> Result<(), Problem> {
        if self.delay_ms > 10_000 {
            let what = format!("delay_ms is {}", self.delay_ms);
            return Err(problem(
                Place::Document,
                what,
                "it is milliseconds one way; 10000 is the most",
            ));
        }
        self.check_names()?;
        self.check_addresses()?;
        self.check_hops()?;
        self.check_services()?;
        for (index, rule) in self.rules.iter().enumerate() {
            rule::check(rule).map_err(|(what, remedy)| problem(Place::Rule(index), what, remedy))?;
        }
        Ok(())
    }

    /// Every name is said once, and leads somewhere.
    fn check_names(&self) -> Result<(), Problem> {
        let mut seen = BTreeSet::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let place = Place::Host(index);
            if host.name.is_empty() {
                return Err(problem(place, "a host has no name", "add name = \"example.org\""));
            }
            for name in host.names() {
                if !seen.insert(name.to_ascii_lowercase()) {
                    let what = format!("{name} is named twice");
                    return Err(problem(place, what, "give one host all its addresses"));
                }
            }
        }
        for (index, host) in self.hosts.iter().enumerate() {
            host::check(host, &seen, self).map_err(|(what, remedy)| {
                problem(Place::Host(index), format!("{}: {what}", host.name), remedy)
            })?;
        }
        Ok(())
    }

    /// Nobody has the client's address, nor, by mistake, the resolver's.
    fn check_addresses(&self) -> Result<(), Problem> {
        let is_clients = |address: IpAddr| address == CLIENT_IPV4 || address == CLIENT_IPV6;
        let resolver = self.resolver.address;
        if is_clients(resolver) {
            let what = format!("{resolver} is the client's own address");
            return Err(problem(Place::Resolver, what, "give the resolver another one"));
        }
        for (index, host) in self.hosts.iter().enumerate() {
            for address in &host.addresses {
                let (whose, remedy) = if is_clients(*address) {
                    ("the client's own", "give the host another one")
                } else if *address == resolver && resolver == Resolver::default().address {
                    // A resolver at an address the scenario chose may be a host, too.
                    (
                        "the provider's resolver's",
                        "give the host another one, or move the resolver: [resolver] address = \"…\"",
                    )
                } else {
                    continue;
                };
                let what = format!("{}: {address} is {whose} address", host.name);
                return Err(problem(Place::Host(index), what, remedy));
            }
        }
        Ok(())
    }

    /// There are not too many hops, and their addresses are their own.
    fn check_hops(&self) -> Result<(), Problem> {
        if self.hops.len() > 32 {
            let what = format!("there are {} hops", self.hops.len());
            return Err(problem(Place::Document, what, "32 are the most"));
        }
        let hosts = self.hosts.iter().flat_map(|host| &host.addresses);
        let mut taken: BTreeSet<IpAddr> = hosts.copied().collect();
        taken.extend([CLIENT_IPV4.into(), CLIENT_IPV6.into(), self.resolver.address]);
        for (index, hop) in self.hops.iter().enumerate() {
            let place = Place::Hop(index);
            for address in &hop.addresses {
                if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
                    let what = format!("{address} is no address a router can have");
                    return Err(problem(place, what, "use a unicast address"));
                }
                if !taken.insert(*address) {
                    let what = format!("{address} is taken");
                    return Err(problem(place, what, "give the hop another one"));
                }
            }
            for is_family in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
                if hop.addresses.iter().filter(|address| is_family(address)).count() > 1 {
                    let what = "a hop has two addresses of a kind";
                    return Err(problem(place, what, "keep one for IPv4 and one for IPv6"));
                }
            }
        }
        Ok(())
    }

    /// No port speaks two protocols, and the resolver's port is its own.
    fn check_services(&self) -> Result<(), Problem> {
        let mut speaks: BTreeMap<(IpAddr, Service), &str> = BTreeMap::new();
        for service in [Service::Tcp(53), Service::Udp(53)] {
            speaks.insert((self.resolver.address, service), "the provider's resolver");
        }
        if self.resolver.address.is_unspecified() || self.resolver.address.is_multicast() {
            let what = format!("{} is no address a resolver can have", self.resolver.address);
            return Err(problem(Place::Resolver, what, "give it a unicast address"));
        }
        let mut with_ech = BTreeSet::new();
        for (index, host) in self.hosts.iter().enumerate() {
            let https = host.https.iter().map(|port| Service::Tcp(*port));
            let services = https.chain(host.http3.iter().map(|port| Service::Udp(*port)));
            let endpoints =
                services.flat_map(|service| host.addresses.iter().map(move |address| (*address, service)));
            for (address, service) in endpoints.filter(|_| host.ech.is_some()) {
                if !with_ech.insert((address, service)) {
                    let port = service.port();
                    let what = format!("{}: port {port} of {address} has ech of another host", host.name);
                    return Err(problem(
                        Place::Host(index),
                        what,
                        "give the host another address, or make it an alias",
                    ));
                }
            }
            for (kind, service) in host.services() {
                for address in &host.addresses {
                    let first = *speaks.entry((*address, service)).or_insert(kind);
                    if first != kind {
                        let port = service.port();
                        let what = format!("{}: port {port} of {address} is taken by {first}", host.name);
                        return Err(problem(
                            Place::Host(index),
                            what,
                            format!("move {kind} to another port"),
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}
