//! When a rule matches: endpoints, and names however they are written.

use crate::dns::Question;
use crate::packet::{Transport, View};
use crate::scenario::{Action, Endpoint, Rule, When};

/// What a flow has said so far of where it wants to go.
#[derive(Default)]
pub(super) struct Clues {
    /// The server name of its `ClientHello`.
    pub(super) sni: Option<String>,
    /// The `Host` of its first HTTP request.
    pub(super) host: Option<String>,
    /// Its DNS query.
    pub(super) question: Option<Question>,
}

/// Whether a rule applies to a packet of the client's.
pub(super) fn matches(rule: &Rule, view: &View<'_>, clues: &Clues) -> bool {
    if matches!(rule.action, Action::Refuse) && !matches!(view.transport, Transport::Tcp(_)) {
        return false;
    }
    match &rule.when {
        When::Sni(name) => clues.sni.as_deref().is_some_and(|sni| covers(name, sni)),
        When::Host(name) => clues.host.as_deref().is_some_and(|host| covers(name, host)),
        When::Dns(name) => clues
            .question
            .as_ref()
            .is_some_and(|question| covers(name, &question.name)),
        When::Endpoint(Endpoint { address, port }) => {
            *address == view.destination.ip() && port.is_none_or(|port| port == view.destination.port())
        }
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
