//! Where a response leads, for those who follow redirects.

use bytes::Bytes;
use netsonde_data::failure::FailureCode;
use url::{ParseError, Url};

/// Where this response to a request for `url` leads; `None` if it is no redirect. `left` is how many redirects may
/// still be followed. The statuses, and what goes wrong with each, are those of OONI's `web_connectivity`.
pub(super) fn leads_to(
    url: &str,
    status: u16,
    headers: &[(String, Bytes)],
    left: u32,
) -> Result<Option<String>, FailureCode> {
    if !matches!(status, 301 | 302 | 307 | 308) {
        return Ok(None);
    }
    let location = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, value)| value.trim_ascii())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| FailureCode::unknown("http: no Location header in response"))?;
    let malformed = |why: &str| FailureCode::unknown(format!("http: malformed Location: {why}"));
    let location = str::from_utf8(location).map_err(|_| malformed("it is not UTF-8"))?;
    if names_no_host(location) {
        return Err(FailureCode::HTTP_INVALID_REDIRECT_LOCATION_HOST);
    }
    let joined = Url::parse(url).and_then(|url| url.join(location));
    let mut joined = joined.map_err(|error| match error {
        ParseError::EmptyHost => FailureCode::HTTP_INVALID_REDIRECT_LOCATION_HOST,
        error => malformed(&error.to_string()),
    })?;
    if left == 0 {
        return Err(FailureCode::unknown("stopped after too many redirects"));
    }
    joined.set_fragment(None);
    Ok(Some(joined.into()))
}

/// Whether this begins like a URL with a host and has none: `http://`, `http:///path`, `//`.
fn names_no_host(location: &str) -> bool {
    let before_authority = location.split(['/', '?', '#']).next().unwrap_or_default();
    let after_scheme = location.get(before_authority.len()..).unwrap_or_default();
    let has_authority = before_authority.is_empty() || before_authority.ends_with(':');
    let authority = after_scheme.strip_prefix("//").filter(|_| has_authority);
    authority.is_some_and(|authority| authority.split(['/', '?', '#']).next() == Some(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(status: u16, location: &str, left: u32) -> Result<Option<String>, FailureCode> {
        let headers = [("Location".to_owned(), Bytes::copy_from_slice(location.as_bytes()))];
        leads_to("http://example.com/a%2Fb?c", status, &headers, left)
    }

    fn to(location: &str) -> String {
        follow(302, location, 1).unwrap().unwrap()
    }

    #[test]
    fn only_some_statuses_lead_anywhere() {
        for status in [301, 302, 307, 308] {
            assert!(follow(status, "/b", 1).unwrap().is_some(), "{status}");
        }
        for status in [200, 201, 300, 303, 304, 305, 404] {
            assert_eq!(follow(status, "/b", 0).unwrap(), None, "{status}");
        }
    }

    #[test]
    fn locations_are_seen_from_where_they_stand() {
        assert_eq!(to("https://example.org/"), "https://example.org/");
        assert_eq!(to("//example.org/x#y"), "http://example.org/x");
        assert_eq!(to("/d%2Fe"), "http://example.com/d%2Fe");
        assert_eq!(to("d"), "http://example.com/d");
        assert_eq!(to("?d=http://e/"), "http://example.com/a%2Fb?d=http://e/");
        assert_eq!(to("http://b\u{fc}cher.example/"), "http://xn--bcher-kva.example/");
    }

    #[test]
    fn what_leads_nowhere_has_a_failure() {
        let failure = |location: &str| follow(302, location, 1).unwrap_err();
        for location in ["http://", "https://", "HTTPS:///b", "//", "///b", "http://?b"] {
            assert_eq!(
                failure(location),
                FailureCode::HTTP_INVALID_REDIRECT_LOCATION_HOST,
                "{location}"
            );
        }
        let missing = "unknown_failure: http: no Location header in response";
        assert_eq!(failure(" ").as_str(), missing);
        assert_eq!(
            leads_to("http://example.com/", 301, &[], 1).unwrap_err().as_str(),
            missing
        );
        assert!(failure("http://[::1").as_str().contains("malformed Location"));
        let too_many = follow(302, "/b", 0).unwrap_err();
        assert_eq!(
            too_many.as_str(),
            "unknown_failure: stopped after too many redirects"
        );
    }
}
