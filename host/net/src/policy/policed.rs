//! The policy at work in one measurement: the rules, what is known, and the books.

use super::{
    Class, Destinations, NOT_ASKED_FOR, Refusal, Rules, Transport,
    books::Books,
    known::Known,
    named::{self, Place},
    ports, scope,
};
use bytes::Bytes;
use hickory_proto::rr::Name;
use netsonde_data::observation::Query;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The policy at work. Clones share it: the network asks, the trace tells what it saw.
#[derive(Clone, Debug)]
pub(crate) struct Policed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: Option<Rules>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Known,
    books: Books,
}

impl Policed {
    pub(crate) fn new(destinations: Destinations) -> Self {
        let rules = match destinations {
            Destinations::Unrestricted => None,
            Destinations::Ruled(rules) => Some(*rules),
        };
        let known = rules.as_ref().map(Known::new).unwrap_or_default();
        let state = State {
            known,
            books: Books::default(),
        };
        Self(Arc::new(Inner {
            rules,
            state: state.into(),
        }))
    }

    /// The rules; none where everything is allowed.
    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.0.rules.as_ref()
    }

    /// Whether packets may go to `to`, and why not.
    pub(super) fn judge(
        &self,
        rules: &Rules,
        transport: Transport,
        to: SocketAddr,
    ) -> Result<(), &'static str> {
        if ports::abusive(transport, to.port()) {
            return Err("a port where a connection does harm");
        }
        let state = self.state();
        let address = to.ip().to_canonical();
        let mut scopes = scope::scopes(address, &rules.networks);
        scopes.retain(|scope| !rules.allowed.contains(scope));
        // A censor that answers with a private address has a server there, and what it says is evidence.
        let evidence = transport == Transport::Tcp
            && matches!(to.port(), 80 | 443)
            && state.known.has_by_system(address);
        if evidence {
            scopes.remove(&super::Scope::Private);
        }
        if let Some(scope) = scopes.first() {
            return Err(scope.refused());
        }
        if rules.classes.contains(&Class::Any) || state.known.has_address(address) {
            Ok(())
        } else {
            Err(NOT_ASKED_FOR)
        }
    }

    /// Note an endpoint, and say how many addresses there are now, and how many ports of this one.
    pub(super) fn endpoint(&self, address: IpAddr, port: u16) -> (u64, u64) {
        self.state().books.endpoint(address, port)
    }

    pub(super) fn datagram(&self, to: SocketAddr, bytes: usize) -> bool {
        self.0.rules.is_none() || self.state().books.datagram(to.ip().to_canonical(), bytes)
    }

    /// Whether a name may be looked up: a known one, or the reverse name of a known address. An address is no name, and
    /// looking it up asks nobody; a text that is neither reaches no resolver.
    pub(super) fn has_name(&self, name: &str) -> bool {
        let Some(rules) = self.rules() else { return true };
        if rules.classes.contains(&Class::Any) || name.parse::<IpAddr>().is_ok() {
            return true;
        }
        // What is understood as a known name in another spelling (percent-encoded, with letters that IDNA drops) would go out
        // as it is spelled, and tell something by that.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !name.bytes().all(plain) {
            return false;
        }
        let state = self.state();
        match named::parse(name) {
            Some(Place::Name(name)) => {
                state.known.has_name(rules, &name)
                    || reversed(&name).is_some_and(|address| state.known.has_address(address))
            }
            Some(Place::Address(address)) => state.known.has_address(address),
            None => false,
        }
    }

    /// A lookup ended: what it answered may be gone to.
    pub(crate) fn looked_up(&self, query: &Query) {
        let Some(rules) = self.rules() else { return };
        let Some(Place::Name(name)) = named::parse(&query.hostname) else {
            return;
        };
        let answers = || query.answers.iter();
        let addresses: Vec<IpAddr> = answers()
            .flat_map(|answer| [&answer.ipv4, &answer.ipv6])
            .flatten()
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .map(|address| address.to_canonical())
            .collect();
        let aliases: Vec<String> = answers()
            .filter_map(|answer| named::parse(answer.hostname.as_ref()?))
            .filter_map(|place| match place {
                Place::Name(name) => Some(name),
                Place::Address(_) => None,
            })
            .collect();
        let by_system = query.engine == "getaddrinfo";
        self.state()
            .known
            .answered(rules, &name, by_system, &addresses, &aliases);
    }

    /// Whether an address may be gone to as far as it was asked for.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.0.rules.is_none() || self.state().known.has_address(address)
    }

    /// Somebody who is trusted with it says that these are the addresses of `name`.
    pub(super) fn told(&self, name: &str, addresses: &[IpAddr]) {
        let Some(rules) = self.rules() else { return };
        let addresses: Vec<IpAddr> = addresses.iter().map(IpAddr::to_canonical).collect();
        self.state().known.answered(rules, name, false, &addresses, &[]);
    }

    /// A datagram came from this endpoint.
    pub(crate) fn answered(&self, from: SocketAddr) {
        self.state().books.answered(from.ip().to_canonical());
    }

    pub(super) fn redirected<'a>(
        &self,
        sent: impl IntoIterator<Item = &'a [u8]>,
        status: u16,
        headers: &[(String, Bytes)],
    ) {
        let Some(rules) = self.rules() else { return };
        let mut state = self.state();
        if let Some(place) = state.known.said.by_server(sent, status, headers) {
            state.known.redirected(rules, place);
        }
    }

    pub(super) fn refuse(&self, transport: Transport, destination: String, why: &'static str) {
        self.state().books.refuse(transport, destination, why);
    }

    pub(super) fn refusals(&self) -> (Vec<Refusal>, u64) {
        self.state().books.refusals()
    }

    /// A lock that a panic elsewhere does not take away: what is half-way here is a destination too few.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address that a name below `in-addr.arpa` or `ip6.arpa` is about.
fn reversed(name: &str) -> Option<IpAddr> {
    let network = Name::from_ascii(format!("{name}."))
        .ok()?
        .parse_arpa_name()
        .ok()?;
    (network.prefix_len() == network.max_prefix_len()).then(|| network.addr().to_canonical())
}

#[cfg(test)]
mod tests;
