//! HTTP, and where redirects lead.

use netsonde_guest::steps::{ACCEPT, ACCEPT_LANGUAGE, USER_AGENT, fetch};
use netsonde_guest::{Failure, HttpRequest, Url};

use crate::dial::Dialer;
use crate::options::Options;
use crate::{during, unknown};

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// What is fetched next.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Hop {
    method: String,
    url: Url,
    /// The `Host` header, where it is another one than the URL's.
    host: String,
}

/// Fetch a URL and what it redirects to, each over a connection of its own.
pub(crate) async fn follow(dialer: &Dialer<'_>, url: Url) -> Result<(), Failure> {
    let Options {
        method, http_host, ..
    } = dialer.options;
    let mut hop = Hop {
        method: method.to_owned(),
        url,
        host: http_host.clone(),
    };
    for _ in 0..=MAX_REDIRECTS {
        let (status, location) = round_trip(dialer, &hop).await?;
        if dialer.options.no_follow_redirects {
            return Ok(());
        }
        match hop.next(status, location.as_deref())? {
            Some(next) => hop = next,
            None => return Ok(()),
        }
    }
    Err(unknown(&format!(
        "{}: stopped after {MAX_REDIRECTS} redirects",
        hop.name()
    )))
}

/// One transaction: the status and the `Location`, which may be anything.
async fn round_trip(dialer: &Dialer<'_>, hop: &Hop) -> Result<(u16, Option<Vec<u8>>), Failure> {
    let (transaction, connection) = match hop.url.scheme.as_str() {
        "https" if dialer.options.http3_enabled => dialer.quic_handshake(&hop.url).await?,
        "https" => dialer.handshake(&hop.url).await?,
        _ => dialer.connect(&hop.url).await?,
    };
    let request = HttpRequest::new(&hop.method, &hop.url.to_string());
    let own_agent = &dialer.options.user_agent;
    let user_agent = if own_agent.is_empty() {
        USER_AGENT
    } else {
        own_agent
    };
    if !hop.host.is_empty() {
        request.header("Host", &hop.host);
    }
    request.header("Accept", ACCEPT);
    request.header("Accept-Language", ACCEPT_LANGUAGE);
    request.header("User-Agent", user_agent);
    // OONI's operation for whatever goes wrong after the handshake.
    let response = fetch(&transaction, &connection, &request)
        .await
        .map_err(during("top_level"))?;
    let mut headers = response.headers().into_iter();
    let location = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"));
    Ok((response.status(), location.map(|(_, value)| value)))
}

impl Hop {
    /// Where a response leads; `None` when it is no redirect.
    fn next(&self, status: u16, location: Option<&[u8]>) -> Result<Option<Self>, Failure> {
        let location = location.unwrap_or_default().trim_ascii();
        if location.is_empty() || !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Ok(location) = str::from_utf8(location) else {
            return Err(unknown(&format!(
                "{}: malformed Location: it is not UTF-8",
                self.name()
            )));
        };
        if let Some(scheme) = Url::scheme_of(location).map(str::to_ascii_lowercase)
            && !matches!(scheme.as_str(), "http" | "https")
        {
            return Err(unknown(&format!(
                "{}: unsupported protocol scheme \"{scheme}\"",
                titled(&self.method, location)
            )));
        }
        if names_no_host(location) {
            return Err(Failure {
                code: "http_invalid_redirect_location_host".to_owned(),
                operation: "http_round_trip".to_owned(),
                detail: format!("{}: the redirect to `{location}` names no host", self.name()),
            });
        }
        let malformed = |error| {
            unknown(&format!(
                "{}: malformed Location: {location} {error}",
                self.name()
            ))
        };
        let url = self.url.join(location).map_err(malformed)?;
        let keeps_method = matches!(status, 307 | 308) || self.method == "HEAD";
        let method = if keeps_method {
            self.method.clone()
        } else {
            "GET".to_owned()
        };
        // A Host header of one's own goes with the host: it survives a redirect that names none.
        let same_host = url.host == self.url.host && !location.contains("//");
        let host = if same_host {
            self.host.clone()
        } else {
            String::new()
        };
        Ok(Some(Self { method, url, host }))
    }

    fn name(&self) -> String {
        titled(&self.method, &self.url.to_string())
    }
}

/// Whether this begins like a URL with a host and has none: `http://`, `http:///path`, `//`.
fn names_no_host(location: &str) -> bool {
    let after_scheme = location.find("//").filter(|at| {
        location
            .get(..*at)
            .is_some_and(|before| before.is_empty() || before.ends_with(':'))
    });
    let authority = after_scheme.and_then(|at| location.get(at + 2..));
    authority.is_some_and(|authority| authority.split(['/', '?', '#']).next() == Some(""))
}

/// A request as OONI writes it: `Get "https://example.com/"`.
fn titled(method: &str, url: &str) -> String {
    let (first, rest) = method.split_at(method.len().min(1));
    format!("{first}{} \"{url}\"", rest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: &str, host: &str) -> Hop {
        let url = Url::parse("http://example.com/a").unwrap();
        Hop {
            method: method.to_owned(),
            url,
            host: host.to_owned(),
        }
    }

    fn next(from: &Hop, status: u16, location: &str) -> Hop {
        from.next(status, Some(location.as_bytes())).unwrap().unwrap()
    }

    #[test]
    fn only_redirects_with_a_location_lead_anywhere() {
        assert_eq!(hop("GET", "").next(200, Some(b"/b")).unwrap(), None);
        assert_eq!(hop("GET", "").next(304, Some(b"/b")).unwrap(), None);
        for nowhere in [None, Some(b"".as_slice()), Some(b" ".as_slice())] {
            assert_eq!(hop("GET", "").next(301, nowhere).unwrap(), None);
        }
        assert_eq!(
            next(&hop("GET", ""), 302, "https://example.org/").url.to_string(),
            "https://example.org/"
        );
    }

    #[test]
    fn some_redirects_keep_the_method() {
        assert_eq!(next(&hop("POST", ""), 302, "/b").method, "GET");
        assert_eq!(next(&hop("HEAD", ""), 302, "/b").method, "HEAD");
        assert_eq!(next(&hop("POST", ""), 307, "/b").method, "POST");
    }

    #[test]
    fn a_host_header_stays_with_its_host() {
        let from = hop("GET", "front.example");
        assert_eq!(next(&from, 301, "/b").host, "front.example");
        assert_eq!(next(&from, 301, "https://example.com/b").host, "");
        assert_eq!(next(&from, 301, "//example.org/b").host, "");
    }

    #[test]
    fn redirects_that_lead_nowhere_are_failures() {
        let nowhere = |location: &[u8]| hop("GET", "").next(301, Some(location)).unwrap_err().code;
        let expected: [(&[u8], &str); 4] = [
            (
                b"file:///etc/passwd",
                r#"Get "file:///etc/passwd": unsupported protocol scheme "file""#,
            ),
            (
                b"JavaScript:alert(1)",
                r#"Get "JavaScript:alert(1)": unsupported protocol scheme "javascript""#,
            ),
            (
                b"http:b",
                r#"Get "http://example.com/a": malformed Location: http:b is no URL"#,
            ),
            (
                b"/caf\xe9",
                r#"Get "http://example.com/a": malformed Location: it is not UTF-8"#,
            ),
        ];
        for (location, text) in expected {
            assert_eq!(nowhere(location), format!("unknown_failure: {text}"));
        }
        for location in ["http://", "HTTPS:///b", "//", "///b", "http://?b"] {
            assert_eq!(
                nowhere(location.as_bytes()),
                "http_invalid_redirect_location_host",
                "{location}"
            );
        }
        assert_eq!(
            next(&hop("GET", ""), 302, "/b//c").url.to_string(),
            "http://example.com/b//c"
        );
        assert!(nowhere("http://bücher.example/".as_bytes()).contains("punycode"));
    }
}
