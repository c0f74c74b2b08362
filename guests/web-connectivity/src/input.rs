//! What is measured: one URL.

use std::net::{IpAddr, Ipv4Addr};

use netsonde_guest::{Failure, Url, info};

/// The input as a URL whose host is ASCII.
pub(crate) fn url(input: &str) -> Result<Url, Failure> {
    parse(input, info::domain_to_ascii)
}

fn parse(input: &str, to_ascii: impl FnOnce(&str) -> Result<String, Failure>) -> Result<Url, Failure> {
    let refused = |why: &str| Failure::top_level("invalid_argument", format!("the input `{input}`: {why}"));
    let text = input.trim();
    let scheme = Url::scheme_of(text).unwrap_or_default();
    if !["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err(refused(
            "web_connectivity needs an http or https URL, such as https://example.com/",
        ));
    }
    let ascii = match authority(text) {
        Some((before, _, _)) if before.contains('\\') => {
            return Err(refused(
                "there is a backslash before the host, which browsers take for a slash: write a slash, or %5C",
            ));
        }
        Some((before, name, after)) => {
            let name = host(name).ok_or_else(|| {
                refused("its host is a number: write an IPv4 address as four numbers, such as 93.184.216.34")
            })?;
            if name.parse::<Ipv4Addr>().is_ok() {
                format!("{before}{name}{after}")
            } else {
                let ascii = to_ascii(name).map_err(|failure| refused(&failure.detail))?;
                format!("{before}{ascii}{after}")
            }
        }
        None => text.to_owned(),
    };
    Url::parse(&ascii).map_err(|error| refused(&error.to_string()))
}

/// A host without the dot of the root. None for what only some take for an address: `127.1`, `0x7f.1`, `2130706433` are
/// addresses to browsers and to the C library, and names to others.
pub(crate) fn host(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_number = match hexadecimal {
        Some(digits) => digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|digit| digit.is_ascii_digit()),
    };
    (!is_number || host.parse::<IpAddr>().is_ok()).then_some(host)
}

/// A URL in three parts, of which the host is the second; none where there is no name.
fn authority(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find("://")? + 3;
    let rest = text.get(start..)?;
    let end = start + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let start = start + text.get(start..end)?.rfind('@').map_or(0, |at| at + 1);
    let host_and_port = text.get(start..end)?;
    if host_and_port.starts_with('[') {
        return None;
    }
    let end = start + host_and_port.find(':').unwrap_or(host_and_port.len());
    let host = text.get(start..end)?;
    (!host.is_empty()).then_some((text.get(..start)?, host, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Result<String, Failure> {
        let to_ascii = |host: &str| {
            if host.contains('_') {
                return Err(Failure::top_level("invalid", "it is no domain name".to_owned()));
            }
            Ok(host.to_lowercase().replace("яндекс.рф", "xn--d1acpjx3f.xn--p1ai"))
        };
        parse(input, to_ascii).map(|url| url.to_string())
    }

    #[test]
    fn the_host_becomes_ascii_and_all_else_stays() {
        for (input, url) in [
            ("http://Яндекс.рф/", "http://xn--d1acpjx3f.xn--p1ai/"),
            (
                "http://яндекс.рф:81/a%2Fb?c#d",
                "http://xn--d1acpjx3f.xn--p1ai:81/a%2Fb?c",
            ),
            ("https://user:secret@Example.com", "https://example.com"),
            ("https://192.0.2.1/", "https://192.0.2.1/"),
            ("http://[2001:db8::1]:81/x", "http://[2001:db8::1]:81/x"),
            (" https://example.com/ ", "https://example.com/"),
            ("http://www.example.com./", "http://www.example.com/"),
            ("http://192.0.2.1.:81/", "http://192.0.2.1:81/"),
            ("http://0x7g.example/", "http://0x7g.example/"),
            ("http://1.example/", "http://1.example/"),
            ("http://[::ffff:192.0.2.1]/", "http://[::ffff:192.0.2.1]/"),
        ] {
            assert_eq!(read(input).unwrap(), url, "{input}");
        }
    }

    #[test]
    fn what_can_not_be_measured_is_said() {
        for input in [
            "",
            "example.com",
            "93.184.216.34:443",
            "ftp://example.com/",
            "http://",
            "http:///path",
            "http://a_b.example/",
            "http://example.com:99999/",
            "http://127.1/",
            "http://1.2.3/",
            "http://0x7f.1/",
            "http://0X7F000001/",
            "http://2130706433/",
            "http://01.2.3.4/",
            "http://1.2.3.4.5/",
            "http://example.com\\@evil/",
            "http://example.com\\evil/",
        ] {
            let failure = read(input).unwrap_err();
            assert!(failure.detail.contains(&format!("`{input}`")), "{failure:?}");
        }
    }
}
