//! Hosts: names, addresses, and what is served there.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A name, its addresses and what is served there.
///
/// Several hosts may share an address and a port: HTTPS picks by SNI, HTTP by `Host`, and the first one stands in
/// for names nobody has. A port that serves nothing refuses connections, as a real host's would.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Host {
    /// The domain name; every resolver knows it.
    pub name: String,
    /// Further names with the same addresses and the same page.
    pub aliases: Vec<String>,
    /// Makes this name a CNAME of another host's, instead of a host with addresses of its own.
    pub cname: Option<String>,
    /// Addresses, IPv4 and IPv6.
    pub addresses: Vec<IpAddr>,
    /// Ports that speak cleartext HTTP/1.1.
    pub http: Vec<u16>,
    /// Ports that speak HTTP over TLS.
    pub https: Vec<u16>,
    /// Ports that speak HTTP over TLS 1.0 and 1.1 only, in builds with the feature `boringssl`. Where hosts
    /// share such an endpoint, the first has it.
    pub old_https: Vec<u16>,
    /// UDP ports that speak HTTP/3; HTTPS announces them by `Alt-Svc`.
    pub http3: Vec<u16>,
    /// Ports, UDP and TCP, on which it resolves names, truthfully.
    pub dns: Vec<u16>,
    /// Ports on which it resolves names over TLS.
    pub dot: Vec<u16>,
    /// UDP ports on which it resolves names over QUIC.
    pub doq: Vec<u16>,
    /// Whether it resolves names at `/dns-query` of its HTTPS and HTTP/3.
    pub doh: bool,
    /// Ports, UDP and TCP, that send back what comes.
    pub echo: Vec<u16>,
    /// UDP ports that tell clients their address (STUN).
    pub stun: Vec<u16>,
    /// TCP ports that answer an HTTP request with what its head was, to the letter.
    pub header_echo: Vec<u16>,
    /// UDP ports that answer QUIC with versions nobody speaks.
    pub quic_negotiating: Vec<u16>,
    /// What HTTPS and HTTP/3 make of Encrypted Client Hello, if a configuration for it is published.
    pub ech: Option<Ech>,
    /// Further resource records of its names, by type, in the words of zone files: `TXT = ["\"text\""]`.
    pub records: BTreeMap<String, Vec<String>>,
    /// TCP ports that pass connections on to the same port of the host whose name they begin with: the `Host` of a
    /// request, or the server name of TLS, looked up truthfully. What the provider's transparent proxy does.
    pub forward: Vec<u16>,
    /// A program that serves here.
    pub run: Option<Run>,
    /// HTTP answers to some requests, the first that fits. All others are answered as the fields below say.
    pub answers: Vec<Answer>,
    /// The status of HTTP answers.
    pub status: u16,
    /// Further header fields of every HTTP answer.
    pub headers: BTreeMap<String, String>,
    /// The body of HTTP answers; a page titled with the host's name when absent.
    pub body: Option<String>,
    /// One of the scenario's pages instead.
    pub page: Option<String>,
    /// A body of this many bytes instead, for measuring speed.
    pub body_bytes: Option<usize>,
    /// A body of this many random bytes instead, whose length is not announced.
    pub random_bytes: Option<usize>,
    /// What is right or wrong with the certificate.
    pub certificate: Certificate,
    /// Further names that the certificate is for, as that of a server which stands in for others.
    pub certificate_names: Vec<String>,
    /// What HTTPS offers by ALPN, the most wanted first.
    pub alpn: Vec<Alpn>,
}

impl Default for Host {
    /// A host without name, address or service, that would answer 200 and speak HTTP/2 and HTTP/1.1.
    fn default() -> Self {
        Self {
            name: String::new(),
            aliases: Vec::new(),
            cname: None,
            addresses: Vec::new(),
            http: Vec::new(),
            https: Vec::new(),
            old_https: Vec::new(),
            http3: Vec::new(),
            dns: Vec::new(),
            dot: Vec::new(),
            doq: Vec::new(),
            doh: false,
            echo: Vec::new(),
            stun: Vec::new(),
            header_echo: Vec::new(),
            quic_negotiating: Vec::new(),
            ech: None,
            records: BTreeMap::new(),
            forward: Vec::new(),
            run: None,
            answers: Vec::new(),
            status: 200,
            headers: BTreeMap::new(),
            body: None,
            page: None,
            body_bytes: None,
            random_bytes: None,
            certificate: Certificate::default(),
            certificate_names: Vec::new(),
            alpn: vec![Alpn::H2, Alpn::Http11],
        }
    }
}

/// The answer to some of the requests to a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The path asked for, without its query; any when absent.
    pub path: Option<String>,
    /// Who asks.
    pub to: To,
    /// The status.
    pub status: u16,
    /// Header fields, beside those of the host, in whose place they stand.
    pub headers: BTreeMap<String, String>,
    /// The body; empty when absent.
    pub body: Option<String>,
    /// One of the scenario's pages instead.
    pub page: Option<String>,
}

impl Default for Answer {
    /// An empty page for everybody.
    fn default() -> Self {
        Self {
            path: None,
            to: To::default(),
            status: 200,
            headers: BTreeMap::new(),
            body: None,
            page: None,
        }
    }
}

/// For whom an answer is: many servers tell people behind some networks, or machines, other things than the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum To {
    /// Everybody.
    #[default]
    Everybody,
    /// The lab's client.
    Client,
    /// Everybody but the lab's client: other hosts.
    Others,
}

/// A program that serves on a host's address. It runs beside the servers, where nobody censors, and ends with the lab.
///
/// In its arguments `{address}` stands for the host's first address, `{certificate}` and `{key}` for PEM files with the
/// host's certificate and private key. Environment variables name the lab's authority, as for the client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The program, looked for in `PATH`, and its arguments.
    pub command: Vec<String>,
    /// The TCP ports it listens on; the lab starts when it does.
    pub ports: Vec<u16>,
    /// The resolver in its `/etc/resolv.conf`.
    pub resolver: IpAddr,
}

/// A host's side of Encrypted Client Hello (RFC 9849); its HTTPS record has the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ech {
    /// What it makes of what is encrypted to the published configuration.
    pub mode: EchMode,
    /// The name that clients show instead; the host's certificate is for it, too.
    pub public_name: String,
}

/// What a server makes of Encrypted Client Hello, whose configuration is published for it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EchMode {
    /// It opens what is encrypted to the published configuration.
    Accept,
    /// It has another key than the published one, and sends its configuration for a retry, which it accepts.
    Reject,
    /// It does not know the extension: it sends no configuration, and clients are to give ECH up.
    Ignorant,
}

/// The certificate a host shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certificate {
    /// For the host's names and addresses, from the lab's authority.
    #[default]
    Valid,
    /// The same, but its time ran out in 2020.
    Expired,
    /// From the lab's authority, but for `wrong.host.test` only.
    WrongHost,
    /// For the right names, from an authority that nobody trusts.
    UnknownAuthority,
}

/// A protocol offered by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Alpn {
    /// HTTP/2.
    #[serde(rename = "h2")]
    H2,
    /// HTTP/1.1.
    #[serde(rename = "http/1.1")]
    Http11,
}
