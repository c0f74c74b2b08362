//! Name lookups: by the system (getaddrinfo), or query by query over UDP, TCP, TLS, HTTPS, QUIC.
//!
//! One query is one entry of `queries`. Nothing is cached and nothing is asked twice. A lookup over a stream opens a
//! connection of its own, with the same primitives that guests have, so each step leaves its own observations under
//! the same transaction.

mod asked;
pub(crate) mod configured;
mod https;
mod presentation;
mod query_type;
mod quic;
mod record;
mod stream;
mod system;
mod udp;
pub mod wire;

pub use asked::Reply;
pub use configured::configured_resolvers;
pub use query_type::{NoQueryType, QueryType};
pub use record::{Data, Record, Service};

use crate::{Net, NetError, Transaction, guard::Guard, tls::HandshakeOptions, trace::Event};
use asked::Question;
use bytes::Bytes;
use hickory_proto::rr::Name;
use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// Whom to ask, and how to get there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resolver {
    /// Getaddrinfo.
    #[default]
    System,
    /// DNS over UDP.
    Udp(SocketAddr),
    /// DNS over TCP.
    Tcp(SocketAddr),
    /// DNS over TLS (RFC 7858).
    Dot {
        /// Where to connect to.
        endpoint: SocketAddr,
        /// The resolver's name: sent and verified in the handshake, and part of `resolver_address`.
        name: String,
    },
    /// DNS over HTTPS (RFC 8484), with POST: HTTP/2, or HTTP/1.1 where the handshake agrees on nothing better.
    Doh {
        /// Where to connect to.
        endpoint: SocketAddr,
        /// The URL. Its host is the name that is sent and verified in the handshake.
        url: String,
    },
    /// The same over HTTP/3.
    Doh3 {
        /// Where to send datagrams to.
        endpoint: SocketAddr,
        /// The URL, as for [`Resolver::Doh`].
        url: String,
    },
    /// DNS over QUIC (RFC 9250).
    Doq {
        /// Where to send datagrams to.
        endpoint: SocketAddr,
        /// The resolver's name, as for [`Resolver::Dot`].
        name: String,
    },
}

impl Resolver {
    /// Where a lookup shakes hands by TLS. OONI's pipeline takes the endpoint of a handshake from the first event of its
    /// transaction, which here is the begin of the lookup.
    fn tls_endpoint(&self) -> Option<SocketAddr> {
        match self {
            Self::Dot { endpoint, .. } | Self::Doh { endpoint, .. } => Some(*endpoint),
            Self::System | Self::Udp(_) | Self::Tcp(_) | Self::Doh3 { .. } | Self::Doq { .. } => None,
        }
    }
}

/// How to look a name up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupOptions {
    /// Whom to ask.
    pub resolver: Resolver,
    /// What to ask a resolver for; it has to be something. Getaddrinfo asks for whatever it likes.
    pub query_types: Vec<QueryType>,
    /// How long it may take. If nothing is said: 5 seconds for UDP, and 15 for everything else, connecting included.
    pub timeout: Option<Duration>,
    /// UDP only: how long to go on listening after the first answer to a query; the lookup ends after that.
    pub collect: Option<Duration>,
    /// UDP only: how long to go on listening after the lookup has ended, for the archive alone. [`Net::listened`]
    /// waits for that.
    pub listen: Option<Duration>,
    /// Encrypted resolvers only: shake hands with exactly these options. Without them: the resolver's name, and the ALPN
    /// of its protocol.
    pub tls: Option<HandshakeOptions>,
    /// HTTPS only: headers to add. `Host` (or `:authority`) comes from the URL unless it is here.
    pub headers: Vec<(String, String)>,
}

impl Default for LookupOptions {
    fn default() -> Self {
        Self {
            resolver: Resolver::System,
            query_types: vec![QueryType::A, QueryType::AAAA],
            timeout: None,
            collect: None,
            listen: None,
            tls: None,
            headers: Vec::new(),
        }
    }
}

/// What a lookup came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Why it is no answer: the failure of the first query, where all failed.
    pub failure: Option<Failure>,
    /// IPv4 addresses first, then IPv6, otherwise in the order of the answer; no address twice.
    pub addresses: Vec<IpAddr>,
    /// The canonical name, where the answer gave one, without a trailing dot.
    pub cname: Option<String>,
    /// The return code of getaddrinfo; zero where it was not asked, or all went well.
    pub getaddrinfo_error: i32,
    /// What came of each query, in the order of the query types, and after that what came too late; empty for getaddrinfo.
    pub replies: Vec<Reply>,
}

impl Answer {
    /// The replies as they came off the wire, late ones apart, in the order of the query types; empty for getaddrinfo.
    pub fn raw_responses(&self) -> impl Iterator<Item = &Bytes> {
        let replies = self.replies.iter().filter(|reply| !reply.is_late);
        replies.filter_map(|reply| reply.raw.as_ref())
    }
}

impl Net {
    /// Look `domain` up, as [`Net::ask`] does; a lookup that brings no answer fails.
    pub async fn lookup(&self, tx: &Transaction, domain: &str, o: LookupOptions) -> Result<Answer, NetError> {
        let mut answer = self.ask(tx, domain, o).await?;
        match answer.failure.take() {
            Some(failure) => Err(failure.into()),
            None => Ok(answer),
        }
    }

    /// Ask for `domain`. Observed as `queries`, and as `resolve_start` and `resolve_done` in `network_events`; late
    /// replies as `x_dns_duplicate_responses`; what the resolver's transport takes, as if it had been done for itself.
    ///
    /// Getaddrinfo is one query of type `ANY`. A resolver is asked for all types at once, over UDP on a socket for each,
    /// otherwise on one connection; the lookup succeeds if any of them was answered, and else fails like the first. An IP
    /// address is its own answer, and nothing is asked, unless for the PTR records that are its names.
    ///
    /// It fails where the arguments make no sense, and so nothing was asked; otherwise a failure is part of the answer.
    pub async fn ask(&self, tx: &Transaction, domain: &str, o: LookupOptions) -> Result<Answer, NetError> {
        self.meter().check()?;
        let name = ascii(domain)?;
        if o.resolver != Resolver::System && o.query_types.is_empty() {
            let doing = format!("{domain}, asking for nothing");
            return Err(failure(FailureCode::INVALID_ARGUMENT, &doing).into());
        }
        let https = match &o.resolver {
            Resolver::Doh { url, .. } | Resolver::Doh3 { url, .. } => {
                Some(https::Target::parse(url, domain)?)
            }
            _ => None,
        };
        self.meter().observation();
        self.meter().check()?;
        let clock = self.trace().clock();
        let mark = |operation| {
            let event = Event::mark(operation, o.resolver.tls_endpoint(), clock.now());
            self.trace().event(tx, event);
        };
        mark("resolve_start");
        let done = Guard::new(|| mark("resolve_done"));
        let address = domain.parse().ok();
        let answer = match (address, &o.resolver) {
            (Some(address), Resolver::System) => Answer::own(address),
            (Some(address), _) if !o.query_types.contains(&QueryType::PTR) => Answer::own(address),
            (None, Resolver::System) => self.lookup_system(tx, &name, o.timeout).await?,
            (address, resolver) => {
                let name = address.map_or(name, |address| Cow::Owned(record::reverse_name(address)));
                let question = Question {
                    net: self,
                    tx,
                    domain: &name,
                    options: &o,
                };
                let replies = match (resolver, https) {
                    (Resolver::Udp(endpoint), _) => question.over_udp(*endpoint).await?,
                    (Resolver::Tcp(endpoint) | Resolver::Dot { endpoint, .. }, _) => {
                        question.over_stream(*endpoint).await?
                    }
                    (Resolver::Doh { endpoint, .. } | Resolver::Doh3 { endpoint, .. }, Some(target)) => {
                        question.over_https(*endpoint, &target).await?
                    }
                    (Resolver::Doq { endpoint, name }, _) => question.over_quic(*endpoint, name).await?,
                    // Each HTTPS resolver has a target, and the system was asked above.
                    (Resolver::Doh { .. } | Resolver::Doh3 { .. } | Resolver::System, _) => Vec::new(),
                };
                Answer::new(domain, replies)
            }
        };
        drop(done);
        // What failed may have failed because there was no more to spend.
        self.meter().check()?;
        Ok(answer)
    }
}

impl Answer {
    /// An address, which is its own answer.
    fn own(address: IpAddr) -> Self {
        Self {
            addresses: vec![address],
            ..Self::default()
        }
    }

    /// What the replies come to.
    fn new(domain: &str, replies: Vec<Reply>) -> Self {
        let mut answer = Self::default();
        let mut is_answered = false;
        for reply in replies.iter().filter(|reply| !reply.is_late) {
            match (&reply.failure, &reply.response) {
                (None, Some(response)) => {
                    is_answered = true;
                    answer.addresses.extend(response.addresses(reply.query_type));
                    answer.cname = answer.cname.or_else(|| response.cname());
                }
                (error, _) => answer.failure = answer.failure.or_else(|| error.clone()),
            }
        }
        answer.failure = match answer.failure {
            _ if is_answered => None,
            None => Some(failure(FailureCode::DNS_NO_ANSWER, domain)),
            some => some,
        };
        answer.addresses = tidy(answer.addresses);
        answer.replies = replies;
        answer
    }
}

/// The name as DNS writes it: international names in their ASCII form.
fn ascii(domain: &str) -> Result<Cow<'_, str>, Failure> {
    if domain.is_ascii() {
        return Ok(Cow::Borrowed(domain));
    }
    Name::from_utf8(domain)
        .map(|name| Cow::Owned(name.to_ascii()))
        .map_err(|error| failure(FailureCode::unknown(format!("dns: {error}")), domain))
}

/// A failure to resolve `domain`.
fn failure(code: FailureCode, domain: &str) -> Failure {
    Failure::new(code, Operation::Resolve, &format!("look up {domain}"))
}

/// IPv4 first, and no address twice.
fn tidy(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv4);
    let mut tidied = Vec::with_capacity(v4.len() + v6.len());
    for address in v4.into_iter().chain(v6) {
        if !tidied.contains(&address) {
            tidied.push(address);
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_hold_ipv4_first_and_nothing_twice() {
        let addresses = ["::2", "1.1.1.1", "::1", "2.2.2.2", "1.1.1.1"].map(|text| text.parse().unwrap());
        let tidied = tidy(addresses.to_vec());
        assert_eq!(
            tidied.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["1.1.1.1", "2.2.2.2", "::2", "::1"]
        );
    }

    #[test]
    fn international_names_are_asked_for_in_ascii() {
        assert_eq!(ascii("bücher.example").unwrap(), "xn--bcher-kva.example");
        assert_eq!(ascii("Example.ORG").unwrap(), "Example.ORG");
    }
}
