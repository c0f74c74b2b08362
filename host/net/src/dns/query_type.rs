//! Record types that can be asked for.

use hickory_proto::rr::RecordType;
use std::{fmt, str::FromStr};

/// A record type to ask for: by the names of IANA's registry, or `TYPE65` (RFC 3597) for any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryType(u16);

/// A text names no record type that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no query type: A, AAAA, CNAME, HTTPS, SVCB, PTR, NS, TXT, CAA and so on, or a number such as TYPE65"
)]
pub struct NoQueryType(String);

impl QueryType {
    /// IPv4 addresses.
    pub const A: Self = Self(1);
    /// IPv6 addresses.
    pub const AAAA: Self = Self(28);
    /// The canonical name.
    pub const CNAME: Self = Self(5);
    /// The name of an address.
    pub const PTR: Self = Self(12);
    /// How to reach an HTTPS service (RFC 9460).
    pub const HTTPS: Self = Self(65);

    /// The type of this number. What is no type of records (0, the OPT and TSIG pseudo records) and what would transfer a
    /// whole zone can not be asked for.
    fn new(number: u16) -> Option<Self> {
        (!matches!(number, 0 | 41 | 249..=252)).then_some(Self(number))
    }

    /// The type's number.
    pub fn number(self) -> u16 {
        self.0
    }

    pub(super) fn record_type(self) -> RecordType {
        self.0.into()
    }
}

impl From<RecordType> for QueryType {
    fn from(record_type: RecordType) -> Self {
        Self(record_type.into())
    }
}

impl FromStr for QueryType {
    type Err = NoQueryType;

    fn from_str(text: &str) -> Result<Self, NoQueryType> {
        let number = match text.strip_prefix("TYPE") {
            Some(digits) => digits.parse().ok(),
            None => RecordType::from_str(text).ok().map(u16::from),
        };
        number
            .and_then(Self::new)
            .ok_or_else(|| NoQueryType(text.to_owned()))
    }
}

impl fmt::Display for QueryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record_type() {
            RecordType::Unknown(number) => write!(f, "TYPE{number}"),
            known => known.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_have_names_or_numbers() {
        for (text, number) in [("A", 1), ("HTTPS", 65), ("CAA", 257), ("TYPE65280", 65280)] {
            let parsed: QueryType = text.parse().unwrap();
            assert_eq!((parsed.number(), parsed.to_string().as_str()), (number, text));
        }
        assert_eq!("TYPE65".parse::<QueryType>().unwrap().to_string(), "HTTPS");
    }

    #[test]
    fn what_can_not_be_asked_for() {
        for text in [
            "",
            "a",
            "BOGUS",
            "TYPE",
            "TYPE-1",
            "TYPE65536",
            "TYPE0",
            "OPT",
            "TYPE41",
            "AXFR",
            "TSIG",
        ] {
            assert!(text.parse::<QueryType>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_reads_back(number: u16) {
            if let Some(kind) = QueryType::new(number) {
                prop_assert_eq!(kind.to_string().parse::<QueryType>().unwrap(), kind);
            }
        }
    }
}
