//! Where a redirect leads, if that is the server's word and not an echo of the guest's.

use super::named::{self, Place};
use url::Url;

/// The host that a `Location` names, unless what was sent names it too: many servers build the `Location` from the
/// `Host` that they were asked for, and a guest could write any name there. A `Location` without a host of its own
/// names nothing. Nor does one with a host in an unusual spelling (percent-encoded, with letters that IDNA drops): what is
/// understood only then could not be recognised in what was sent.
pub(crate) fn leads_to<'a>(location: &[u8], sent: impl IntoIterator<Item = &'a [u8]>) -> Option<Place> {
    let location = str::from_utf8(location).ok()?.trim();
    let url = if location.starts_with("//") {
        Url::parse(&format!("http:{location}"))
    } else {
        Url::parse(location)
    };
    let url = url.ok()?;
    let host = url.host_str()?;
    if !spelled(location)?.eq_ignore_ascii_case(host) {
        return None;
    }
    let host = named::parse(host)?;
    let echoed = sent
        .into_iter()
        .any(|text| words(text).any(|word| named::parse(&word) == Some(host.clone())));
    (!echoed).then_some(host)
}

/// The host of a URL as it is spelled there.
fn spelled(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("//")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rfind(':').filter(|colon| !host.ends_with(']') && *colon > 0);
    host.get(..port.unwrap_or(host.len()))
}

/// The words of a request that could be hosts, also those that are percent-encoded.
fn words(text: &[u8]) -> impl Iterator<Item = String> {
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    let plain = String::from_utf8_lossy(text).into_owned();
    let decoded: String = url::form_urlencoded::parse(text)
        .flat_map(|(key, value)| {
            [
                key.into_owned(),
                " ".to_owned(),
                value.into_owned(),
                " ".to_owned(),
            ]
        })
        .collect();
    [plain, decoded].into_iter().flat_map(move |text| {
        let words: Vec<String> = text
            .split(|c| !is_host(c))
            .filter(|word| !word.is_empty())
            .flat_map(|word| {
                let without_port = word.rsplit_once(':').map(|(host, _)| host.to_owned());
                std::iter::once(word.to_owned()).chain(without_port)
            })
            .collect();
        words
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(location: &str, sent: &[&str]) -> Option<Place> {
        leads_to(location.as_bytes(), sent.iter().map(|text| text.as_bytes()))
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
        assert_eq!(leads_to(b"http://caf\xe9/", []), None);
        for location in [
            "http://evi%6c.example/",
            "http://evi\u{ad}l.example/",
            "http://evi\tl.example/",
            // Spelled plainly in another place, where nobody takes it for a host.
            "http://evi\tl.example/xevil.examplex",
            "http:/evil.example/",
            "http:\\\\evil.example\\",
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
}
