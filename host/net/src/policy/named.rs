//! Addresses and names that somebody wrote down: a script, a user, a manifest.

use super::redirect::Said;
use std::{collections::BTreeSet, net::IpAddr};
use url::{Host, Url};

/// Longer texts are certificates and keys, not destinations, except URLs.
const LONGEST: usize = 4096;

/// Addresses and names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Addresses, never IPv4-mapped.
    pub addresses: BTreeSet<IpAddr>,
    /// Names in lower case and ASCII, without a trailing dot.
    pub names: BTreeSet<String>,
    /// Every host in the texts, wherever it stands: it may be gone to when a server leads there.
    pub(crate) said: Said,
}

impl Named {
    /// Add what a text names: addresses, endpoints, names, the hosts of URLs and of endpoints in their queries. A text
    /// may hold several, between spaces or commas. A word that is none of these adds nothing.
    pub fn add_text(&mut self, text: &str) {
        if text.len() > LONGEST && Url::parse(text).is_err() {
            return;
        }
        self.said.by_script(text);
        for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|')) {
            self.add_word(word);
        }
    }

    /// Add an address or a name; false for anything else.
    pub fn add(&mut self, host: &str) -> bool {
        let Some(place) = parse(host) else {
            return false;
        };
        self.add_place(place);
        true
    }

    fn add_word(&mut self, word: &str) {
        let (_, host) = split_port(word);
        if let Some(host) = parse(host) {
            return self.add_place(host);
        }
        if !word.contains("://") {
            return;
        }
        let Ok(url) = Url::parse(word) else { return };
        // Of a scheme that the library does not know, the host is any text.
        if let Some(host) = url.host_str().and_then(parse) {
            self.add_place(host);
        }
        for (_, value) in url.query_pairs() {
            let (port, host) = split_port(&value);
            if let (Some(_), Some(host)) = (port, parse(host)) {
                self.add_place(host);
            }
        }
    }

    fn add_place(&mut self, host: Place) {
        match host {
            Place::Address(address) => self.addresses.insert(address),
            Place::Name(name) => self.names.insert(name),
        };
    }
}

/// What stands for a host: an address or a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Address(IpAddr),
    Name(String),
}

/// An address in any spelling that resolvers take for one, or a name with at least one dot or a single label.
pub(super) fn parse(text: &str) -> Option<Place> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() || text.len() > 253 {
        return None;
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
        return Some(Place::Address(address.to_canonical()));
    }
    match Host::parse(text).ok()? {
        Host::Ipv4(address) => Some(Place::Address(address.into())),
        Host::Ipv6(address) => Some(Place::Address(IpAddr::V6(address).to_canonical())),
        Host::Domain(name) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let is_label = |label: &str| !label.is_empty() && label.bytes().all(plain);
            name.split('.').all(is_label).then_some(Place::Name(name))
        }
    }
}

/// A port at the end, if there is one, and the rest.
fn split_port(word: &str) -> (Option<u16>, &str) {
    match word.rsplit_once(':') {
        // An IPv6 address without brackets has colons and no port.
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => match port.parse() {
            Ok(port) => (Some(port), host),
            Err(_) => (None, word),
        },
        _ => (None, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> (Vec<String>, Vec<String>) {
        let mut named = Named::default();
        named.add_text(text);
        let addresses = named.addresses.iter().map(ToString::to_string).collect();
        (addresses, named.names.into_iter().collect())
    }

    #[test]
    fn every_way_to_name_an_address() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:443", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("https://[2001:db8::1]/x", "2001:db8::1"),
            ("udp://8.8.8.8:53", "8.8.8.8"),
            ("tcpconnect://192.0.2.1:80", "192.0.2.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("obfs4 192.0.2.1:9001 0123ABCD cert=abc/+iat-mode=0", "192.0.2.1"),
            (
                "openvpn://provider.corp?address=192.0.2.1:1194&transport=udp",
                "192.0.2.1",
            ),
        ] {
            assert!(
                named(text).0.contains(&address.to_owned()),
                "{text}: {:?}",
                named(text)
            );
        }
    }

    #[test]
    fn every_way_to_name_a_host() {
        for (text, name) in [
            ("example.org", "example.org"),
            ("Example.ORG.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("example.org:8443", "example.org"),
            ("https://user@example.org:8443/path?x=1#y", "example.org"),
            ("dot://dns.google:853", "dns.google"),
            ("dnslookup://example.org", "example.org"),
        ] {
            assert_eq!(named(text).1, [name], "{text}");
        }
    }

    #[test]
    fn what_names_nothing_adds_nothing() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            "http://../",
            "a/b",
            "{}",
            "x=y",
            "http://",
            "Mozilla/5.0",
            "*/*",
        ] {
            assert_eq!(named(text), (vec![], vec![]), "{text}");
        }
        assert_eq!(named("https://example.org/?next=evil.example").1, ["example.org"]);
        assert_eq!(named(&"MIIB".repeat(2000)), (vec![], vec![]));
    }

    #[test]
    fn a_long_url_names_its_host() {
        let url = format!("https://example.org/?{}", "x".repeat(20_000));
        assert_eq!(named(&url).1, ["example.org"]);
    }
}
