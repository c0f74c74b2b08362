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
    /// Whether the URL names its port. The parsed one does not tell where that is the scheme's.
    pub names_port: bool,
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
            names_port: names_port(&asked.url),
            headers: asked.headers,
            addresses: asked.addresses,
            quic: asked.quic,
        })
    }
}

/// Whether there is a port behind the host of a URL.
fn names_port(url: &str) -> bool {
    let authority = url.split_once("//").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').map_or("", |(_, port)| port).trim_end();
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
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
mod tests;
