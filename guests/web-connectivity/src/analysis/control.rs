//! What the test helper saw.

use std::collections::BTreeSet;

use netsonde_guest::{Json, Map, gather};

use crate::analysis::{elder, read};

/// The test helper's answer, and what it was asked.
#[derive(Debug)]
pub(super) struct Control<'a> {
    /// The host of the URL that it was asked for.
    domain: String,
    pub(super) dns_failure: Option<&'a str>,
    /// What it resolved the domain to.
    pub(super) addresses: BTreeSet<&'a str>,
    answer: &'a Json,
}

impl<'a> Control<'a> {
    /// The control of a measurement; none where the helper was not asked or did not answer.
    ///
    /// Elder measurements do not say what it was asked, and it was what the measurement was about.
    pub(super) fn of(test_keys: &'a Map<String, Json>, is_elder: bool) -> Option<Self> {
        let object = |key: &str| test_keys.get(key).filter(|value| value.is_object());
        let answer = object("control")?;
        let domain = match object("x_control_request") {
            Some(request) => read::host(read::text(request, "http_request")),
            // They had an answer, empty, also where there was none.
            None if is_elder && !test_keys.get("control_failure").is_some_and(Json::is_string) => {
                elder::domain(test_keys)
            }
            None => return None,
        };
        let dns = answer.get("dns").filter(|dns| dns.is_object());
        let addresses = dns.map_or(&[] as &[_], |dns| read::list(dns, "addrs"));
        Some(Self {
            domain,
            dns_failure: dns.map(read::failure),
            addresses: gather(addresses.iter().filter_map(Json::as_str)),
            answer,
        })
    }

    /// Whether a domain is the one that it was asked about.
    pub(super) fn is_about(&self, domain: &str) -> bool {
        self.domain.eq_ignore_ascii_case(domain)
    }

    /// How its connection to an endpoint went.
    pub(super) fn tcp_failure(&self, endpoint: &str) -> Option<&'a str> {
        self.answer.get("tcp_connect")?.get(endpoint).map(read::failure)
    }

    /// How its handshake with an endpoint went, if it asked for the same name.
    pub(super) fn tls_failure(&self, endpoint: &str, sni: &str) -> Option<&'a str> {
        self.answer
            .get("tls_handshake")?
            .get(endpoint)
            .filter(|handshake| read::text(handshake, "server_name") == sni)
            .map(read::failure)
    }

    /// How its fetch went.
    pub(super) fn http_failure(&self) -> Option<&'a str> {
        self.page().map(read::failure)
    }

    /// Its page, where it got one.
    pub(super) fn fetched(&self) -> Option<&'a Json> {
        self.page().filter(|page| read::failure(page).is_empty())
    }

    /// Whether it knows no address of the domain.
    pub(super) fn is_without_addresses(&self) -> bool {
        self.dns_failure.is_some() && self.addresses.is_empty()
    }

    fn page(&self) -> Option<&'a Json> {
        self.answer.get("http_request").filter(|page| page.is_object())
    }
}
