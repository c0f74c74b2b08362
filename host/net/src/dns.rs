//! Name lookups: by the system (getaddrinfo), or query by query over UDP.

mod system;
mod udp;
pub mod wire;

use crate::{Net, NetError, Transaction, guard::Guard, trace::Event};
use bytes::Bytes;
use hickory_proto::rr::Name;
use netsonde_data::failure::{Failure, FailureCode, Operation};
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// A record type to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl QueryType {
    /// The name, as `query_type` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
        }
    }
}

/// How to look a name up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupOptions {
    /// Ask this resolver over UDP; without one, getaddrinfo.
    pub udp_resolver: Option<SocketAddr>,
    /// What to ask a UDP resolver for; it has to be something. Getaddrinfo asks for whatever it likes.
    pub query_types: Vec<QueryType>,
    /// How long it may take: 15 seconds for getaddrinfo and 5 for UDP if nothing is said.
    pub timeout: Option<Duration>,
}

impl Default for LookupOptions {
    fn default() -> Self {
        Self {
            udp_resolver: None,
            query_types: vec![QueryType::A, QueryType::Aaaa],
            timeout: None,
        }
    }
}

/// What a lookup answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// IPv4 addresses first, then IPv6, otherwise in the order of the answer; never empty, no address twice.
    pub addresses: Vec<IpAddr>,
    /// The canonical name, where the answer gave one, without a trailing dot.
    pub cname: Option<String>,
    /// The replies as they came off the wire, in the order of the query types; empty for getaddrinfo.
    pub raw_responses: Vec<Bytes>,
}

impl Net {
    /// Look `domain` up. Observed as `queries`, and as `resolve_start` and `resolve_done` in `network_events`.
    ///
    /// Getaddrinfo is one query of type `ANY`. A UDP resolver is asked for all types at once, each on a socket of
    /// its own, without a retry; the lookup succeeds if any of them brought an address, and else fails like the
    /// first. An IP address is its own answer, and nothing is asked.
    pub async fn lookup(&self, tx: &Transaction, domain: &str, o: LookupOptions) -> Result<Answer, NetError> {
        self.meter().check()?;
        let name = ascii(domain)?;
        if o.udp_resolver.is_some() && o.query_types.is_empty() {
            return Err(failure(
                FailureCode::INVALID_ARGUMENT,
                &format!("{domain}, asking for nothing"),
            )
            .into());
        }
        self.meter().observation();
        self.meter().check()?;
        let clock = self.trace().clock();
        self.trace()
            .event(tx, Event::mark("resolve_start", None, clock.now()));
        let done = Guard::new(|| {
            self.trace()
                .event(tx, Event::mark("resolve_done", None, clock.now()));
        });
        let result = if let Ok(address) = domain.parse() {
            Ok(Answer {
                addresses: vec![address],
                ..Answer::default()
            })
        } else if let Some(resolver) = o.udp_resolver {
            self.lookup_udp(tx, &name, resolver, &o).await
        } else {
            self.lookup_system(tx, &name, o.timeout).await
        };
        drop(done);
        result.map(tidy)
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
fn tidy(answer: Answer) -> Answer {
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = answer.addresses.into_iter().partition(IpAddr::is_ipv4);
    let mut addresses = Vec::with_capacity(v4.len() + v6.len());
    for address in v4.into_iter().chain(v6) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Answer { addresses, ..answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_hold_ipv4_first_and_nothing_twice() {
        let addresses = ["::2", "1.1.1.1", "::1", "2.2.2.2", "1.1.1.1"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        let tidied = tidy(Answer {
            addresses,
            ..Answer::default()
        })
        .addresses;
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
