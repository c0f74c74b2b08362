//! A request's head before it is sent: checked, and with the headers that it can not do without.

use super::Request;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use std::{borrow::Cow, fmt};
use url::Url;

/// What carries the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.1.
    H1,
    /// HTTP/2.
    H2,
    /// HTTP/3.
    H3,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H1 => "HTTP/1.1",
            Self::H2 => "HTTP/2",
            Self::H3 => "HTTP/3",
        })
    }
}

/// Name and value.
type Header = (Vec<u8>, Vec<u8>);

/// What a request's head holds.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) method: String,
    /// The headers as they are sent. On HTTP/1.1 the host's is among them, in front where the caller gave none.
    headers: Vec<Header>,
    scheme: String,
    authority: String,
    path: String,
    raw: Option<Bytes>,
}

/// Headers that belong to a connection of HTTP/1.1, and that later versions forbid (RFC 9113, section 8.2.2).
const OF_THE_CONNECTION: [&str; 6] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl Head {
    /// Check `request`. The error names what is malformed, or what this version can not carry.
    pub(crate) fn new(request: &Request, version: Version) -> Result<Self, String> {
        let url =
            Url::parse(&request.url).map_err(|error| format!("malformed URL {:?}: {error}", request.url))?;
        let host = url
            .host_str()
            .ok_or_else(|| format!("malformed URL {:?}: it has no host", request.url))?;
        let own_authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = url.query().map_or_else(
            || url.path().to_owned(),
            |query| format!("{}?{query}", url.path()),
        );
        let mut head = Self {
            version,
            method: request.method.clone(),
            headers: Vec::with_capacity(request.headers.len() + 2),
            scheme: url.scheme().to_owned(),
            authority: own_authority,
            path,
            raw: request.raw_head.clone(),
        };
        if head.raw.is_some() {
            return head.of_raw_bytes(request);
        }
        Method::from_bytes(request.method.as_bytes())
            .map_err(|_| format!("malformed method {:?}", request.method))?;
        head.set_headers(request)?;
        head.set_pseudo_headers(request)?;
        Ok(head)
    }

    fn set_headers(&mut self, request: &Request) -> Result<(), String> {
        for (name, value) in &request.headers {
            self.check(name, value)?;
        }
        let given = |wanted: &str| {
            let mut headers = request.headers.iter();
            headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let is_h1 = self.version == Version::H1;
        match given("host") {
            Some((_, host)) => self.authority.clone_from(host),
            None if is_h1 => self
                .headers
                .push((b"Host".to_vec(), self.authority.clone().into())),
            None => {}
        }
        // Later versions have the host in `:authority`. Only who gives both sends both.
        let has_authority = request
            .pseudo_headers
            .iter()
            .any(|(name, _)| name == ":authority");
        for (name, value) in &request.headers {
            if is_h1 {
                self.headers.push((name.clone().into(), value.clone().into()));
            } else if has_authority || !name.eq_ignore_ascii_case("host") {
                self.headers
                    .push((name.to_ascii_lowercase().into(), value.clone().into()));
            }
        }
        let expects_body = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        let has_length = given("content-length").is_some() || given("transfer-encoding").is_some();
        if (expects_body || !request.body.is_empty()) && !has_length {
            // RFC 9110, section 8.6.
            let name = if is_h1 { "Content-Length" } else { "content-length" };
            let length = request.body.len().to_string();
            self.headers.push((name.into(), length.into()));
        }
        Ok(())
    }

    fn check(&self, name: &str, value: &str) -> Result<(), String> {
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("malformed header name {name:?}"))?;
        HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| format!("malformed value {value:?} of header {name:?}"))?;
        let is_allowed = name.eq_ignore_ascii_case("te") && value.eq_ignore_ascii_case("trailers");
        let is_forbidden = OF_THE_CONNECTION
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        if self.version != Version::H1 && is_forbidden && !is_allowed {
            return Err(format!("{} has no place for the header {name:?}", self.version));
        }
        Ok(())
    }

    fn set_pseudo_headers(&mut self, request: &Request) -> Result<(), String> {
        for (name, value) in &request.pseudo_headers {
            if self.version == Version::H1 {
                return Err(format!(
                    "HTTP/1.1 has no pseudo-headers such as {name:?}; give headers, or a raw head"
                ));
            }
            match name.as_str() {
                ":authority" => self.authority.clone_from(value),
                ":path" => self.path.clone_from(value),
                ":scheme" => self.scheme.clone_from(value),
                _ => {
                    return Err(format!(
                        "the pseudo-header {name:?} can not be given, only :authority, :path and :scheme can"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The head is as the caller wrote it; what can be read of it is for the observation.
    fn of_raw_bytes(mut self, request: &Request) -> Result<Self, String> {
        if self.version != Version::H1 {
            return Err(format!("{} has no raw head; use HTTP/1.1", self.version));
        }
        if !request.headers.is_empty() || !request.pseudo_headers.is_empty() {
            return Err("a raw head has the headers in it; give one or the other".to_owned());
        }
        let raw = self.raw.clone().unwrap_or_default();
        let mut lines = raw.split(|&byte| byte == b'\n');
        let mut words = lines.next().unwrap_or_default().split(u8::is_ascii_whitespace);
        self.method = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
        for line in lines {
            if let Some(colon) = line.iter().position(|&byte| byte == b':') {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                self.headers.push((name.to_vec(), value.to_vec()));
            }
        }
        Ok(self)
    }

    /// The headers for the observation: as they are sent, those with a colon in front included.
    pub(super) fn recorded(&self) -> Vec<Header> {
        let mut recorded = Vec::with_capacity(self.headers.len() + 4);
        if self.version != Version::H1 {
            let pseudo = [
                (":method", &self.method),
                (":scheme", &self.scheme),
                (":authority", &self.authority),
                (":path", &self.path),
            ];
            recorded.extend(pseudo.map(|(name, value)| (name.into(), value.clone().into())));
        }
        recorded.extend(self.headers.iter().cloned());
        recorded
    }

    /// What the caller wrote himself of the head.
    pub(super) fn raw(&self) -> Option<&Bytes> {
        self.raw.as_ref()
    }

    /// The head as HTTP/1.1 sends it.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        if let Some(raw) = &self.raw {
            return Cow::Borrowed(raw);
        }
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            for part in [name, &b": "[..], value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        Cow::Owned(bytes)
    }

    /// The head as later versions have it. What the library would change on the way is an error.
    pub(crate) fn to_http(&self) -> Result<http::Request<()>, String> {
        let unsendable =
            |name: &str, value: &str| format!("the {name} {value:?} can not be sent over {}", self.version);
        let uri = Uri::builder()
            .scheme(self.scheme.as_str())
            .authority(self.authority.as_str())
            .path_and_query(self.path.as_str())
            .build()
            .map_err(|error| {
                let (scheme, authority, path) = (&self.scheme, &self.authority, &self.path);
                format!(
                    "{scheme}, {authority} and {path} can not be sent over {}: {error}",
                    self.version
                )
            })?;
        for (name, value, kept) in [
            (":scheme", &self.scheme, uri.scheme_str()),
            (
                ":authority",
                &self.authority,
                uri.authority().map(http::uri::Authority::as_str),
            ),
            (
                ":path",
                &self.path,
                uri.path_and_query().map(http::uri::PathAndQuery::as_str),
            ),
        ] {
            if kept != Some(value) {
                return Err(unsendable(name, value));
            }
        }
        let method =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| unsendable("method", &self.method))?;
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name).map_err(|error| error.to_string())?;
            let value = HeaderValue::from_bytes(value).map_err(|error| error.to_string())?;
            headers
                .try_append(name, value)
                .map_err(|error| error.to_string())?;
        }
        let mut request = http::Request::new(());
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)]) -> Request {
        let pair = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Request {
            url: url.to_owned(),
            headers: headers.iter().map(pair).collect(),
            ..Request::default()
        }
    }

    fn sent(request: &Request) -> String {
        let head = Head::new(request, Version::H1).unwrap();
        String::from_utf8(head.bytes().into_owned()).unwrap()
    }

    fn refused(request: &Request, version: Version) -> String {
        Head::new(request, version)
            .and_then(|head| head.to_http())
            .unwrap_err()
    }

    #[test]
    fn host_comes_from_the_url_unless_it_is_given() {
        assert_eq!(
            sent(&request("http://[2001:db8::1]:8080/a?b#c", &[("X", "1")])),
            "GET /a?b HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\nX: 1\r\n\r\n"
        );
        let given = request("https://example.org/", &[("X", "1"), ("hOST", "other.example")]);
        assert_eq!(
            sent(&given),
            "GET / HTTP/1.1\r\nX: 1\r\nhOST: other.example\r\n\r\n"
        );
        let head = Head::new(&given, Version::H2).unwrap().to_http().unwrap();
        assert_eq!(head.uri(), "https://other.example/");
        assert!(!head.headers().contains_key("host"));
    }

    #[test]
    fn what_is_malformed_is_named() {
        let url = "http://a/";
        assert!(refused(&request("nonsense", &[]), Version::H1).contains("nonsense"));
        assert!(refused(&request(url, &[("A B", "1")]), Version::H1).contains("A B"));
        assert!(refused(&request(url, &[("A", "1\r\nB: 2")]), Version::H1).contains("\"A\""));
    }

    #[test]
    fn a_raw_head_is_sent_as_it_is_and_read_as_far_as_it_can_be() {
        let raw = Bytes::from_static(b"GeT  / HTTP/8\nhOst:\txn\xff \n\rbroken\nA\xfe : 1\n\n");
        let raw = Request {
            raw_head: Some(raw.clone()),
            ..request("http://a/", &[])
        };
        let head = Head::new(&raw, Version::H1).unwrap();
        assert_eq!(Some(&head.bytes()[..]), raw.raw_head.as_deref());
        assert_eq!(head.method, "GeT");
        let wanted: [Header; 2] = [
            (b"hOst".to_vec(), b"xn\xff".to_vec()),
            (b"A\xfe ".to_vec(), b"1".to_vec()),
        ];
        assert_eq!(head.recorded(), wanted);
        assert!(refused(&raw, Version::H2).contains("raw head"));
        let both = Request {
            headers: vec![("A".to_owned(), "1".to_owned())],
            ..raw
        };
        assert!(refused(&both, Version::H1).contains("one or the other"));
    }

    #[test]
    fn pseudo_headers_are_given_for_http2_and_what_can_not_be_given_is_an_error() {
        let with = |name: &str, value: &str| Request {
            pseudo_headers: vec![(name.to_owned(), value.to_owned())],
            ..request("https://example.org/a", &[("HOST", "inner.example")])
        };
        let head = Head::new(&with(":authority", "outer.example"), Version::H2)
            .unwrap()
            .to_http()
            .unwrap();
        assert_eq!(head.uri(), "https://outer.example/a");
        assert_eq!(head.headers()["host"], "inner.example");
        let head = Head::new(&with(":scheme", "ftp"), Version::H2)
            .unwrap()
            .to_http()
            .unwrap();
        assert_eq!(head.uri(), "ftp://inner.example/a");
        for (name, value) in [
            (":path", "no/slash"),
            (":path", "/a#b"),
            (":scheme", "a b"),
            (":authority", "a b"),
            (":method", "GET"),
            (":x", "1"),
        ] {
            let reason = refused(&with(name, value), Version::H2);
            assert!(
                reason.contains(value) || reason.contains(name),
                "{name} {value}: {reason}"
            );
        }
        assert!(refused(&with(":path", "/"), Version::H1).contains("pseudo"));
        let te = |value| request("https://a/", &[("TE", value)]);
        assert!(refused(&te("gzip"), Version::H2).contains("TE"));
        assert!(Head::new(&te("trailers"), Version::H2).is_ok());
    }
}
