//! What a module asks for, as its manifest does, without the reasons: those are in the manifest.

use super::{Check, not_empty};
use crate::canonical::fields::{ToValue as _, record};
use crate::canonical::{Misfit, Unfit};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

record! {
    /// What a module asks for. Lists are sorted and have nothing twice, so that there is one way to say it.
    pub struct Capabilities {
        /// The interfaces of the contract: `dns`, `http`.
        interfaces: Vec<String>,
        /// The classes of destinations: `targets`.
        destinations: Vec<String>,
        /// The addresses and names of the class `fixed`.
        fixed: Vec<String>,
        /// How much it may use of what, in the words and units of its manifest: `connections`, `wall_clock_s`.
        budget: BTreeMap<String, u64>,
    }
}

/// Something that one version asks for otherwise than another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It asks for this now: `interface http`.
    Added(String),
    /// It does not any more.
    Removed(String),
    /// It asks for another amount.
    Amount {
        /// Of what.
        what: String,
        /// How much before. `None`: the host's own limit.
        before: Option<u64>,
        /// How much now.
        now: Option<u64>,
    },
}

impl Change {
    /// Whether a module can do more by it.
    pub fn is_more(&self) -> bool {
        match self {
            Self::Added(_) => true,
            Self::Removed(_) => false,
            Self::Amount { before, now, .. } => match (before, now) {
                (Some(before), Some(now)) => now > before,
                // What is not said is the host's own limit, which may be more or less.
                _ => true,
            },
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |amount: &Option<u64>| amount.map_or("usual".to_owned(), |amount| amount.to_string());
        match self {
            Self::Added(what) => write!(f, "+ {what}"),
            Self::Removed(what) => write!(f, "- {what}"),
            Self::Amount { what, before, now } => {
                write!(f, "~ budget {what}: {} -> {}", amount(before), amount(now))
            }
        }
    }
}

impl Capabilities {
    /// In the one way to say it.
    pub fn new(
        interfaces: BTreeSet<String>,
        destinations: BTreeSet<String>,
        fixed: BTreeSet<String>,
        budget: BTreeMap<String, u64>,
    ) -> Self {
        let list = |set: BTreeSet<String>| set.into_iter().collect();
        Self {
            interfaces: list(interfaces),
            destinations: list(destinations),
            fixed: list(fixed),
            budget,
        }
    }

    /// What is otherwise since `before`.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let lists = [
            ("interface", &before.interfaces, &self.interfaces),
            ("destinations", &before.destinations, &self.destinations),
            ("fixed destination", &before.fixed, &self.fixed),
        ];
        let mut changes = Vec::new();
        for (what, before, now) in lists {
            let only_in = |here: &[String], there: &[String]| -> Vec<String> {
                let here = here.iter().filter(|name| !there.contains(name));
                here.map(|name| format!("{what} {name}")).collect()
            };
            changes.extend(only_in(now, before).into_iter().map(Change::Added));
            changes.extend(only_in(before, now).into_iter().map(Change::Removed));
        }
        let names: BTreeSet<&String> = before.budget.keys().chain(self.budget.keys()).collect();
        for what in names {
            let (before, now) = (before.budget.get(what).copied(), self.budget.get(what).copied());
            if before != now {
                let what = what.clone();
                changes.push(Change::Amount { what, before, now });
            }
        }
        changes
    }
}

impl Check for Capabilities {
    fn check(&self) -> Result<(), Misfit> {
        let lists = [
            ("interfaces", &self.interfaces),
            ("destinations", &self.destinations),
            ("fixed", &self.fixed),
        ];
        for (name, list) in lists {
            if !list.is_sorted_by(|one, next| one < next) {
                return Err(Misfit::new(Unfit::Kind("sorted, with nothing twice")).within(name));
            }
            list.iter().try_for_each(|item| not_empty(name, item))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(interfaces: &[&str], budget: &[(&str, u64)]) -> Capabilities {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let budget = budget.iter().map(|(name, amount)| ((*name).to_owned(), *amount));
        Capabilities::new(set(interfaces), set(&["targets"]), set(&[]), budget.collect())
    }

    #[test]
    fn what_is_asked_for_newly_and_no_more_is_told() {
        let before = asks(&["dns", "http"], &[("connections", 10), ("queries", 5)]);
        let now = asks(&["dns", "tcp"], &[("connections", 20), ("cpu_s", 3)]);
        let told: Vec<_> = now
            .changes_since(&before)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "+ interface tcp",
                "- interface http",
                "~ budget connections: 10 -> 20",
                "~ budget cpu_s: usual -> 3",
                "~ budget queries: 5 -> usual"
            ]
        );
        let more: Vec<_> = now.changes_since(&before).iter().map(Change::is_more).collect();
        assert_eq!(more, [true, false, true, true, true]);
        assert!(now.changes_since(&now).is_empty());
        assert!(
            !before
                .changes_since(&now)
                .iter()
                .any(|change| matches!(change, Change::Amount { now: Some(10), .. }) && change.is_more())
        );
    }

    #[test]
    fn there_is_one_way_to_say_it() {
        assert!(asks(&["dns", "http"], &[]).check().is_ok());
        let mut twice = asks(&["dns"], &[]);
        twice.interfaces.push("dns".to_owned());
        assert!(twice.check().is_err());
        let mut empty = asks(&[], &[]);
        empty.fixed.push(String::new());
        assert!(empty.check().is_err());
    }
}
