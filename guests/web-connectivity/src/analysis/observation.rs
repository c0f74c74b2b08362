//! One chain lookup → connection → handshake → HTTP, with a single outcome.
//!
//! Failures are texts here: empty where something succeeded, `None` where it was never tried or nobody knows.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::analysis::control::Control;

/// How far a chain got.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Stage {
    Dns,
    Tcp,
    Tls,
    Http,
}

/// Who said that an endpoint's address belongs to the domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// One of the probe's lookups.
    Probe,
    /// The test helper and nobody else.
    Helper,
}

/// A chain.
#[derive(Clone, Debug)]
pub(super) struct Observation<'a> {
    /// How many redirects came before.
    pub(super) depth: Option<u64>,
    pub(super) stage: Stage,
    /// Of the last stage.
    pub(super) failure: &'a str,
    /// Of the lookup where the chain ends with that, otherwise of the endpoint.
    pub(super) transaction: u64,
    /// Whether the page may be fetched over this chain.
    pub(super) may_fetch: bool,
    /// For endpoints: the lookup that found the address first.
    pub(super) lookup: Option<Rc<Lookup<'a>>>,
    pub(super) origin: Option<Origin>,
    /// The address; empty where the lookup failed.
    pub(super) address: &'a str,
    /// None for lookups.
    pub(super) endpoint: Option<Endpoint<'a>>,
    pub(super) helper: Helper<'a>,
}

/// The lookup's part of a chain.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub(super) transaction: u64,
    pub(super) domain: &'a str,
    pub(super) failure: &'a str,
    pub(super) query_type: &'a str,
    pub(super) engine: &'a str,
    /// What the query resolved to; empty where it failed.
    pub(super) addresses: BTreeSet<&'a str>,
}

/// The endpoint's part of a chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoint<'a> {
    /// `ip:port`.
    pub(super) name: Cow<'a, str>,
    pub(super) tcp: Option<&'a str>,
    pub(super) tls: Option<&'a str>,
    /// The name that was sent in the handshake.
    pub(super) sni: &'a str,
    pub(super) http: Option<&'a str>,
    /// What was answered; none where that failed.
    pub(super) response: Option<Response>,
}

/// An HTTP response.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u64,
    /// In bytes.
    pub(super) length: usize,
    pub(super) is_truncated: bool,
    /// In lower case.
    pub(super) header_names: BTreeSet<String>,
    pub(super) title: String,
}

/// What the test helper says about the same thing.
#[derive(Clone, Debug, Default)]
pub(super) struct Helper<'a> {
    pub(super) dns: Option<&'a str>,
    /// What it resolved the domain to, possibly nothing.
    pub(super) addresses: Option<&'a BTreeSet<&'a str>>,
    pub(super) tcp: Option<&'a str>,
    pub(super) tls: Option<&'a str>,
    pub(super) http: Option<&'a str>,
}

impl Response {
    /// Whether nothing is to follow: neither a redirect nor half an answer.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.status / 100, 2 | 4 | 5)
    }
}

impl<'a> Observation<'a> {
    /// A lookup, or one of the addresses that it found.
    pub(super) fn of_lookup(depth: Option<u64>, lookup: &Rc<Lookup<'a>>, address: &'a str) -> Self {
        Self {
            depth,
            stage: Stage::Dns,
            failure: lookup.failure,
            transaction: lookup.transaction,
            may_fetch: false,
            lookup: Some(Rc::clone(lookup)),
            origin: (!address.is_empty()).then_some(Origin::Probe),
            address,
            endpoint: None,
            helper: Helper::default(),
        }
    }

    /// The response after which nothing follows.
    pub(super) fn final_response(&self) -> Option<&Response> {
        let response = self.endpoint.as_ref()?.response.as_ref()?;
        response.is_final().then_some(response)
    }

    /// Add what the test helper says.
    pub(super) fn cross(&mut self, control: &'a Control<'a>) {
        self.helper.http = control.http_failure();
        let domain = self.lookup.as_ref().map(|lookup| lookup.domain);
        let Some(endpoint) = &self.endpoint else {
            if domain.is_some_and(|domain| control.is_about(domain)) {
                self.cross_dns(control);
            }
            return;
        };
        self.helper.tcp = control.tcp_failure(&endpoint.name);
        self.helper.tls = control.tls_failure(&endpoint.name, endpoint.sni);
        match domain {
            None if control.addresses.contains(self.address) => {
                self.origin = Some(Origin::Helper);
                self.cross_dns(control);
            }
            Some(domain) if control.is_about(domain) => self.cross_dns(control),
            _ => {}
        }
    }

    fn cross_dns(&mut self, control: &'a Control<'a>) {
        self.helper.dns = control.dns_failure;
        self.helper.addresses = (control.dns_failure == Some("")).then_some(&control.addresses);
    }
}
