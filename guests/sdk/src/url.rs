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

/// Why a text is no [`Url`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UrlError {
    /// It is not `scheme://host:port/path?query`.
    Malformed,
    /// The host has other characters than those of ASCII. The tables that would turn such names into ASCII are larger
    /// than a whole guest.
    HostNotAscii,
}

impl Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is no URL",
            Self::HostNotAscii => {
                "has a host that is not ASCII; write it in its ASCII form (punycode, xn--...)"
            }
        })
    }
}

impl std::error::Error for UrlError {}

impl Url {
    /// The scheme that a text begins with, as it is written there; `None` for relative references and for what is none.
    pub fn scheme_of(text: &str) -> Option<&str> {
        let (scheme, _) = text.trim().split_once(':')?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        is_scheme.then_some(scheme)
    }

    /// Read an absolute URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = Self::scheme_of(text).ok_or(UrlError::Malformed)?;
        let (_, rest) = text.split_once(':').ok_or(UrlError::Malformed)?;
        let rest = rest.trim_end().strip_prefix("//").ok_or(UrlError::Malformed)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // Browsers take it for a slash, and others would find another host behind it.
        if authority.contains('\\') {
            return Err(UrlError::Malformed);
        }
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or(UrlError::Malformed)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port {
            "" | ":" => None,
            port => Some(
                port.strip_prefix(':')
                    .and_then(|port| port.parse().ok())
                    .ok_or(UrlError::Malformed)?,
            ),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(UrlError::Malformed);
        }
        if !host.is_ascii() {
            return Err(UrlError::HostNotAscii);
        }
        let slash = if path.starts_with('?') { "/" } else { "" };
        let path = format!("{slash}{path}");
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_ascii_lowercase(),
            port,
            path,
        })
    }

    /// Where a `Location` leads, seen from this URL.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.trim();
        let location = location.split('#').next().unwrap_or_default();
        if Self::scheme_of(location).is_some() {
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
        Ok(Self { path, ..self.clone() })
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
            "http://a\\@b/",
            "http://a\\b/",
            "http://a:99999/",
            "http://[::1",
            "a b://c",
            "1a://b",
            "http:a",
            "javascript:alert(1)",
        ] {
            assert_eq!(Url::parse(text), Err(UrlError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_host_that_is_not_ascii_is_to_be_written_in_ascii() {
        let error = Url::parse("http://bücher.example/").unwrap_err();
        assert_eq!(error, UrlError::HostNotAscii);
        assert!(error.to_string().contains("punycode"), "{error}");
        assert!(Url::parse("http://xn--bcher-kva.example/").is_ok());
        assert!(Url::parse("http://example.com/bücher").is_ok());
    }

    #[test]
    fn schemes() {
        assert_eq!(Url::scheme_of(" File:///etc/passwd"), Some("File"));
        assert_eq!(Url::scheme_of("javascript:alert(1)"), Some("javascript"));
        for text in ["", "a", "/a:b", "?a:b", "//a:80/", ":a", "1a:b"] {
            assert_eq!(Url::scheme_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_location_with_a_scheme_is_never_a_path() {
        let base = Url::parse("http://a/b").unwrap();
        for location in [
            "javascript:alert(1)",
            "mailto:a@b",
            "http:c",
            "file:///etc/passwd",
        ] {
            assert_eq!(base.join(location), Err(UrlError::Malformed), "{location}");
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
