//! What must hold between the fields of a scenario, whether it was read or built.

use super::{Action, CLIENT_IPV4, CLIENT_IPV6, Host, Port, Reads, Resolver, Rule, Scenario, When};
use hickory_proto::rr::{RData, RecordType};
use http::{HeaderName, HeaderValue};
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
            check_rule(&rule.when, &rule.action)
                .and_then(|()| check_manner(rule))
                .map_err(|(what, remedy)| problem(Place::Rule(index), what, remedy))?;
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
            check_shape(host, &seen).map_err(|(what, remedy)| {
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

/// A port of one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Service {
    Tcp(u16),
    Udp(u16),
}

impl Service {
    fn port(self) -> u16 {
        let (Self::Tcp(port) | Self::Udp(port)) = self;
        port
    }
}

impl Host {
    /// Its name and its aliases.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// What it serves, and where.
    fn services(&self) -> impl Iterator<Item = (&'static str, Service)> {
        let tcp = [
            ("http", &self.http),
            ("https", &self.https),
            ("old_https", &self.old_https),
            ("dns", &self.dns),
            ("dot", &self.dot),
            ("echo", &self.echo),
            ("header_echo", &self.header_echo),
        ];
        let udp = [
            ("dns", &self.dns),
            ("echo", &self.echo),
            ("http3", &self.http3),
            ("doq", &self.doq),
            ("stun", &self.stun),
            ("quic_negotiating", &self.quic_negotiating),
        ];
        let tcp = tcp
            .into_iter()
            .flat_map(|(kind, ports)| ports.iter().map(move |port| (kind, Service::Tcp(*port))));
        let udp = udp
            .into_iter()
            .flat_map(|(kind, ports)| ports.iter().map(move |port| (kind, Service::Udp(*port))));
        tcp.chain(udp)
    }
}

type Complaint = (String, &'static str);

fn check_shape(host: &Host, names: &BTreeSet<String>) -> Result<(), Complaint> {
    if let Some(target) = &host.cname {
        if !names.contains(&target.to_ascii_lowercase()) {
            return Err((
                format!("cname {target} is no host's name"),
                "add a [[host]] with that name",
            ));
        }
        if !host.addresses.is_empty() {
            return Err((
                "it has a cname and addresses".into(),
                "keep one: a CNAME has its target's addresses",
            ));
        }
        if host.services().next().is_some() {
            return Err((
                "it has a cname and serves something".into(),
                "let the host that has the addresses serve",
            ));
        }
    } else if host.addresses.is_empty() {
        return Err((
            "it has no address".into(),
            "add addresses = [\"192.0.2.1\"] or cname = \"another.host\"",
        ));
    }
    if let Some(address) = host
        .addresses
        .iter()
        .find(|a| a.is_loopback() || a.is_unspecified() || a.is_multicast())
    {
        return Err((
            format!("{address} is no address a host on the internet can have"),
            "use a unicast address",
        ));
    }
    if !(200..=599).contains(&host.status) {
        return Err((
            format!("status {} ends no HTTP request", host.status),
            "use one from 200 to 599",
        ));
    }
    for (name, value) in &host.headers {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            return Err((
                format!("`{name}: {value}` is no HTTP header field"),
                "use visible ASCII, no space in the name",
            ));
        }
    }
    if host.body.is_some() && host.body_bytes.is_some() {
        return Err(("it has body and body_bytes".into(), "keep one"));
    }
    check_additions(host)?;
    if !host.https.is_empty() && host.alpn.is_empty() {
        return Err((
            "alpn is empty".into(),
            "leave it out, or name \"h2\" or \"http/1.1\"",
        ));
    }
    Ok(())
}

/// What is said of a host beside its address needs a place where it holds.
fn check_additions(host: &Host) -> Result<(), Complaint> {
    let no_https = host.https.is_empty();
    if host.doh && no_https && host.http3.is_empty() {
        return Err((
            "doh without HTTPS or HTTP/3".into(),
            "add https = [443] or http3 = [443]",
        ));
    }
    if host.ech.is_some() && no_https {
        return Err(("ech without HTTPS".into(), "add https = [443]"));
    }
    if host.ech.as_ref().is_some_and(|ech| ech.public_name.is_empty()) {
        return Err((
            "ech has an empty public_name".into(),
            "name what clients may show",
        ));
    }
    for (kind, texts) in &host.records {
        let Ok(kind) = kind.parse::<RecordType>() else {
            return Err((
                format!("`{kind}` is no type of resource records"),
                "write TXT, NS, CAA, …",
            ));
        };
        if let Some(text) = texts.iter().find(|text| RData::try_from_str(kind, text).is_err()) {
            return Err((
                format!("`{text}` is no {kind} record"),
                "write it as in a zone file, names with a final dot",
            ));
        }
    }
    Ok(())
}

fn check_rule(when: &When, action: &Action) -> Result<(), Complaint> {
    let fits = match action {
        Action::Drop | Action::Icmp(_) => true,
        Action::Reset | Action::Close => {
            matches!(
                when,
                When::Sni(_) | When::Ech | When::SpanningHello | When::Host(_) | When::Dns(_)
            )
        }
        Action::Refuse => matches!(when, When::Endpoint(_) | When::Port(Port::Tcp(_))),
        Action::Dns(_) | Action::Nxdomain | Action::Rcode(_) => matches!(when, When::Dns(_)),
        Action::Blockpage(_) => matches!(when, When::Host(_)),
        Action::Stun(_) => matches!(when, When::Endpoint(_) | When::Port(Port::Udp(_))),
        Action::ResetAfterBytes(_) => matches!(
            when,
            When::Sni(_) | When::Host(_) | When::Endpoint(_) | When::Port(Port::Tcp(_))
        ),
        Action::ThrottleBytesPerSecond(_) => !matches!(when, When::Dns(_)),
    };
    let (word, remedy) = match action {
        Action::Drop => ("drop", ""),
        Action::Icmp(_) => ("icmp", ""),
        Action::Reset => (
            "reset",
            "reset needs when = { sni = … }, { host = … } or { dns = … }; refuse is for endpoints",
        ),
        Action::Close => (
            "close",
            "close needs when = { sni = … }, { host = … } or { dns = … }; refuse is for endpoints",
        ),
        Action::Refuse => (
            "refuse",
            "refuse needs when = { endpoint = … }; reset is for names",
        ),
        Action::Dns(_) => ("dns", "an injected answer needs when = { dns = … }"),
        Action::Nxdomain => ("nxdomain", "an injected answer needs when = { dns = … }"),
        Action::Rcode(_) => ("rcode", "an injected answer needs when = { dns = … }"),
        Action::Blockpage(_) => ("blockpage", "a blockpage needs when = { host = … }"),
        Action::Stun(_) => (
            "stun",
            "a forged address needs when = { port = \"udp/3478\" } or { endpoint = … }",
        ),
        Action::ResetAfterBytes(_) => (
            "reset_after_bytes",
            "it needs when = { sni = … }, { host = … }, { endpoint = … } or { port = \"tcp/443\" }",
        ),
        Action::ThrottleBytesPerSecond(_) => (
            "throttle_bytes_per_second",
            "throttling needs when = { sni = … }, { host = … } or { endpoint = … }",
        ),
    };
    if !fits {
        return Err((
            format!("`{word}` cannot be done to what this rule matches"),
            remedy,
        ));
    }
    match action {
        Action::ThrottleBytesPerSecond(rate) if *rate < 1000 => Err((
            format!("{rate} bytes per second is less than one packet"),
            "allow 1000 or more; drop blocks all",
        )),
        Action::Dns(addresses) if addresses.is_empty() => Err((
            "an injected answer has no address".into(),
            "add one, or use do = \"nxdomain\"",
        )),
        _ => Ok(()),
    }
}

/// What is said of the way a rule acts has an effect.
fn check_manner(rule: &Rule) -> Result<(), Complaint> {
    let reads_hellos = matches!(rule.when, When::Sni(_) | When::QuicSni(_) | When::Ech);
    if rule.reads != Reads::default() && !reads_hellos {
        return Err((
            "reads is said of a rule that reads no ClientHello".into(),
            "leave it out, or use when = { sni = … }, { quic_sni = … } or \"ech\"",
        ));
    }
    let blocks = matches!(rule.action, Action::Drop | Action::Reset | Action::Close);
    let is_sticky = matches!(rule.when, When::Endpoint(_) | When::Port(_));
    if rule.residual_seconds > 0 && (!blocks || is_sticky) {
        return Err((
            "residual_seconds on a rule that blocks no names, or blocks for ever".into(),
            "use it with drop, reset or close, and not with endpoints and ports",
        ));
    }
    let forges = matches!(rule.action, Action::Dns(_) | Action::Nxdomain | Action::Rcode(_));
    if rule.delay_ms > 0 && !forges {
        return Err((
            "delay_ms on a rule that forges no DNS answer".into(),
            "leave it out; the world's own delay_ms stands at the top of the document",
        ));
    }
    Ok(())
}
