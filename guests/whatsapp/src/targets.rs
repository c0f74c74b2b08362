//! What is measured when the script names nothing.

use netsonde_guest::{MiniTarget, json};

/// The registration server.
pub(crate) const REGISTRATION_HOST: &str = "v.whatsapp.net";

/// The web client's host.
pub(crate) const WEB_HOST: &str = "web.whatsapp.com";

/// The tag of mini nettests that connect to a server for chats.
pub(crate) const ENDPOINT_TAG: &str = "mini_nettest:endpoint";

/// The tag of mini nettests that fetch from the registration server.
pub(crate) const REGISTRATION_TAG: &str = "mini_nettest:registration";

/// The tag of mini nettests that fetch from the web client.
pub(crate) const WEB_TAG: &str = "mini_nettest:web";

/// The servers for chats at both ports, the registration server, and the web client.
pub(crate) fn built_in() -> Vec<MiniTarget> {
    let endpoints = (1..=16).flat_map(|number| {
        let domain = format!("e{number}.whatsapp.net");
        [443, 5222].map(|port| {
            let with = json!({ "domain": domain, "port": port });
            MiniTarget::new("tcp-connect-domain@v1", ENDPOINT_TAG, with)
        })
    });
    let page = |host: &str, path: &str, tag: &str| {
        let with = json!({
            "domain": host,
            "port": 443,
            "http_method": "GET",
            "http_header_host": host,
            "tls_server_name": host,
            "url_path": path,
        });
        MiniTarget::new("https-domain@v1", tag, with)
    };
    endpoints
        .chain([
            page(REGISTRATION_HOST, "/v2/register", REGISTRATION_TAG),
            page(WEB_HOST, "/", WEB_TAG),
        ])
        .collect()
}

/// Whether a name is that of a server for chats: `e1.whatsapp.net` and so on.
pub(crate) fn is_endpoint(host: &str) -> bool {
    let number = host
        .strip_prefix('e')
        .and_then(|rest| rest.strip_suffix(".whatsapp.net"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_names_at_two_ports_and_two_pages_are_measured() {
        let targets = built_in();
        let tagged = |tag: &str| targets.iter().filter(|target| target.tags == [tag]).count();
        assert_eq!(targets.len(), 34);
        assert_eq!(tagged(ENDPOINT_TAG), 32);
        assert_eq!(tagged(REGISTRATION_TAG), 1);
        assert_eq!(tagged(WEB_TAG), 1);
        let endpoints = targets.iter().filter(|target| target.tags == [ENDPOINT_TAG]);
        for endpoint in endpoints {
            assert!(is_endpoint(endpoint.with["domain"].as_str().unwrap()));
        }
    }

    #[test]
    fn other_names_are_no_servers_for_chats() {
        for host in [
            WEB_HOST,
            REGISTRATION_HOST,
            "e.whatsapp.net",
            "e1x.whatsapp.net",
            "e1.example.com",
        ] {
            assert!(!is_endpoint(host), "{host}");
        }
    }
}
