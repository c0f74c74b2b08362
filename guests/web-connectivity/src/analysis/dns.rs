//! What the lookups say, counted by transaction.

use std::collections::{BTreeMap, BTreeSet};

use netsonde_guest::{Json, Map, gather};

use crate::analysis::control::Control;
use crate::analysis::endpoint::Failures;
use crate::analysis::observation::{Lookup, Observation, Stage};
use crate::analysis::{address, read};

/// Which network an address belongs to, as far as the measurement itself says.
pub(super) struct Asns<'a>(BTreeMap<&'a str, u64>);

impl<'a> Asns<'a> {
    /// The probe's word counts more than the test helper's.
    pub(super) fn of(test_keys: &'a Map<String, Json>) -> Self {
        let mut asns = BTreeMap::new();
        let helper = test_keys
            .get("control")
            .and_then(|control| control.get("ip_info"));
        for (address, info) in helper.and_then(Json::as_object).into_iter().flatten() {
            asns.insert(address.as_str(), read::count(info, "asn"));
        }
        let queries = read::records(test_keys, "queries").iter();
        for answer in queries.flat_map(|query| read::list(query, "answers")) {
            let asn = read::count(answer, "asn");
            for address in ["ipv4", "ipv6"].map(|key| read::text(answer, key)) {
                if asn != 0 {
                    asns.insert(address, asn);
                }
            }
        }
        Self(asns)
    }

    fn known(&self, addresses: &BTreeSet<&str>) -> BTreeSet<u64> {
        let asns = addresses.iter().filter_map(|address| self.0.get(address));
        gather(asns.copied().filter(|asn| *asn != 0))
    }

    /// Whether two sets of addresses have an address or a network in common.
    fn agree(&self, ours: &BTreeSet<&str>, theirs: &BTreeSet<&str>) -> bool {
        !ours.is_disjoint(theirs) || !self.known(ours).is_disjoint(&self.known(theirs))
    }
}

/// Whether the system resolver says what the test helper's says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Consistency {
    Consistent,
    Inconsistent,
}

impl Consistency {
    /// The value of `dns_consistency`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Inconsistent => "inconsistent",
        }
    }
}

/// What there is among the lookups. Of each transaction only the first observation counts.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own, and any answers go together"
)]
pub(super) struct Lookups<'a> {
    /// The failure of the first lookup at depth 0.
    pub(super) failure: Option<&'a str>,
    /// A lookup at depth 0 succeeded.
    pub(super) any_success: bool,
    /// An answer at depth 0 can not be a public server's.
    pub(super) any_bogon: bool,
    /// An answer that shares nothing with the test helper's, and no handshake proved it right.
    pub(super) any_invalid: bool,
    /// The same, whatever handshakes proved.
    any_invalid_answer: bool,
    /// An answer that shares something with the test helper's.
    any_valid_answer: bool,
    pub(super) failures: Failures,
}

impl<'a> Lookups<'a> {
    /// Count.
    pub(super) fn of(observations: &[Observation<'a>], asns: &Asns<'_>) -> Self {
        let mut counts = Self::default();
        counts.count_successes(observations, asns);
        counts.count_failures(observations);
        counts
    }

    fn count_successes(&mut self, observations: &[Observation<'a>], asns: &Asns<'_>) {
        let mut seen = BTreeSet::new();
        let mut invalid = BTreeSet::new();
        for (observation, lookup) in of_lookups(observations).filter(|(_, lookup)| lookup.failure.is_empty())
        {
            if observation.depth == Some(0) {
                // Any address of any answer, not only the first: none of them may lead into a private network.
                self.any_bogon |= address::is_bogon(observation.address);
            }
            if !seen.insert(lookup.transaction) || observation.depth != Some(0) {
                continue;
            }
            self.any_success = true;
            let Some(theirs) = observation.helper.addresses else {
                continue;
            };
            if asns.agree(&lookup.addresses, theirs) {
                self.any_valid_answer = true;
            } else {
                self.any_invalid_answer = true;
                invalid.insert(lookup.transaction);
            }
        }
        // An endpoint refers to the one lookup that found its address first, so it proves only that one right.
        for proven in observations.iter().filter(|seen| seen.is_handshaken()) {
            if let Some(lookup) = &proven.lookup {
                invalid.remove(&lookup.transaction);
            }
        }
        self.any_invalid = !invalid.is_empty();
    }

    fn count_failures(&mut self, observations: &[Observation<'a>]) {
        let failed = || of_lookups(observations).filter(|(_, lookup)| !lookup.failure.is_empty());
        // That a name has no IPv6 address must not hide that it has no IPv4 address, whichever came first.
        let ordered = failed()
            .filter(|(_, lookup)| lookup.query_type != "AAAA")
            .chain(failed().filter(|(_, lookup)| lookup.query_type == "AAAA"));
        let mut seen = BTreeSet::new();
        for (observation, lookup) in ordered.filter(|(_, lookup)| seen.insert(lookup.transaction)) {
            // The failure of an encrypted resolver is about that resolver.
            let is_ordinary = lookup.query_type == "AAAA" && lookup.failure == "dns_no_answer";
            if lookup.engine == "doh" || is_ordinary {
                continue;
            }
            if observation.depth != Some(0) {
                self.failures.any_unexplained = true;
                continue;
            }
            self.failure.get_or_insert(lookup.failure);
            match observation.helper.dns {
                None => {}
                Some("") if !observation.is_without_answer_as_expected() => {
                    self.failures.any_unexpected = true;
                }
                Some(_) => self.failures.any_expected = true,
            }
        }
    }

    /// The key `dns_consistency`.
    pub(super) fn consistency(&self, control: Option<&Control<'_>>) -> Option<Consistency> {
        let is_bad = self.failures.any_unexpected || self.any_invalid_answer;
        if !is_bad && (self.any_valid_answer || self.failures.any_expected) {
            Some(Consistency::Consistent)
        } else if is_bad || self.is_success_unexpected(control) {
            Some(Consistency::Inconsistent)
        } else {
            None
        }
    }

    /// Whether a lookup succeeded for which the test helper knows no address.
    pub(super) fn is_success_unexpected(&self, control: Option<&Control<'_>>) -> bool {
        self.any_success && control.is_some_and(Control::is_without_addresses)
    }
}

impl Observation<'_> {
    /// Whether a name that has no address has none for the test helper, either.
    pub(super) fn is_without_answer_as_expected(&self) -> bool {
        self.failure == "dns_no_answer" && self.helper.addresses.is_some_and(BTreeSet::is_empty)
    }

    fn is_handshaken(&self) -> bool {
        self.endpoint.as_ref().and_then(|endpoint| endpoint.tls) == Some("")
    }
}

/// The observations that end with a lookup.
fn of_lookups<'a, 'b>(
    observations: &'b [Observation<'a>],
) -> impl Iterator<Item = (&'b Observation<'a>, &'b Lookup<'a>)> {
    observations
        .iter()
        .filter(|seen| seen.stage == Stage::Dns)
        .filter_map(|seen| Some((seen, seen.lookup.as_deref()?)))
}
