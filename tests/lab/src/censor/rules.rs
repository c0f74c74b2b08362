//! When a rule matches: endpoints, and names however they are written.

use crate::dns::Question;
use crate::packet::{Transport, View};
use crate::scenario::{Action, Endpoint, Port, Reads, Rule, When};
use crate::tls::hello::{ClientHello, ENCRYPTED_CLIENT_HELLO};

/// What a flow has said so far of where it wants to go.
#[derive(Default)]
pub(super) struct Clues {
    /// What its `ClientHello` over TCP says.
    pub(super) tls: Hellos,
    /// What its `ClientHello` over QUIC says.
    pub(super) quic: Hellos,
    /// The `Host` of its first HTTP request.
    pub(super) host: Option<String>,
    /// Its DNS query.
    pub(super) question: Option<Question>,
}

/// What a packet of a `ClientHello` says to those who put them together, and to those who look at the first only.
#[derive(Default)]
pub(super) struct Hellos {
    /// The whole message, where this packet completes it.
    pub(super) whole: Option<Hello>,
    /// What there is of it, where this packet is its first.
    pub(super) first: Option<Hello>,
    /// Whether this packet is its first, and it is not whole.
    pub(super) is_only_begun: bool,
}

/// What a censor looks for in a `ClientHello`.
pub(super) struct Hello {
    /// The server name.
    pub(super) name: Option<String>,
    /// Whether something is encrypted in it.
    pub(super) ech: bool,
}

impl Hello {
    /// Reads as much of a message's body as is there.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let hello = ClientHello::read(body)?;
        Some(Self {
            name: hello.server_name(),
            ech: hello.extension(ENCRYPTED_CLIENT_HELLO).is_some(),
        })
    }
}

impl Hellos {
    fn seen(&self, reads: Reads) -> Option<&Hello> {
        match reads {
            Reads::EveryPacket => self.whole.as_ref(),
            Reads::FirstPacket => self.first.as_ref(),
            Reads::SinglePacket => self.first.as_ref().filter(|_| !self.is_only_begun),
        }
    }

    fn is_for(&self, pattern: &str, reads: Reads) -> bool {
        let name = self.seen(reads).and_then(|hello| hello.name.as_deref());
        name.is_some_and(|name| covers(pattern, name))
    }
}

/// Whether a rule applies to a packet of the client's.
pub(super) fn matches(rule: &Rule, view: &View<'_>, clues: &Clues) -> bool {
    if matches!(rule.action, Action::Refuse) && !matches!(view.transport, Transport::Tcp(_)) {
        return false;
    }
    let port = view.destination.port();
    match &rule.when {
        When::Sni(name) => clues.tls.is_for(name, rule.reads),
        When::QuicSni(name) => clues.quic.is_for(name, rule.reads),
        When::Ech => [&clues.tls, &clues.quic]
            .into_iter()
            .filter_map(|hellos| hellos.seen(rule.reads))
            .any(|hello| hello.ech),
        When::SpanningHello => clues.tls.is_only_begun || clues.quic.is_only_begun,
        When::Host(name) => clues.host.as_deref().is_some_and(|host| covers(name, host)),
        When::Dns(name) => clues
            .question
            .as_ref()
            .is_some_and(|question| covers(name, &question.name)),
        When::Port(Port::Tcp(blocked)) => matches!(view.transport, Transport::Tcp(_)) && *blocked == port,
        When::Port(Port::Udp(blocked)) => matches!(view.transport, Transport::Udp) && *blocked == port,
        When::Endpoint(Endpoint {
            address,
            port: blocked,
        }) => *address == view.destination.ip() && blocked.is_none_or(|blocked| blocked == port),
    }
}

/// Whether a rule's name stands for this one.
fn covers(pattern: &str, name: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some(suffix) => name.strip_suffix(suffix).is_some_and(|below| !below.is_empty()),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn names_match_whatever_their_case_and_final_dot() {
        assert!(covers("Web.Telegram.org", "web.telegram.ORG."));
        assert!(!covers("telegram.org", "web.telegram.org"));
    }

    #[test]
    fn a_star_stands_for_what_is_below_a_name_and_not_for_the_name() {
        assert!(covers("*.telegram.org", "web.telegram.org"));
        assert!(covers("*.telegram.org", "a.b.telegram.org"));
        assert!(!covers("*.telegram.org", "telegram.org"));
        assert!(!covers("*.telegram.org", "nottelegram.org"));
    }
}
