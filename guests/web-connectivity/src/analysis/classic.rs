//! The classic view: what the system resolver led to, which is what versions before 0.5 measured.

use std::collections::BTreeSet;

use netsonde_guest::gather;

use crate::analysis::observation::{Observation, Origin};

/// The system resolver's names, newest first.
const SYSTEM: [&str; 4] = ["getaddrinfo", "golang_net_resolver", "go", "system"];

/// The observations of the classic view.
///
/// An address that both the system resolver and another one returned belongs to it, whoever returned it first; an
/// address that was not looked up, too: it stands in the URL.
pub(super) fn filter<'a>(all: &[Observation<'a>]) -> Vec<Observation<'a>> {
    let is_system = |seen: &&Observation<'_>| {
        let lookup = seen.lookup.as_ref();
        seen.endpoint.is_none() && lookup.is_some_and(|lookup| SYSTEM.contains(&lookup.engine))
    };
    let addresses: BTreeSet<_> = gather(all.iter().filter(is_system).map(|seen| seen.address));
    let leads_to = |seen: &&Observation<'_>| {
        seen.may_fetch
            && match seen.origin {
                None => true,
                Some(Origin::Probe) => addresses.contains(seen.address),
                Some(Origin::Helper) => false,
            }
    };
    all.iter()
        .filter(|seen| is_system(seen) || seen.endpoint.is_some() && leads_to(seen))
        .cloned()
        .collect()
}
