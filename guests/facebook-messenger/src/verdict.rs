//! What the observations mean: for each service whether its name leads to Facebook, and whether it can be connected to.
//!
//! Whose an address is, is said by the answer (`asn`), which has it where the probe has a file that knows. Where no answer
//! in the whole measurement has it, the probe has none, and whether an address is Facebook's is not known: null.

use std::net::IpAddr;

use netsonde_guest::attempts::{Attempt, FailedStep};
use netsonde_guest::observations::{Answer, Observations, Step};
use netsonde_guest::{Json, Map, json};

use crate::targets::{SERVICES, Service};

/// The autonomous system of Facebook.
const FACEBOOK: u32 = 32934;

/// The keys.
pub(crate) fn keys(observations: &Observations) -> Map<String, Json> {
    let attempts = observations.attempts();
    let knows_owners = attempts
        .iter()
        .flat_map(Attempt::answers)
        .any(|answer| answer.asn.is_some());
    let mut keys = Map::new();
    let (mut dns_blocking, mut tcp_blocking) = (false, false);
    for service in &SERVICES {
        let about = attempts.iter().filter(|attempt| is_about(attempt, service));
        let Some(verdict) = Verdict::of(&about.collect::<Vec<_>>(), knows_owners) else {
            continue;
        };
        dns_blocking |= verdict.dns_consistent == Some(false);
        tcp_blocking |= verdict.reachable == Some(false);
        keys.extend([
            (
                format!("{}_dns_consistent", service.name),
                json!(verdict.dns_consistent),
            ),
            (format!("{}_reachable", service.name), json!(verdict.reachable)),
        ]);
    }
    if !keys.is_empty() {
        keys.extend([
            ("facebook_dns_blocking".to_owned(), json!(dns_blocking)),
            ("facebook_tcp_blocking".to_owned(), json!(tcp_blocking)),
        ]);
    }
    keys
}

/// What is known of a service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Verdict {
    dns_consistent: Option<bool>,
    reachable: Option<bool>,
}

impl Verdict {
    /// None where nothing was measured.
    fn of(attempts: &[&Attempt<'_>], knows_owners: bool) -> Option<Self> {
        if attempts.is_empty() {
            return None;
        }
        let resolves = |attempt: &&&Attempt<'_>| !failed_to_resolve(attempt);
        let answers = || attempts.iter().flat_map(|attempt| attempt.answers());
        let dns_consistent = if !attempts.iter().any(|attempt| resolves(&attempt))
            || answers().any(|answer| is_anothers(answer, knows_owners))
        {
            Some(false)
        } else {
            (knows_owners && answers().next().is_some()).then_some(true)
        };
        let connected: Vec<_> = attempts.iter().map(|attempt| attempt.connected()).collect();
        let reachable = if dns_consistent == Some(false) {
            None
        } else if connected.contains(&Step::Succeeded) {
            Some(true)
        } else {
            let failed = connected.iter().any(|step| matches!(step, Step::Failed(_)));
            failed.then_some(false)
        };
        Some(Self {
            dns_consistent,
            reachable,
        })
    }
}

fn failed_to_resolve(attempt: &Attempt<'_>) -> bool {
    matches!(
        attempt.failed(),
        Some(FailedStep {
            operation: "resolve",
            ..
        })
    )
}

fn is_about(attempt: &Attempt<'_>, service: &Service) -> bool {
    match attempt.tag("fbmessenger-") {
        Some(tag) => tag == service.tag,
        None => attempt.is_about(service.domain),
    }
}

/// Whether an answer leads to somebody else.
fn is_anothers(answer: &Answer, knows_owners: bool) -> bool {
    let Some(address) = answer.address() else {
        return false;
    };
    match answer.asn {
        Some(asn) => asn != FACEBOOK,
        None => knows_owners || is_nobodys(address),
    }
}

/// Whether an address can not be that of a public server, whoever knows whose addresses are. The host knows more kinds of
/// such addresses; these are the ones that censors answer with.
fn is_nobodys(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || address.is_documentation()
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests;
