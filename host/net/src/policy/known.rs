//! What a measurement has come to know: which addresses belong to the names that it may ask for.

use super::{Class, Rules, named, redirect::Said};
use named::Place;
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

/// Why a name is known. One name may be known for several reasons.
#[derive(Clone, Copy, Debug, Default)]
struct Ties {
    /// A target names it.
    target: bool,
    /// An answer about a target's name led to it, or a redirect did.
    derived: bool,
    /// It is one of the helpers or of the fixed endpoints.
    granted: bool,
}

/// Names and addresses that may be asked for and connected to.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: HashMap<String, Ties>,
    addresses: HashSet<IpAddr>,
    /// What the system resolver said about a name that a target names.
    by_system: HashSet<IpAddr>,
    /// Who said which hosts, so that an echo is told from a redirect.
    pub(super) said: Said,
}

impl Known {
    pub(super) fn new(rules: &Rules) -> Self {
        let mut known = Self {
            said: rules.targets.said.clone(),
            ..Self::default()
        };
        for name in &rules.targets.names {
            known.ties(name).target = true;
        }
        if rules.grants(Class::Targets) {
            known.addresses.extend(&rules.targets.addresses);
        }
        for (class, named) in [(Class::Helpers, &rules.helpers), (Class::Fixed, &rules.fixed)] {
            if rules.grants(class) {
                known.addresses.extend(&named.addresses);
                for name in &named.names {
                    known.ties(name).granted = true;
                }
            }
        }
        known
    }

    fn ties(&mut self, name: &str) -> &mut Ties {
        self.names.entry(name.to_owned()).or_default()
    }

    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// Whether the system resolver gave this address for a name of a target.
    pub(super) fn has_by_system(&self, address: IpAddr) -> bool {
        self.by_system.contains(&address)
    }

    /// Whether a name may be looked up: it is known, or it is a service below a known name (`_443._https.example.org`).
    pub(super) fn has_name(&self, rules: &Rules, name: &str) -> bool {
        let mut host = name;
        while let Some((_, rest)) = host.split_once('.').filter(|(label, _)| label.starts_with('_')) {
            host = rest;
        }
        self.names.get(host).is_some_and(|ties| {
            let target = ties.target && (rules.grants(Class::Targets) || rules.grants(Class::Derived));
            target || ties.derived || ties.granted
        })
    }

    /// A lookup of `name` was answered with these addresses and canonical names.
    pub(super) fn answered(
        &mut self,
        rules: &Rules,
        name: &str,
        by_system: bool,
        addresses: &[IpAddr],
        aliases: &[String],
    ) {
        let Some(&ties) = self.names.get(name) else { return };
        let derived = (ties.target || ties.derived) && rules.grants(Class::Derived);
        if derived || ties.granted {
            self.addresses.extend(addresses);
            for alias in aliases {
                let alias = self.ties(alias);
                alias.derived |= derived;
                alias.granted |= ties.granted;
            }
        }
        if ties.target && by_system {
            self.by_system.extend(addresses);
        }
    }

    /// A response led to this place.
    pub(super) fn redirected(&mut self, rules: &Rules, place: Place) {
        if rules.grants(Class::Derived) {
            match place {
                Place::Address(address) => _ = self.addresses.insert(address),
                Place::Name(name) => self.ties(&name).derived = true,
            }
        }
    }
}
