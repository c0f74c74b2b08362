//! Observations told apart: what was reached for, and what came of it.
//!
//! A nettest that runs a list of mini nettests tags the observations of each with its target
//! ([`messaging`](crate::messaging)), so that they are told apart by that. Measurements of other probes have no such tags:
//! there, names and addresses tell. A connection belongs to the first lookup that its address may come from, in the order in
//! which such probes make connections: address by address until one succeeds.

use std::net::IpAddr;

use crate::Url;
use crate::observations::{Answer, FailedMini, Observations, Query, Request, Step, TcpConnect, TlsHandshake};

/// What the tag with a mini nettest's target begins with.
pub(crate) const TARGET_TAG: &str = "target:";

/// The failure of what the probe's destination policy refused.
const DENIED: &str = "unknown_failure: denied by destination policy";

/// What takes less, in seconds, waited for nobody.
const AT_ONCE: f64 = 0.5;

/// How everything fails on a device without a network.
const OFFLINE: [&str; 5] = [
    "dns_server_misbehaving",
    "dns_temporary_failure",
    "host_unreachable",
    "network_down",
    "network_unreachable",
];

/// What was observed of one host at one port.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// The name, in lower case, or the address where there is no name.
    pub host: String,
    /// The port; none where all that is known is a lookup.
    pub port: Option<u16>,
    target: Option<&'a str>,
    tags: Vec<&'a str>,
    queries: Vec<&'a Query>,
    connects: Vec<&'a TcpConnect>,
    handshakes: Vec<&'a TlsHandshake>,
    requests: Vec<&'a Request>,
    failed: Option<&'a FailedMini>,
}

/// At which step an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FailedStep<'a> {
    /// OONI's name of the operation.
    pub operation: &'a str,
    /// OONI's failure string.
    pub failure: &'a str,
}

impl Observations {
    /// Tell the observations apart. What the probe itself refused is nobody's doing, and not among them.
    pub fn attempts(&self) -> Vec<Attempt<'_>> {
        let mut attempts = self.all_attempts();
        attempts.retain(|attempt| attempt.failed().is_none_or(|step| step.failure != DENIED));
        attempts
    }

    /// Why nothing at all could be reached, if that is for want of a network, or because the probe goes to none of it.
    pub(crate) fn unreached(&self) -> Option<&str> {
        let mut why = None;
        for attempt in self.all_attempts() {
            let FailedStep { failure, .. } = attempt.failed()?;
            if failure != DENIED && !attempt.is_without_network() {
                return None;
            }
            why = why.or(Some(failure));
        }
        why
    }

    fn all_attempts(&self) -> Vec<Attempt<'_>> {
        let mut sorter = Sorter::default();
        for query in &self.queries {
            match target(&query.tags) {
                Some(target) => {
                    let key = Key::Target(target);
                    sorter.add(key, &query.tags, |attempt| attempt.queries.push(query));
                }
                None => sorter.lookup(query),
            }
        }
        for connect in &self.tcp_connect {
            let key = Key::of(&connect.tags, || sorter.dialled(connect));
            sorter.add(key, &connect.tags, |attempt| attempt.connects.push(connect));
        }
        for handshake in &self.tls_handshakes {
            let key = Key::of(&handshake.tags, || end_of(handshake));
            sorter.add(key, &handshake.tags, |attempt| attempt.handshakes.push(handshake));
        }
        for request in &self.requests {
            let key = Key::of(&request.tags, || host_of(&request.request.url));
            sorter.add(key, &request.tags, |attempt| attempt.requests.push(request));
        }
        for failed in &self.x_failed_mini_nettests {
            let key = Key::Target(&failed.target);
            sorter.add(key, &failed.tags, |attempt| attempt.failed = Some(failed));
        }
        sorter.finish()
    }
}

impl<'a> Attempt<'a> {
    fn new(host: String, port: Option<u16>) -> Self {
        Self {
            host,
            port,
            target: None,
            tags: Vec::new(),
            queries: Vec::new(),
            connects: Vec::new(),
            handshakes: Vec::new(),
            requests: Vec::new(),
            failed: None,
        }
    }

    /// The first tag that begins with `prefix`, as the script or the nettest gave it.
    pub fn tag(&self, prefix: &str) -> Option<&'a str> {
        self.tags.iter().copied().find(|tag| tag.starts_with(prefix))
    }

    /// Whether a name was looked up, sent to a server, or fetched from.
    pub fn is_about(&self, name: &str) -> bool {
        let hosts = self.requests.iter().map(|seen| host_of(&seen.request.url).0);
        self.host.eq_ignore_ascii_case(name)
            || self
                .handshakes
                .iter()
                .any(|seen| seen.server_name.eq_ignore_ascii_case(name))
            || hosts.into_iter().any(|host| host.eq_ignore_ascii_case(name))
    }

    /// Whether it went to an address that nobody looked up.
    pub fn is_to_address(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }

    /// What its lookups answered.
    pub fn answers(&self) -> impl Iterator<Item = &'a Answer> {
        self.queries.iter().flat_map(|query| &query.answers)
    }

    /// How the connections went.
    pub fn connected(&self) -> Step<'a> {
        Step::of(self.connects.iter().map(|seen| seen.status.failure.as_deref()))
    }

    /// How the HTTP transactions went.
    pub fn fetched(&self) -> Step<'a> {
        Step::of(self.requests.iter().map(|seen| seen.failure.as_deref()))
    }

    /// The first step at which all ways ended, or none where one way led to the end. A failure that nothing shows, because
    /// it is the mini nettest's own, counts where the observations leave it open.
    pub fn failed(&self) -> Option<FailedStep<'a>> {
        let http = self.fetched();
        if http == Step::Succeeded {
            return None;
        }
        let tls = Step::of(self.handshakes.iter().map(|seen| seen.failure.as_deref()));
        let resolve = Step::of(self.queries.iter().map(|seen| seen.failure.as_deref()));
        let steps = [
            ("resolve", resolve),
            ("connect", self.connected()),
            ("tls_handshake", tls),
            ("http_round_trip", http),
        ];
        let observed = steps.into_iter().find_map(|(operation, step)| match step {
            Step::Failed(failure) => Some(FailedStep { operation, failure }),
            Step::Untried | Step::Succeeded => None,
        });
        match (observed, self.failed) {
            // The probe itself broke off: why is known to the nettest, not to the step.
            (Some(step), Some(said)) if step.failure == "interrupted" => Some(FailedStep {
                failure: &said.failure,
                ..step
            }),
            (None, Some(said)) => Some(FailedStep {
                operation: &said.failed_operation,
                failure: &said.failure,
            }),
            (observed, _) => observed,
        }
    }

    /// Whether all that was seen of it is what a device without a network sees. Its resolver fails at once: one whose
    /// packets are dropped fails with the same words, after seconds.
    fn is_without_network(&self) -> bool {
        let is_offline = |failure: &Option<String>| {
            failure
                .as_deref()
                .is_some_and(|failure| OFFLINE.contains(&failure))
        };
        let is_quick = |query: &Query| query.took.is_some_and(|seconds| seconds < AT_ONCE);
        let has_any = !(self.connects.is_empty() && self.queries.is_empty());
        has_any
            && self.connects.iter().all(|seen| is_offline(&seen.status.failure))
            && self
                .queries
                .iter()
                .all(|seen| is_offline(&seen.failure) && is_quick(seen))
    }
}

/// What became of several attempts at one thing: one success is enough. An attempt that got no further than a lookup counts
/// only where there is no other.
pub fn together<'a, 'b: 'a>(attempts: impl IntoIterator<Item = &'a Attempt<'b>>) -> Step<'b> {
    let (further, lookups): (Vec<_>, Vec<_>) =
        attempts.into_iter().partition(|attempt| attempt.port.is_some());
    let counting = if further.is_empty() { lookups } else { further };
    Step::of(
        counting
            .into_iter()
            .map(|attempt| attempt.failed().map(|step| step.failure)),
    )
}

/// A lookup of another probe: its queries, and which connections it may account for.
struct Lookup<'a> {
    host: String,
    queries: Vec<&'a Query>,
    dialled: Vec<&'a TcpConnect>,
}

impl Lookup<'_> {
    /// Whether a connection is the next one to be made with its answers: all are to one port, IPv4 before IPv6, until one
    /// succeeds.
    fn leads_to(&self, connect: &TcpConnect) -> bool {
        let (ipv4, ipv6): (Vec<_>, Vec<_>) = self.addresses().partition(|address| !address.contains(':'));
        let next = ipv4.into_iter().chain(ipv6).nth(self.dialled.len());
        let goes_on = |seen: &&TcpConnect| seen.port == connect.port && seen.status.failure.is_some();
        next == Some(&connect.ip) && self.dialled.iter().all(goes_on)
    }

    fn knows(&self, ip: &str) -> bool {
        self.addresses().any(|address| address == ip)
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.queries.iter().flat_map(|query| query.addresses())
    }
}

/// What an observation belongs to.
enum Key<'a> {
    /// A mini nettest's target.
    Target(&'a str),
    /// A host, and a port where one is known.
    Host(String, Option<u16>),
}

impl<'a> Key<'a> {
    /// That of an observation with these tags; `led` says where it led if they do not.
    fn of(tags: &'a [String], led: impl FnOnce() -> (String, Option<u16>)) -> Self {
        target(tags).map_or_else(
            || {
                let (host, port) = led();
                Self::Host(host, port)
            },
            Self::Target,
        )
    }

    fn is_of(&self, attempt: &Attempt<'_>) -> bool {
        match self {
            Self::Target(target) => attempt.target == Some(target),
            Self::Host(host, port) => {
                attempt.target.is_none() && attempt.host == *host && attempt.port == *port
            }
        }
    }

    fn attempt(self) -> Attempt<'a> {
        match self {
            Self::Target(target) => {
                let (host, port) = split(target);
                Attempt {
                    target: Some(target),
                    ..Attempt::new(host.to_ascii_lowercase(), port)
                }
            }
            Self::Host(host, port) => Attempt::new(host, port),
        }
    }
}

#[derive(Default)]
struct Sorter<'a> {
    attempts: Vec<Attempt<'a>>,
    lookups: Vec<Lookup<'a>>,
}

impl<'a> Sorter<'a> {
    /// Add to an attempt, which there may already be.
    fn add(&mut self, key: Key<'a>, tags: &'a [String], add: impl FnOnce(&mut Attempt<'a>)) {
        let known = self.attempts.iter().position(|attempt| key.is_of(attempt));
        if known.is_none() {
            self.attempts.push(key.attempt());
        }
        let index = known.unwrap_or(self.attempts.len() - 1);
        if let Some(attempt) = self.attempts.get_mut(index) {
            for tag in tags {
                if !attempt.tags.contains(&tag.as_str()) {
                    attempt.tags.push(tag);
                }
            }
            add(attempt);
        }
    }

    /// Note a query that has no target: it belongs to the lookup before it if that is of another type of the same name.
    fn lookup(&mut self, query: &'a Query) {
        let host = query.hostname.to_ascii_lowercase();
        match self.lookups.last_mut() {
            Some(last)
                if last.host == host
                    && last
                        .queries
                        .iter()
                        .all(|seen| seen.query_type != query.query_type) =>
            {
                last.queries.push(query);
            }
            _ => self.lookups.push(Lookup {
                host,
                queries: vec![query],
                dialled: Vec::new(),
            }),
        }
    }

    /// Where a connection without a target led.
    fn dialled(&mut self, connect: &'a TcpConnect) -> (String, Option<u16>) {
        let next = self.lookups.iter().position(|lookup| lookup.leads_to(connect));
        let index = next.or_else(|| self.lookups.iter().position(|lookup| lookup.knows(&connect.ip)));
        let host = match index.and_then(|index| self.lookups.get_mut(index)) {
            Some(lookup) => {
                lookup.dialled.push(connect);
                lookup.host.clone()
            }
            None => connect.ip.clone(),
        };
        (host, Some(connect.port))
    }

    /// Give each lookup to the attempts that it led to. One that failed led nowhere: it is an attempt of its own.
    fn finish(mut self) -> Vec<Attempt<'a>> {
        for lookup in std::mem::take(&mut self.lookups) {
            let failed = lookup.queries.iter().all(|query| query.failure.is_some());
            let led_to =
                |seen: &&mut Attempt<'_>| seen.target.is_none() && !failed && seen.host == lookup.host;
            let mut led_somewhere = false;
            for attempt in self.attempts.iter_mut().filter(led_to) {
                attempt.queries.extend(&lookup.queries);
                led_somewhere = true;
            }
            if !led_somewhere {
                self.attempts.push(Attempt {
                    tags: lookup
                        .queries
                        .iter()
                        .flat_map(|query| &query.tags)
                        .map(String::as_str)
                        .collect(),
                    queries: lookup.queries,
                    ..Attempt::new(lookup.host, None)
                });
            }
        }
        self.attempts
    }
}

/// The target of the mini nettest that made an observation with these tags.
fn target(tags: &[String]) -> Option<&str> {
    tags.iter().find_map(|tag| tag.strip_prefix(TARGET_TAG))
}

/// Host and port of `host:port`, `[address]:port` or `host`.
fn split(target: &str) -> (&str, Option<u16>) {
    let bare = |host: &'_ str| !host.contains(':') || host.ends_with(']');
    match target.rsplit_once(':') {
        Some((host, port)) if bare(host) => (host.trim_matches(['[', ']']), port.parse().ok()),
        _ => (target, None),
    }
}

/// Where a handshake led: the name that was sent, or else the address.
fn end_of(handshake: &TlsHandshake) -> (String, Option<u16>) {
    let (ip, port) = split(&handshake.address);
    let host = if handshake.server_name.is_empty() {
        ip
    } else {
        &handshake.server_name
    };
    (host.to_ascii_lowercase(), port)
}

/// Where a request led; an empty host where its URL is none.
fn host_of(url: &str) -> (String, Option<u16>) {
    Url::parse(url).map_or_else(
        |_| (String::new(), None),
        |url| {
            let port = url.port_or_default();
            (url.host, port)
        },
    )
}

#[cfg(test)]
mod tests;
