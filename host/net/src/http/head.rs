//! A request before it is sent: checked, and with the headers that it can not do without.

use super::Request;
use http::{HeaderName, HeaderValue, Method, Uri};
use url::Url;

/// What a request's head holds.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    /// `Host` (added in front where the caller gave none), then what the caller gave.
    pub(super) headers: Vec<(String, String)>,
    scheme: String,
    authority: String,
    path: String,
}

impl Head {
    /// Check `request`. The error names what is malformed.
    pub(super) fn new(request: &Request) -> Result<Self, String> {
        let url =
            Url::parse(&request.url).map_err(|error| format!("malformed URL {:?}: {error}", request.url))?;
        let host = url
            .host_str()
            .ok_or_else(|| format!("malformed URL {:?}: it has no host", request.url))?;
        let authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| format!("malformed method {:?}", request.method))?;
        for (name, value) in &request.headers {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("malformed header name {name:?}"))?;
            HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("malformed value {value:?} of header {name:?}"))?;
        }
        let given = request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let mut headers = Vec::with_capacity(request.headers.len() + 1);
        if given.is_none() {
            headers.push(("Host".to_owned(), authority.clone()));
        }
        headers.extend(request.headers.iter().cloned());
        let path = url.query().map_or_else(
            || url.path().to_owned(),
            |query| format!("{}?{query}", url.path()),
        );
        let authority = given.map_or(authority, |(_, host)| host.clone());
        Ok(Self {
            method,
            headers,
            scheme: url.scheme().to_owned(),
            authority,
            path,
        })
    }

    /// What HTTP/1.1 writes after the method.
    pub(super) fn origin_form(&self) -> Result<Uri, http::Error> {
        Uri::builder().path_and_query(self.path.as_str()).build()
    }

    /// What HTTP/2's pseudo headers are made from.
    pub(super) fn absolute_form(&self) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.as_str())
            .authority(self.authority.as_str())
            .path_and_query(self.path.as_str())
            .build()
    }
}

/// A header's name as OONI's data spells it: the first letter and each after a hyphen in upper case.
pub(super) fn canonical(name: &HeaderName) -> String {
    let mut upper = true;
    let letters = name.as_str().chars().map(|letter| {
        let letter = if upper {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        upper = letter == '-';
        letter
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(url: &str, headers: &[(&str, &str)]) -> Result<Head, String> {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Head::new(&Request {
            url: url.to_owned(),
            headers,
            ..Request::default()
        })
    }

    #[test]
    fn host_comes_from_the_url_unless_it_is_given() {
        let own = head("http://[2001:db8::1]:8080/a?b#c", &[("X", "1")]).unwrap();
        assert_eq!(
            own.headers.first().unwrap(),
            &("Host".to_owned(), "[2001:db8::1]:8080".to_owned())
        );
        assert_eq!(own.origin_form().unwrap().to_string(), "/a?b");
        let given = head("https://example.org/", &[("X", "1"), ("hOST", "other.example")]).unwrap();
        assert_eq!(given.headers.len(), 2);
        assert_eq!(
            given.absolute_form().unwrap().to_string(),
            "https://other.example/"
        );
    }

    #[test]
    fn what_is_malformed_is_named() {
        assert!(head("nonsense", &[]).unwrap_err().contains("nonsense"));
        assert!(head("http://a/", &[("A B", "1")]).unwrap_err().contains("A B"));
        assert!(
            head("http://a/", &[("A", "1\r\nB: 2")])
                .unwrap_err()
                .contains("\"A\"")
        );
    }

    #[test]
    fn canonical_names_begin_their_words_with_capitals() {
        assert_eq!(
            canonical(&HeaderName::from_static("www-authenticate")),
            "Www-Authenticate"
        );
    }
}
