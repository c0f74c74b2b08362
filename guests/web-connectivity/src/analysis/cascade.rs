//! The verdict: the observation that got furthest decides.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use netsonde_guest::{Json, json};

use crate::analysis::address;
use crate::analysis::diff::Diff;
use crate::analysis::dns::Consistency;
use crate::analysis::observation::{Observation, Stage};

/// What came of the website.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// It can be reached.
    Ok,
    /// Nobody knows.
    Nil,
    /// It can not be reached, from elsewhere neither.
    Down,
    /// It is blocked, and how.
    Blocked(&'static str),
}

/// What came of the website, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict<'a> {
    outcome: Outcome,
    /// The key `http_experiment_failure`.
    pub(super) failure: Option<&'a str>,
}

impl Verdict<'_> {
    /// The key `blocking`.
    pub(super) fn blocking(&self) -> Json {
        match self.outcome {
            Outcome::Ok | Outcome::Down => json!(false),
            Outcome::Nil => Json::Null,
            Outcome::Blocked(how) => json!(how),
        }
    }

    /// The key `accessible`.
    pub(super) fn accessible(&self) -> Option<bool> {
        match self.outcome {
            Outcome::Ok => Some(true),
            Outcome::Nil => None,
            Outcome::Down | Outcome::Blocked(_) => Some(false),
        }
    }
}

/// The verdict on classic observations.
pub(super) fn verdict<'a>(
    observations: &[Observation<'a>],
    consistency: Option<Consistency>,
    diff: &Diff,
) -> Verdict<'a> {
    let ruled = observations
        .iter()
        .filter_map(|seen| Some((seen, rule(seen, diff)?)));
    let decided = ruled.min_by_key(|(seen, _)| {
        (
            Reverse(seen.depth),
            Reverse(seen.stage),
            seen.failure,
            Reverse(seen.transaction),
        )
    });
    let decided = decided.map(|(seen, (outcome, tells_why))| (outcome, tells_why.then_some(seen.failure)));
    let has_lied = consistency == Some(Consistency::Inconsistent);
    let (outcome, failure) = match decided {
        Some((outcome, failure)) if has_lied && outcome != Outcome::Ok => (Outcome::Blocked("dns"), failure),
        Some(decided) => decided,
        // Where no observation decides, that the resolver lied does not, either.
        None => (Outcome::Nil, None),
    };
    Verdict { outcome, failure }
}

/// What one observation decides, if it decides anything, and whether its failure is that of the website.
fn rule(seen: &Observation<'_>, diff: &Diff) -> Option<(Outcome, bool)> {
    if seen.final_response().is_some() {
        return Some((page(seen, diff), false));
    }
    let helper = &seen.helper;
    match (seen.stage, seen.failure) {
        (Stage::Dns, "") => localhost(seen).map(|outcome| (outcome, false)),
        (_, "") => None,
        (Stage::Http, _) => Some((
            match helper.http {
                None => Outcome::Nil,
                Some("") => Outcome::Blocked("http-failure"),
                Some(_) => Outcome::Down,
            },
            true,
        )),
        (Stage::Tls, _) => Some((endpoint(helper.tls, helper.http, "http-failure"), true)),
        (Stage::Tcp, _) => Some((endpoint(helper.tcp, helper.http, "tcp_ip"), true)),
        (Stage::Dns, _) => Some(match (helper.dns, helper.http) {
            // Odd, and kept: consumers know it.
            (None, None) => (Outcome::Ok, true),
            (Some(""), _) if seen.is_without_answer_as_expected() => (Outcome::Down, false),
            (None | Some(""), _) => (Outcome::Blocked("dns"), true),
            (Some(_), _) => (Outcome::Down, true),
        }),
    }
}

fn page(seen: &Observation<'_>, diff: &Diff) -> Outcome {
    // Whoever has the certificate is the website.
    if seen
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.tls == Some(""))
    {
        Outcome::Ok
    } else if seen.helper.http.is_none() {
        Outcome::Nil
    } else if diff.is_other_page() {
        Outcome::Blocked("http-diff")
    } else {
        Outcome::Ok
    }
}

/// A connection or a handshake that failed.
fn endpoint(theirs: Option<&str>, their_page: Option<&str>, how: &'static str) -> Outcome {
    match (theirs, their_page) {
        (Some(""), _) => Outcome::Blocked(how),
        (Some(_), _) => Outcome::Down,
        (None, None) => Outcome::Nil,
        // After a redirect, say, the test helper did not look; but it got somewhere.
        (None, Some(_)) => Outcome::Blocked("http-failure"),
    }
}

/// A lookup whose answers all lead back to the probe, so that nothing was connected to.
fn localhost(seen: &Observation<'_>) -> Option<Outcome> {
    let ours = &seen.lookup.as_ref()?.addresses;
    let theirs = seen.helper.addresses?;
    if !lead_back(ours) {
        None
    } else if lead_back(theirs) {
        Some(Outcome::Down)
    } else {
        Some(Outcome::Blocked("dns"))
    }
}

fn lead_back(addresses: &BTreeSet<&str>) -> bool {
    !addresses.is_empty() && addresses.iter().all(|address| address::is_loopback(address))
}
