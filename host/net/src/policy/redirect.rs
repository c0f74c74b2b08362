//! Where a redirect leads, if that is the server's word and not an echo of the guest's.
//!
//! Many servers build the `Location` from what they were asked: from the `Host`, or from a query (`/go?to=…`). A guest could write
//! any name there. So a host leads nowhere that stands in the request, unless somebody else has said it before: the script,
//! in whatever part of the target, or a server, in a `Location` or a cookie that was no echo either.

use super::named::{self, Place};
use bytes::Bytes;
use std::{collections::HashSet, sync::Arc};
use url::Url;

/// How often a text is percent-decoded in search of hosts: servers decode what they echo, some of them twice.
const DECODED: usize = 4;
/// Hosts that others have said, for one measurement. Beyond that, an echo is an echo.
const MOST: usize = 4096;

/// Hosts that the script and servers have said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said(Arc<HashSet<Place>>);

impl Said {
    /// The script says this, somewhere in a target.
    pub(crate) fn by_script(&mut self, text: &str) {
        self.add(hosts(text.as_bytes(), DECODED));
    }

    /// A response came to a request that had `sent` in it. Where it leads, if anywhere new.
    pub(crate) fn by_server<'a>(
        &mut self,
        sent: impl IntoIterator<Item = &'a [u8]>,
        status: u16,
        headers: &[(String, Bytes)],
    ) -> Option<Place> {
        let of = |wanted: &'static str| {
            headers
                .iter()
                .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        of("location").chain(of("set-cookie")).next()?;
        // What only the guest can have come up with.
        let own: HashSet<Place> = sent
            .into_iter()
            .flat_map(|text| hosts(text, DECODED))
            .filter(|host| !self.0.contains(host))
            .collect();
        let place = of("location").next().and_then(|location| host_of(location));
        // Decoded once, as whoever sends it back does. What is decoded twice was not said.
        let heard = of("location")
            .chain(of("set-cookie"))
            .flat_map(|text| hosts(text, 1));
        self.add(heard.filter(|host| !own.contains(host)).collect::<Vec<_>>());
        place.filter(|place| matches!(status, 300..=399) && !own.contains(place))
    }

    fn add(&mut self, hosts: impl IntoIterator<Item = Place>) {
        let said = Arc::make_mut(&mut self.0);
        for host in hosts {
            if said.len() < MOST {
                said.insert(host);
            }
        }
    }
}

/// The host that a `Location` names. One without a host of its own names nothing. Nor does one with a host in an unusual
/// spelling (percent-encoded, with letters that IDNA drops): what is understood only then could not be recognised in what
/// was sent.
fn host_of(location: &[u8]) -> Option<Place> {
    // For the web, either is a slash.
    let location = str::from_utf8(location).ok()?.trim().replace('\\', "/");
    let url = if location.starts_with("//") {
        Url::parse(&format!("http:{location}"))
    } else {
        Url::parse(&location)
    };
    let host = url.ok()?;
    let host = host.host_str()?;
    if !spelled(&location)?.chars().all(is_of_host) {
        return None;
    }
    named::parse(host)
}

/// The host of a URL as it is spelled there.
fn spelled(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("//")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rfind(':').filter(|colon| !host.ends_with(']') && *colon > 0);
    host.get(..port.unwrap_or(host.len()))
}

fn is_of_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':')
}

/// The words of a text that could be hosts, also when it is percent-decoded as often as `decoded`.
fn hosts(text: &[u8], decoded: usize) -> HashSet<Place> {
    let mut found = HashSet::new();
    let mut text = String::from_utf8_lossy(text).into_owned();
    for round in 0..=decoded {
        for word in text.split(|c| !is_of_host(c)).filter(|word| !word.is_empty()) {
            let without_port = word.rsplit_once(':').map(|(host, _)| host);
            found.extend(
                [Some(word), without_port]
                    .into_iter()
                    .flatten()
                    .filter_map(named::parse),
            );
        }
        if round == decoded || !text.contains(['%', '+']) {
            break;
        }
        text = url::form_urlencoded::parse(text.as_bytes())
            .flat_map(|(key, value)| [key, " ".into(), value, " ".into()])
            .collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a response leads in a measurement in which nobody has said anything before.
    fn to(location: &str, sent: &[&str]) -> Option<Place> {
        answer(&mut Said::default(), location, sent)
    }

    fn answer(said: &mut Said, location: &str, sent: &[&str]) -> Option<Place> {
        let headers = [("Location".to_owned(), Bytes::copy_from_slice(location.as_bytes()))];
        said.by_server(sent.iter().map(|text| text.as_bytes()), 302, &headers)
    }

    fn name(text: &str) -> Place {
        Place::Name(text.to_owned())
    }

    #[test]
    fn a_host_in_a_location_is_where_it_leads() {
        let sent = ["http://example.org/", "Host", "example.org"];
        assert_eq!(
            to("https://www.example.org/x", &sent),
            Some(name("www.example.org"))
        );
        assert_eq!(to("//other.example/", &sent), Some(name("other.example")));
        assert_eq!(
            to("http://195.175.254.2/", &sent),
            Some(Place::Address([195, 175, 254, 2].into()))
        );
        let sent = ["http://www.example.org/"];
        assert_eq!(to("https://example.org/", &sent), Some(name("example.org")));
        for location in [
            "https://Example.org:8443?x",
            "HTTPS://user:secret@example.org#x",
            "//example.org.",
            "\\\\example.org\\x",
            "http://b\u{fc}cher.example/",
        ] {
            assert!(to(location, &sent).is_some(), "{location}");
        }
        let address = Place::Address("2606:2800::1".parse().unwrap());
        assert_eq!(to("https://[2606:2800::1]:443/", &sent), Some(address.clone()));
        assert_eq!(to("https://[2606:2800::1]/", &sent), Some(address));
    }

    #[test]
    fn what_names_no_host_leads_nowhere_new() {
        for location in ["/path", "path", "", "http:///", "mailto:a@example.org"] {
            assert_eq!(to(location, &[]), None, "{location}");
        }
        let latin = [("Location".to_owned(), Bytes::from_static(b"http://caf\xe9/"))];
        assert_eq!(Said::default().by_server([], 302, &latin), None);
        for location in [
            "http://evi%6c.example/",
            "http://evi\u{ad}l.example/",
            "http://evi\tl.example/",
            // Spelled plainly in another place, where nobody takes it for a host.
            "http://evi\tl.example/xevil.examplex",
            "http:/evil.example/",
        ] {
            assert_eq!(to(location, &[]), None, "{location}");
        }
    }

    #[test]
    fn an_echo_leads_nowhere() {
        for sent in [
            "evil.example",
            "EVIL.example:8080",
            "http://evil.example/",
            "/go?to=https%3A%2F%2Fevil.example%2F",
            "{\"to\":\"evil.example\"}",
        ] {
            assert_eq!(to("https://evil.example/", &[sent]), None, "{sent}");
        }
        assert_eq!(to("http://9.9.9.9/", &["http://x/?9.9.9.9"]), None);
    }

    #[test]
    fn what_the_script_said_is_no_echo() {
        let mut said = Said::default();
        said.by_script("https://shop.example/login?next=https%3A%2F%2Fwww.example.org%2F&id=example.com");
        let sent = ["https://shop.example/login?next=https%3A%2F%2Fwww.example.org%2F&id=example.com"];
        assert_eq!(
            answer(&mut said, "https://www.example.org/", &sent),
            Some(name("www.example.org"))
        );
        assert_eq!(
            answer(&mut said, "https://example.com/", &sent),
            Some(name("example.com"))
        );
        let evil = ["https://shop.example/login?next=evil.example"];
        assert_eq!(answer(&mut said, "https://evil.example/", &evil), None);
    }

    #[test]
    fn what_a_server_said_is_no_echo_when_it_comes_back() {
        let mut said = Said::default();
        let consent = "/consent?continue=https%3A%2F%2Fwww.example.org%2F";
        assert_eq!(answer(&mut said, consent, &["http://example.org/"]), None);
        assert_eq!(
            answer(&mut said, "https://www.example.org/", &[consent]),
            Some(name("www.example.org"))
        );
        let mut said = Said::default();
        let cookie = [(
            "Set-Cookie".to_owned(),
            Bytes::from_static(b"from=www.example.org"),
        )];
        said.by_server([&b"http://example.org/"[..]], 200, &cookie);
        assert_eq!(
            answer(
                &mut said,
                "http://www.example.org/",
                &["Cookie", "from=www.example.org"]
            ),
            Some(name("www.example.org"))
        );
    }

    #[test]
    fn an_echo_of_an_echo_leads_nowhere() {
        for first in [
            "/go?to=evil.example",
            "/go?to=evil%2Eexample",
            "/go?to=evil%252Eexample",
            "/go?to=evil%25252Eexample",
        ] {
            let mut said = Said::default();
            let echoed = "/go?to=evil.example";
            assert_eq!(answer(&mut said, echoed, &[first]), None, "{first}");
            assert_eq!(
                answer(&mut said, "http://evil.example/", &[echoed]),
                None,
                "{first}"
            );
        }
    }
}
