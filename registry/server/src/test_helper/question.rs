//! What a probe asks, read with little memory however much it sends.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt, net::IpAddr, net::SocketAddr};
use url::Url;

/// The headers that are passed on to the measured server.
const PASSED_ON: [&str; 3] = ["Accept", "Accept-Language", "User-Agent"];
/// How long a URL may be: longer ones no server takes.
const LONGEST_URL: usize = 16 << 10;
/// How many values of these headers are passed on at most, and how long they may be together.
const MOST_VALUES: usize = 16;
const LONGEST_VALUES: usize = 8 << 10;

/// What a probe asks. Whatever else it sends is passed over.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// What to fetch.
    pub url: Url,
    /// The headers to fetch it with: only those that are passed on.
    pub headers: Vec<(String, String)>,
    /// The addresses that the probe has found, no address twice.
    pub addresses: Vec<Address>,
    /// Whether the probe is interested in QUIC.
    pub quic: bool,
}

/// An address, and how it is spelled in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address, never IPv4-mapped.
    pub ip: IpAddr,
    /// The probe's spelling, or the usual one.
    pub text: String,
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let text = ip.to_string();
        Self { ip, text }
    }
}

/// Why something is no question.
#[derive(Debug, thiserror::Error)]
pub enum NoQuestion {
    /// It is not the JSON of one.
    #[error("the body is not the JSON of a request: {0}")]
    Json(#[from] serde_json::Error),
    /// There is nothing to fetch.
    #[error("http_request is not a URL: {0}")]
    Url(#[from] url::ParseError),
    /// The URL would be all that there is to send.
    #[error("http_request is longer than {LONGEST_URL} bytes")]
    LongUrl,
}

impl Question {
    /// Read a question, and keep at most so many addresses of it.
    pub fn read(json: &[u8], most_addresses: usize) -> Result<Self, NoQuestion> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let asked = reader.deserialize_map(Members { most_addresses })?;
        reader.end()?;
        if asked.url.len() > LONGEST_URL {
            return Err(NoQuestion::LongUrl);
        }
        Ok(Self {
            url: Url::parse(&asked.url)?,
            headers: asked.headers,
            addresses: asked.addresses,
            quic: asked.quic,
        })
    }
}

#[derive(Default)]
struct Asked {
    url: String,
    headers: Vec<(String, String)>,
    addresses: Vec<Address>,
    quic: bool,
}

/// The members of the object. Of two with the same name the last one counts, and null is as good as absent, as for the
/// test helpers that there have been.
struct Members {
    most_addresses: usize,
}

impl<'de> Visitor<'de> for Members {
    type Value = Asked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Asked, M::Error> {
        let mut asked = Asked::default();
        while let Some(name) = members.next_key::<Text<'_>>()? {
            match &*name.0 {
                "http_request" => {
                    let url: Option<Text<'_>> = members.next_value()?;
                    asked.url = url.map(|url| url.0.into_owned()).unwrap_or_default();
                }
                "x_quic_enabled" => asked.quic = members.next_value::<Option<bool>>()?.unwrap_or_default(),
                "tcp_connect" => {
                    asked.addresses = members.next_value_seed(Nullable(Endpoints(self.most_addresses)))?;
                }
                "http_request_headers" => asked.headers = members.next_value_seed(Nullable(Headers))?,
                _ => _ = members.next_value::<IgnoredAny>()?,
            }
        }
        Ok(asked)
    }
}

/// Text that is borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Null is the default.
struct Nullable<S>(S);

impl<'de, S: Visitor<'de, Value: Default>> DeserializeSeed<'de> for Nullable<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: Visitor<'de, Value: Default>> Visitor<'de> for Nullable<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E>(self) -> Result<S::Value, E> {
        Ok(S::Value::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_any(self.0)
    }
}

/// Endpoints, of which the first so many different addresses count.
struct Endpoints(usize);

impl<'de> Visitor<'de> for Endpoints {
    type Value = Vec<Address>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of endpoints such as \"192.0.2.1:443\"")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Vec<Address>, S::Error> {
        let mut addresses: Vec<Address> = Vec::new();
        while let Some(endpoint) = list.next_element::<Text<'_>>()? {
            let Some(address) = address_of(&endpoint.0) else {
                continue;
            };
            let is_new = addresses.iter().all(|known| known.ip != address.ip);
            if is_new && addresses.len() < self.0 {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

/// The address of an endpoint. Its port does not matter, whatever it is.
fn address_of(endpoint: &str) -> Option<Address> {
    let (host, _) = endpoint.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let text = match bare {
        Some(bare) => bare,
        // An IPv6 address without brackets has colons and no port.
        None if host.contains(':') => return None,
        None => host,
    };
    let ip: IpAddr = text.parse().ok()?;
    Some(Address {
        ip: ip.to_canonical(),
        text: text.to_owned(),
    })
}

/// Headers, of which only those count that are passed on.
struct Headers;

impl<'de> Visitor<'de> for Headers {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers, each with a list of its values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Vec<(String, String)>, M::Error> {
        let mut headers = Vec::new();
        while let Some(name) = map.next_key::<Text<'_>>()? {
            let known = PASSED_ON
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(&name.0));
            let values = map.next_value_seed(Nullable(Values))?;
            if let Some(known) = known {
                headers.extend(values.into_iter().map(|value| (known.to_owned(), value)));
            }
        }
        let mut left = LONGEST_VALUES;
        headers.truncate(MOST_VALUES);
        headers.retain(|(_, value)| {
            let fits = value.len() <= left;
            left = left.saturating_sub(value.len());
            fits
        });
        Ok(headers)
    }
}

/// The values of a header that can be sent, not too many of them.
struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Vec<String>, S::Error> {
        let mut values = Vec::new();
        while let Some(Text(value)) = list.next_element()? {
            let is_sendable = value.len() <= LONGEST_VALUES && http::HeaderValue::from_str(&value).is_ok();
            if is_sendable && values.len() < MOST_VALUES {
                values.push(value.into_owned());
            }
        }
        Ok(values)
    }
}

impl Address {
    /// The endpoint as answers have it.
    pub(super) fn text_at(&self, port: u16) -> String {
        if self.text.contains(':') {
            format!("[{}]:{port}", self.text)
        } else {
            format!("{}:{port}", self.text)
        }
    }

    /// The endpoint to connect to.
    pub(super) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(question: &Value) -> Question {
        Question::read(question.to_string().as_bytes(), 4).unwrap()
    }

    fn addresses(endpoints: &[&str]) -> Vec<(String, String)> {
        let question = read(&json!({"http_request": "http://x/", "tcp_connect": endpoints}));
        let addresses = question.addresses.into_iter();
        addresses
            .map(|address| (address.ip.to_string(), address.text_at(80)))
            .collect()
    }

    #[test]
    fn what_is_absent_or_null_is_empty() {
        let nothing = read(&json!({"http_request": "http://x/"}));
        assert!(nothing.headers.is_empty() && nothing.addresses.is_empty() && !nothing.quic);
        let nulls = json!({
            "http_request": "http://x/", "http_request_headers": null, "tcp_connect": null, "x_quic_enabled": null,
            "other": {"deep": [1, 2, {"x": null}]},
        });
        assert_eq!(read(&nulls), nothing);
        assert!(read(&json!({"http_request": "http://x/", "x_quic_enabled": true})).quic);
    }

    #[test]
    fn addresses_keep_their_spelling_and_come_once() {
        let pair = |ip: &str, text: &str| (ip.to_owned(), text.to_owned());
        assert_eq!(
            addresses(&[
                "192.0.2.1:443",
                "192.0.2.1:80",
                "[2001:DB8::1]:443",
                "[::ffff:192.0.2.1]:80"
            ]),
            [
                pair("192.0.2.1", "192.0.2.1:80"),
                pair("2001:db8::1", "[2001:DB8::1]:80")
            ]
        );
        for nothing in [
            "",
            "x",
            ":443",
            "192.0.2.1",
            "x:443",
            "2001:db8::1:443",
            "[192.0.2:443",
            "192.0.2.01:443",
        ] {
            assert_eq!(addresses(&[nothing]), [], "{nothing}");
        }
        let many: Vec<String> = (0..100).map(|number| format!("192.0.2.{number}:443")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(addresses(&many).len(), 4);
    }

    #[test]
    fn headers_that_are_passed_on_can_be_sent() {
        let question = read(&json!({
            "http_request": "http://x/",
            "http_request_headers": {
                "ACCEPT": ["a", "b"], "user-agent": null, "Cookie": ["c"],
                "Accept-Language": ["ok", "split\r\nX: y", "x".repeat(LONGEST_VALUES + 1)],
            },
        }));
        let expected = [("Accept", "a"), ("Accept", "b"), ("Accept-Language", "ok")];
        assert_eq!(
            question.headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let many = vec!["x".repeat(1_000); 100];
        let question = read(&json!({"http_request": "http://x/", "http_request_headers": {"Accept": many}}));
        assert_eq!(question.headers.len(), 8);
    }

    #[test]
    fn the_rest_is_no_question() {
        for json in [
            r#"{"http_request": 1}"#,
            r#"{"http_request": "http://x/", "tcp_connect": "x"}"#,
            r#"{"http_request": "http://x/", "tcp_connect": [1]}"#,
            r#"{"http_request": "http://x/", "http_request_headers": {"Accept": "x"}}"#,
            r#"{"http_request": "http://x/", "x_quic_enabled": 1}"#,
            r#"{"http_request": "http://x/"}{}"#,
        ] {
            assert!(
                matches!(Question::read(json.as_bytes(), 4), Err(NoQuestion::Json(_))),
                "{json}"
            );
        }
        for url in ["", "x", "http://", "http://a b/", "//x/"] {
            let json = json!({"http_request": url}).to_string();
            assert!(
                matches!(Question::read(json.as_bytes(), 4), Err(NoQuestion::Url(_))),
                "{url}"
            );
        }
        let long = json!({"http_request": format!("http://x/{}", "x".repeat(LONGEST_URL))}).to_string();
        assert!(matches!(
            Question::read(long.as_bytes(), 4),
            Err(NoQuestion::LongUrl)
        ));
        let deep = format!("{{\"x\": {}", "[".repeat(100_000));
        assert!(Question::read(deep.as_bytes(), 4).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(text in ".{0,64}", bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Question::read(text.as_bytes(), 4);
            let _ = Question::read(&bytes, 4);
            let json = json!({
                "http_request": format!("http://x/{text}"), "tcp_connect": [text, "192.0.2.1:1"],
                "http_request_headers": {"Accept": [text], &text: [text]},
            });
            let question = read(&json);
            prop_assert!(question.addresses.iter().any(|address| address.text == "192.0.2.1"));
        }

        #[test]
        fn addresses_are_read_as_they_are_written(addresses: Vec<std::net::SocketAddr>) {
            let texts: Vec<String> = addresses.iter().map(|address| match address {
                std::net::SocketAddr::V4(v4) => v4.to_string(),
                std::net::SocketAddr::V6(v6) => format!("[{}]:{}", v6.ip(), v6.port()),
            }).collect();
            let question = read(&json!({"http_request": "http://x/", "tcp_connect": texts}));
            prop_assert!(question.addresses.len() <= 4);
            for address in question.addresses {
                prop_assert!(addresses.iter().any(|known| known.ip().to_canonical() == address.ip));
                prop_assert!(texts.iter().any(|text| text.contains(&address.text)));
            }
        }
    }
}
