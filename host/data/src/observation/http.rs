//! `requests` (df-001).
//!
//! Bodies and header values are meant to be scrubbed of addresses before they come here: see
//! [`MaybeBinary::scrubbed`](crate::MaybeBinary::scrubbed), and [`HeadersList::from_wire`], which does it.

use super::{failure, is_zero, null_as_default};
use crate::{FailureCode, MaybeBinary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One request and its response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpTransaction {
    /// `tcp` or `udp`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// The remote endpoint, `ip:port`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// The protocol that ALPN agreed on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alpn: String,
    /// Why it failed.
    #[serde(deserialize_with = "failure")]
    pub failure: Option<FailureCode>,
    /// What exactly went wrong, where that is more than `failure` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_failure_detail: Option<String>,
    /// What was sent.
    pub request: HttpRequest,
    /// What came back; all empty when nothing did.
    pub response: HttpResponse,
    /// When it began.
    #[serde(skip_serializing_if = "is_zero")]
    pub t0: f64,
    /// When the body had been read, or the failure happened.
    pub t: f64,
    /// The transaction's tags.
    #[serde(deserialize_with = "null_as_default")]
    pub tags: Vec<String>,
    /// The transaction.
    #[serde(skip_serializing_if = "is_zero")]
    pub transaction_id: u64,
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpRequest {
    /// The body.
    pub body: MaybeBinary,
    /// Whether the body is longer than what is kept.
    pub body_is_truncated: bool,
    /// The headers as they were sent; over HTTP/2 with the pseudo-headers.
    #[serde(deserialize_with = "null_as_default")]
    pub headers_list: HeadersList,
    /// The first value of each header: over HTTP/1.1 under the name as it was spelled.
    #[serde(deserialize_with = "null_as_default")]
    pub headers: BTreeMap<String, MaybeBinary>,
    /// The method.
    pub method: String,
    /// Tor, which is never used here.
    pub tor: Tor,
    /// The whole head as it was sent, where the guest wrote it byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_raw_head: Option<MaybeBinary>,
    /// `tcp` or `udp`.
    pub x_transport: String,
    /// The URL.
    pub url: String,
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpResponse {
    /// The body, or what had arrived of it.
    pub body: MaybeBinary,
    /// Whether the body may be longer than what is kept.
    pub body_is_truncated: bool,
    /// The status; zero when no response head arrived.
    pub code: i64,
    /// The headers as they came.
    #[serde(deserialize_with = "null_as_default")]
    pub headers_list: HeadersList,
    /// The first value of each header, under the name in OONI's spelling (`Content-Type`).
    #[serde(deserialize_with = "null_as_default")]
    pub headers: BTreeMap<String, MaybeBinary>,
    /// The status line; HTTP/2 and HTTP/3 have none.
    #[serde(skip_serializing_if = "is_zero")]
    pub x_status_line: MaybeBinary,
    /// The headers that followed the body.
    #[serde(skip_serializing_if = "is_zero")]
    pub x_trailers: HeadersList,
}

/// How a request used Tor: not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tor {
    /// The exit's address.
    pub exit_ip: Option<String>,
    /// The exit's name.
    pub exit_name: Option<String>,
    /// Whether Tor was used.
    pub is_tor: bool,
}

/// Headers as a list of pairs, as they stood on the wire: spelling, order and duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeadersList(Vec<(MaybeBinary, MaybeBinary)>);

impl HeadersList {
    /// Headers in the order of the wire, with addresses scrubbed from their values.
    pub fn from_wire<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        let list = headers
            .into_iter()
            .map(|(name, value)| {
                (
                    MaybeBinary::scrubbed(name.as_ref()),
                    MaybeBinary::scrubbed(value.as_ref()),
                )
            })
            .collect();
        Self(list)
    }

    /// The first value of each header. Names that are not UTF-8 stay in the list only: an object has no place for
    /// them.
    pub fn first_values(&self) -> BTreeMap<String, MaybeBinary> {
        self.first_values_by(str::to_owned)
    }

    /// The first value of each header, whatever the case of its name, under the name as OONI's data spells it.
    pub fn canonical_first_values(&self) -> BTreeMap<String, MaybeBinary> {
        self.first_values_by(canonical_header_name)
    }

    fn first_values_by(&self, spelling: impl Fn(&str) -> String) -> BTreeMap<String, MaybeBinary> {
        let mut map = BTreeMap::new();
        for (name, value) in &self.0 {
            if let Some(name) = name.as_str() {
                map.entry(spelling(name)).or_insert_with(|| value.clone());
            }
        }
        map
    }

    /// The pairs.
    pub fn pairs(&self) -> &[(MaybeBinary, MaybeBinary)] {
        &self.0
    }
}

/// A header's name with the first letter and each after a hyphen in upper case, the others in lower case.
pub fn canonical_header_name(name: &str) -> String {
    let mut upper = true;
    let letters = name.chars().map(|letter| {
        let letter = if upper {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        };
        upper = letter == '-';
        letter
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_list_is_the_wire_and_the_maps_keep_the_first_value() {
        let list = HeadersList::from_wire([("vIA", "b"), ("ACCEPT-x", "1"), ("Via", "a")]);
        assert_eq!(
            serde_json::to_value(&list).unwrap(),
            json!([["vIA", "b"], ["ACCEPT-x", "1"], ["Via", "a"]])
        );
        assert_eq!(
            serde_json::to_value(list.first_values()).unwrap(),
            json!({"vIA": "b", "ACCEPT-x": "1", "Via": "a"})
        );
        assert_eq!(
            serde_json::to_value(list.canonical_first_values()).unwrap(),
            json!({"Via": "b", "Accept-X": "1"})
        );
    }

    #[test]
    fn addresses_in_values_are_scrubbed() {
        let list = HeadersList::from_wire([
            ("X-Client", "130.192.91.211"),
            ("User-Agent", "A Chrome/116.0.0.0 B"),
        ]);
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(
            json,
            json!([["X-Client", "[scrubbed]"], ["User-Agent", "A Chrome/116.0.0.0 B"]])
        );
    }

    #[test]
    fn a_transaction_without_response_is_empty_but_whole() {
        let json = serde_json::to_value(HttpTransaction::default()).unwrap();
        let response =
            json!({"body": "", "body_is_truncated": false, "code": 0, "headers_list": [], "headers": {}});
        assert_eq!(json["response"], response);
        assert_eq!(
            json["request"]["tor"],
            json!({"exit_ip": null, "exit_name": null, "is_tor": false})
        );
        assert!(json.get("t0").is_none() && json.get("transaction_id").is_none());
    }
}
