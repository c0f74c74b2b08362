//! The numbers and tags of transactions, which tell consumers what an observation is about.

use std::cell::Cell;

use netsonde_guest::{Transaction, begin};

/// What a transaction is about; each has a range of numbers of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Getaddrinfo,
    Udp,
    Doh,
    Cleartext,
    Secure,
}

impl Kind {
    fn base(self) -> u64 {
        match self {
            Self::Getaddrinfo => 10_000,
            Self::Udp => 20_000,
            Self::Doh => 30_000,
            Self::Cleartext => 40_000,
            Self::Secure => 50_000,
        }
    }
}

/// How many transactions of each kind there were.
#[derive(Debug, Default)]
pub(crate) struct Numbers([Cell<u64>; 5]);

impl Numbers {
    /// The next number of a kind.
    pub(crate) fn next(&self, kind: Kind) -> u64 {
        let [getaddrinfo, udp, doh, cleartext, secure] = &self.0;
        let counter = match kind {
            Kind::Getaddrinfo => getaddrinfo,
            Kind::Udp => udp,
            Kind::Doh => doh,
            Kind::Cleartext => cleartext,
            Kind::Secure => secure,
        };
        counter.set(counter.get() + 1);
        kind.base() + counter.get()
    }

    /// Every number of a kind so far.
    pub(crate) fn of(&self, kind: Kind) -> Vec<u64> {
        let [getaddrinfo, udp, doh, cleartext, secure] = &self.0;
        let counter = match kind {
            Kind::Getaddrinfo => getaddrinfo,
            Kind::Udp => udp,
            Kind::Doh => doh,
            Kind::Cleartext => cleartext,
            Kind::Secure => secure,
        };
        (1..=counter.get()).map(|number| kind.base() + number).collect()
    }
}

/// Tags in the order that consumers know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tags {
    /// Part of what version 0.4 would have seen.
    pub(crate) classic: bool,
    pub(crate) depth: u32,
    /// Whether the endpoint may be fetched from; none for lookups.
    pub(crate) fetch_body: Option<bool>,
}

impl Tags {
    /// Begin a transaction with these tags.
    pub(crate) fn begin(self, number: Option<u64>) -> Transaction {
        begin(&self.texts(), number)
    }

    fn texts(self) -> Vec<String> {
        let mut tags = Vec::new();
        if self.classic {
            tags.push("classic".to_owned());
        }
        if self.fetch_body.is_some() && self.depth == 0 {
            tags.push("tcptls_experiment".to_owned());
        }
        tags.push(format!("depth={}", self.depth));
        if let Some(fetch_body) = self.fetch_body {
            tags.push(format!("fetch_body={fetch_body}"));
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_counts_for_itself() {
        let numbers = Numbers::default();
        assert_eq!(numbers.next(Kind::Udp), 20_001);
        assert_eq!(numbers.next(Kind::Udp), 20_002);
        assert_eq!(numbers.next(Kind::Secure), 50_001);
        assert_eq!(numbers.of(Kind::Udp), [20_001, 20_002]);
        assert_eq!(numbers.of(Kind::Doh), [0; 0]);
    }

    #[test]
    fn tags_say_what_a_transaction_is_part_of() {
        let tags = |classic, depth, fetch_body| {
            let tags = Tags {
                classic,
                depth,
                fetch_body,
            };
            tags.texts().join(" ")
        };
        assert_eq!(tags(true, 0, None), "classic depth=0");
        assert_eq!(
            tags(true, 0, Some(true)),
            "classic tcptls_experiment depth=0 fetch_body=true"
        );
        assert_eq!(tags(false, 3, Some(false)), "depth=3 fetch_body=false");
    }
}
