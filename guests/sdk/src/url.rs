//! As much of a URL as a nettest needs: what to connect to, and where a redirect leads.

use std::fmt::{self, Display};

/// `scheme://host:port/path?query`. There is no user, no fragment, and no IDNA: hosts are ASCII, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    /// In lower case.
    pub scheme: String,
    /// A name or an address, an IPv6 address without its brackets.
    pub host: String,
    /// The port, if the URL names it.
    pub port: Option<u16>,
    /// Path and query; empty when the URL has neither.
    pub path: String,
}

impl Url {
    /// Read an absolute URL.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        if scheme.is_empty()
            || !scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            return None;
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port {
            "" | ":" => None,
            port => Some(port.strip_prefix(':')?.parse().ok()?),
        };
        if host.is_empty() || !host.is_ascii() || host.contains(|c: char| c.is_ascii_whitespace()) {
            return None;
        }
        let slash = if path.starts_with('?') { "/" } else { "" };
        let path = format!("{slash}{path}");
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_ascii_lowercase(),
            port,
            path,
        })
    }

    /// Where a `Location` leads, seen from this URL.
    pub fn join(&self, location: &str) -> Option<Self> {
        let location = location.trim();
        let location = location.split('#').next().unwrap_or_default();
        if location.contains("://") && location.find("://") < location.find(['/', '?']).map(|at| at + 1) {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("{}:{location}", self.scheme));
        }
        let own_path = self.path.split('?').next().unwrap_or_default();
        let path = match location.chars().next() {
            None => self.path.clone(),
            Some('/') => without_dots(location),
            Some('?') => format!("{}{location}", if own_path.is_empty() { "/" } else { own_path }),
            Some(_) => {
                let folder = own_path.rsplit_once('/').map_or("", |(folder, _)| folder);
                without_dots(&format!("{folder}/{location}"))
            }
        };
        Some(Self { path, ..self.clone() })
    }

    /// The port to connect to; none for schemes without a usual one.
    pub fn port_or_default(&self) -> Option<u16> {
        self.port.or(match self.scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })
    }
}

impl Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme,
            host,
            port,
            path,
        } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]")?;
        } else {
            write!(f, "{scheme}://{host}")?;
        }
        match port {
            Some(port) => write!(f, ":{port}{path}"),
            None => write!(f, "{path}"),
        }
    }
}

/// A path without `.` and `..` (RFC 3986, section 5.2.4); the query is left alone.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." if is_last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(base: &str, location: &str) -> String {
        Url::parse(base).unwrap().join(location).unwrap().to_string()
    }

    #[test]
    fn the_parts_of_a_url() {
        let url = Url::parse("HTTPS://user@Example.com:8443/a?b=c#d").unwrap();
        assert_eq!(
            (url.scheme.as_str(), url.host.as_str(), url.port),
            ("https", "example.com", Some(8443))
        );
        assert_eq!(url.to_string(), "https://example.com:8443/a?b=c");
        assert_eq!(Url::parse("http://[2001:db8::1]/").unwrap().host, "2001:db8::1");
        assert_eq!(
            Url::parse("http://[2001:db8::1]:81/").unwrap().to_string(),
            "http://[2001:db8::1]:81/"
        );
        assert_eq!(Url::parse("dnslookup://example.com").unwrap().path, "");
        assert_eq!(Url::parse("http://example.com?a=b").unwrap().path, "/?a=b");
    }

    #[test]
    fn what_is_no_url() {
        for text in [
            "",
            "example.com",
            "http://",
            "http:///a",
            "http://a:b/",
            "http://a:99999/",
            "http://[::1",
            "a b://c",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn where_redirects_lead() {
        assert_eq!(join("http://a/b", "https://c/d"), "https://c/d");
        assert_eq!(join("https://a/b", "//c/d"), "https://c/d");
        assert_eq!(join("http://a:81/b/c?d", "/e"), "http://a:81/e");
        assert_eq!(join("http://a/b/c?d", "e?f"), "http://a/b/e?f");
        assert_eq!(join("http://a/b/c", "../e/./f/.."), "http://a/e/");
        assert_eq!(join("http://a", "b"), "http://a/b");
        assert_eq!(join("http://a/b?c", "?d"), "http://a/b?d");
        assert_eq!(join("http://a/b", "?to=http://c/"), "http://a/b?to=http://c/");
        assert_eq!(join("http://a/b", "/d?to=http://c/"), "http://a/d?to=http://c/");
    }

    #[test]
    fn usual_ports() {
        assert_eq!(Url::parse("https://a/").unwrap().port_or_default(), Some(443));
        assert_eq!(Url::parse("http://a:81/").unwrap().port_or_default(), Some(81));
        assert_eq!(Url::parse("tcpconnect://a").unwrap().port_or_default(), None);
    }
}
