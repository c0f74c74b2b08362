//! What an operator decides.

use netsonde_net::{Owners, Scope};
use std::collections::BTreeSet;
use url::Url;

/// What an operator decides about a test helper.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who is asked for measured names: DNS over HTTPS.
    pub resolver: Url,
    /// Whose addresses are.
    pub owners: Owners,
    /// Certificates (PEM) that are trusted beside Mozilla's.
    pub roots_pem: Vec<String>,
    /// Kinds of addresses that are measured although they are not public.
    pub allowed: BTreeSet<Scope>,
    /// Whether QUIC is measured for probes that ask for it.
    pub quic: bool,
    /// Whether TLS is measured on the port of every https URL, and not on 443 alone.
    pub tls_on_any_port: bool,
    /// How much may go on at once.
    pub limits: Limits,
}

impl Config {
    /// Whether an address may be measured that can not be a public server's. That it is in a network of this machine is
    /// not reason enough.
    pub(super) fn measures_bogons(&self) -> bool {
        self.allowed.iter().any(|scope| *scope != Scope::Lan)
    }
}

/// How much may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Questions under way. More are turned away.
    pub in_flight: usize,
    /// Questions under way from when on only probes are served that say who they are.
    pub in_flight_of_strangers: usize,
    /// Connections to measured servers, of all questions together.
    pub sockets: usize,
    /// Connections to measured servers for one question.
    pub sockets_of_question: usize,
    /// Different addresses measured for one question.
    pub addresses: usize,
    /// HTTP requests for one page, redirects included.
    pub requests: usize,
    /// Memory for the bodies of all questions together, in bytes.
    pub bodies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 50,
            in_flight_of_strangers: 25,
            sockets: 2048,
            sockets_of_question: 64,
            addresses: 64,
            requests: 10,
            bodies: 64 << 20,
        }
    }
}
