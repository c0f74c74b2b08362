//! The option `DNSCache`: the addresses of one domain, which then is not looked up.

use std::net::IpAddr;

use netsonde_guest::Failure;

use crate::unknown;

/// What is known of one domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cache {
    domain: String,
    addresses: Vec<String>,
}

impl Cache {
    /// Read `DOMAIN IP…`; `None` if there is nothing to read.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Failure> {
        let mut words = text.split_whitespace().map(ToOwned::to_owned);
        let Some(domain) = words.next() else {
            return Ok(None);
        };
        let addresses: Vec<_> = words.collect();
        if addresses.is_empty() {
            return Err(unknown("invalid DNSCache string"));
        }
        if !is_domain(&domain) {
            return Err(unknown("invalid domain in DNSCache"));
        }
        if !addresses.iter().all(|address| address.parse::<IpAddr>().is_ok()) {
            return Err(unknown("invalid IP in DNSCache"));
        }
        Ok(Some(Self { domain, addresses }))
    }

    /// The addresses of `host`, if it is the domain.
    pub(crate) fn get(&self, host: &str) -> Option<Vec<String>> {
        (self.domain == host).then(|| self.addresses.clone())
    }
}

/// Whether a text is a domain of two labels or more: letters in lower case, digits and hyphens, the last only letters.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.rsplit_once('.').is_some_and(|(rest, top)| {
        top.len() >= 2 && top.chars().all(|c| c.is_ascii_lowercase()) && rest.split('.').all(is_label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_domain_is_known_without_asking() {
        assert_eq!(Cache::parse("").unwrap(), None);
        let cache = Cache::parse("dns.google 8.8.8.8 2001:db8::1").unwrap().unwrap();
        assert_eq!(cache.get("dns.google").unwrap(), ["8.8.8.8", "2001:db8::1"]);
        assert_eq!(cache.get("example.com"), None);
    }

    #[test]
    fn what_is_wrong_with_it_is_said() {
        let expected = [
            ("dns.google", "invalid DNSCache string"),
            ("DNS.google 8.8.8.8", "invalid domain in DNSCache"),
            ("localhost 8.8.8.8", "invalid domain in DNSCache"),
            ("a-.example 8.8.8.8", "invalid domain in DNSCache"),
            ("dns.google 8.8.8.8 8.8.8", "invalid IP in DNSCache"),
        ];
        for (text, reason) in expected {
            assert_eq!(
                Cache::parse(text).unwrap_err().code,
                format!("unknown_failure: {reason}"),
                "{text}"
            );
        }
    }
}
