//! What must hold within a host.

use super::Complaint;
use crate::scenario::{Answer, Host, Run, Scenario, To};
use hickory_proto::rr::{RData, RecordType};
use http::{HeaderName, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};

/// Where names are resolved.
const DNS: u16 = 53;

/// A port of one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Tcp(u16),
    Udp(u16),
}

impl Service {
    pub(super) fn port(self) -> u16 {
        let (Self::Tcp(port) | Self::Udp(port)) = self;
        port
    }
}

/// Of hosts that run no program.
static NO_PORTS: Vec<u16> = Vec::new();

impl Host {
    /// Its name and its aliases.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// What it serves, and where.
    pub(super) fn services(&self) -> impl Iterator<Item = (&'static str, Service)> {
        let tcp = [
            ("http", &self.http),
            ("https", &self.https),
            ("old_https", &self.old_https),
            ("dns", &self.dns),
            ("dot", &self.dot),
            ("echo", &self.echo),
            ("header_echo", &self.header_echo),
            ("forward", &self.forward),
            ("run", self.run.as_ref().map_or(&NO_PORTS, |run| &run.ports)),
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

/// Says what is wrong with a host, whose scenario has these names.
pub(super) fn check(host: &Host, names: &BTreeSet<String>, scenario: &Scenario) -> Result<(), Complaint> {
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
    check_page(host, &scenario.pages)?;
    for answer in &host.answers {
        check_answer(answer, &scenario.pages)?;
    }
    if let Some(run) = &host.run {
        check_run(run, scenario)?;
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

/// What the host answers to HTTP requests that no other answer fits.
fn check_page(host: &Host, pages: &BTreeMap<String, String>) -> Result<(), Complaint> {
    check_head(host.status, &host.headers)?;
    let bodies = [
        ("body", host.body.is_some()),
        ("page", host.page.is_some()),
        ("body_bytes", host.body_bytes.is_some()),
        ("random_bytes", host.random_bytes.is_some()),
    ];
    let mut given = bodies
        .into_iter()
        .filter_map(|(field, given)| given.then_some(field));
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        return Err((format!("it has {first} and {second}"), "keep one"));
    }
    check_name_of_page(host.page.as_deref(), pages)
}

fn check_answer(answer: &Answer, pages: &BTreeMap<String, String>) -> Result<(), Complaint> {
    check_head(answer.status, &answer.headers)?;
    if answer.body.is_some() && answer.page.is_some() {
        return Err(("an answer has body and page".into(), "keep one"));
    }
    check_name_of_page(answer.page.as_deref(), pages)?;
    match &answer.path {
        None if answer.to == To::Everybody => Err((
            "an answer fits every request".into(),
            "say to which path = \"/…\" or to = \"client\", or give the host status, headers and body",
        )),
        Some(path) if !path.starts_with('/') => Err((
            format!("`{path}` is no path of requests"),
            "begin it with a slash",
        )),
        _ => Ok(()),
    }
}

fn check_head(status: u16, headers: &BTreeMap<String, String>) -> Result<(), Complaint> {
    if !(200..=599).contains(&status) {
        return Err((
            format!("status {status} ends no HTTP request"),
            "use one from 200 to 599",
        ));
    }
    for (name, value) in headers {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            return Err((
                format!("`{name}: {value}` is no HTTP header field"),
                "use visible ASCII, no space in the name",
            ));
        }
    }
    Ok(())
}

fn check_name_of_page(name: Option<&str>, pages: &BTreeMap<String, String>) -> Result<(), Complaint> {
    match name {
        Some(name) if !pages.contains_key(name) => {
            Err((format!("there is no page called {name}"), "add it under [pages]"))
        }
        _ => Ok(()),
    }
}

fn check_run(run: &Run, scenario: &Scenario) -> Result<(), Complaint> {
    if run.command.is_empty() || run.ports.is_empty() {
        return Err((
            "run has no command, or no ports".into(),
            "name the program and its arguments, and the ports it listens on",
        ));
    }
    let mut hosts = scenario.hosts.iter();
    let resolves = hosts.any(|host| host.addresses.contains(&run.resolver) && host.dns.contains(&DNS));
    if !resolves && run.resolver != scenario.resolver.address {
        return Err((
            format!("nobody resolves names at {}", run.resolver),
            "add a host with that address and dns = [53]",
        ));
    }
    Ok(())
}
