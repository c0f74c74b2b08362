//! What a test helper sees of the same URL, from a network that nobody censors.

use std::net::IpAddr;

use netsonde_guest::steps::{ACCEPT, ACCEPT_LANGUAGE, USER_AGENT, endpoint};
use netsonde_guest::{Json, Map, Url, gather, helper, info, json};

use crate::addresses::Addresses;
use crate::reply;

/// The name under which scripts list the helpers.
const KIND: &str = "web-connectivity";
/// How long all helpers together may take.
const PATIENCE_MS: u32 = 30_000;

/// What came of it.
pub(crate) struct Asked {
    /// The keys `x_control_request`, `control` and `control_failure`.
    pub(crate) keys: Map<String, Json>,
    /// The addresses of the host, by the helper.
    pub(crate) addresses: Vec<String>,
}

/// Ask about the URL and the addresses that were found here.
pub(crate) async fn ask(url: &Url, addresses: &Addresses) -> Asked {
    let helpers = serde_json::from_str(&info::test_helpers(KIND));
    if !matches!(helpers, Ok(Json::Array(helpers)) if !helpers.is_empty()) {
        return Asked::failed(Json::Null, "unknown_failure: no available helpers");
    }
    let request = request(url, addresses);
    match helper::ask(KIND.to_owned(), request.to_string(), PATIENCE_MS).await {
        Ok(answer) => match reply::read(&answer.reply) {
            Ok(control) => Asked::answered(request, control),
            Err(error) => Asked::failed(request, &format!("unknown_failure: {error}")),
        },
        Err(failure) => Asked::failed(request, &failure.code),
    }
}

impl Asked {
    fn answered(request: Json, control: Json) -> Self {
        Self {
            addresses: addresses(&control),
            keys: keys(request, control, Json::Null),
        }
    }

    fn failed(request: Json, failure: &str) -> Self {
        Self {
            keys: keys(request, Json::Null, json!(failure)),
            addresses: Vec::new(),
        }
    }
}

/// The addresses that a reply names, each once: an IPv6 address has many spellings.
fn addresses(control: &Json) -> Vec<String> {
    let listed = control.pointer("/dns/addrs").and_then(Json::as_array);
    let mut addresses = Vec::new();
    for address in listed.into_iter().flatten().filter_map(Json::as_str) {
        let Ok(address) = address.parse::<IpAddr>() else {
            continue;
        };
        let address = address.to_string();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn keys(request: Json, control: Json, failure: Json) -> Map<String, Json> {
    gather([
        ("x_control_request".to_owned(), request),
        ("control".to_owned(), control),
        ("control_failure".to_owned(), failure),
    ])
}

fn request(url: &Url, addresses: &Addresses) -> Json {
    let addresses = addresses.iter().map(|(address, _)| address);
    let endpoints: Vec<String> = match url.port {
        Some(port) => addresses.map(|address| endpoint(address, port)).collect(),
        None => addresses
            .flat_map(|address| [endpoint(address, 443), endpoint(address, 80)])
            .collect(),
    };
    json!({
        "http_request": url.to_string(),
        "http_request_headers": {
            "Accept": [ACCEPT],
            "Accept-Language": [ACCEPT_LANGUAGE],
            "User-Agent": [USER_AGENT],
        },
        "tcp_connect": endpoints,
        "x_quic_enabled": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::Origins;

    fn asked(url: &str, found: &[&str]) -> Json {
        let mut addresses = Addresses::default();
        addresses.add(found.iter().map(|address| (*address).to_owned()), Origins::DOH);
        request(&Url::parse(url).unwrap(), &addresses)
    }

    #[test]
    fn both_usual_ports_are_asked_about_unless_the_url_names_one() {
        let endpoints = |url| asked(url, &["2001:db8::1", "192.0.2.1"])["tcp_connect"].clone();
        assert_eq!(
            endpoints("http://example.com/"),
            json!([
                "192.0.2.1:443",
                "192.0.2.1:80",
                "[2001:db8::1]:443",
                "[2001:db8::1]:80"
            ])
        );
        assert_eq!(
            endpoints("http://example.com:81/"),
            json!(["192.0.2.1:81", "[2001:db8::1]:81"])
        );
        assert_eq!(asked("http://example.com/", &[])["tcp_connect"], json!([]));
    }

    #[test]
    fn the_helper_names_addresses_or_none() {
        let named = |listed: Json| addresses(&json!({ "dns": { "addrs": listed } }));
        assert_eq!(named(json!(["192.0.2.1", "x"])), ["192.0.2.1"]);
        assert!(named(Json::Null).is_empty());
    }

    #[test]
    fn an_address_is_one_however_it_is_spelt() {
        let spellings = json!({"dns": {"addrs": [
            "2001:db8::1", "2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::0.0.0.1", "192.0.2.1", "192.0.2.1",
        ]}});
        assert_eq!(addresses(&spellings), ["2001:db8::1", "192.0.2.1"]);
    }
}
