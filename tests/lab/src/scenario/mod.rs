//! What the simulated internet looks like: plain data, written in Rust or read from a TOML document.
//!
//! [`Scenario::load`] and [`Scenario::from_toml`] are in `parse`, the rules that hold between fields in `check`.

mod check;
mod parse;

pub use check::Problem;
pub use parse::ScenarioError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The client's IPv4 address.
pub const CLIENT_IPV4: Ipv4Addr = Ipv4Addr::new(130, 192, 91, 211);
/// The client's IPv6 address, which it has in scenarios with IPv6 hosts.
pub const CLIENT_IPV6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x760, 0, 0x211, 0, 0, 0, 2);

/// One simulated internet: its hosts, the client's resolver and the censor's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What the scenario shows, for people.
    pub description: String,
    /// How long a packet takes from the censor, which stands next to the client, to any host: half a round trip.
    pub delay_ms: u64,
    /// The resolver in the client's `/etc/resolv.conf`.
    pub resolver: Resolver,
    /// The routers between the censor and every host, the client's first.
    pub hops: Vec<Hop>,
    /// Every host there is.
    pub hosts: Vec<Host>,
    /// What the censor does, first match first.
    pub rules: Vec<Rule>,
}

impl Default for Scenario {
    /// An empty, uncensored world, 10 ms away.
    fn default() -> Self {
        Self {
            description: String::new(),
            delay_ms: 10,
            resolver: Resolver::default(),
            hops: Vec::new(),
            hosts: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// The resolver of the client's internet provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resolver {
    /// Its address.
    pub address: IpAddr,
    /// Names it does not answer truthfully. These are lies of the resolver itself: no rule of the censor counts
    /// them, and other resolvers do not tell them.
    pub lies: BTreeMap<String, Lie>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::new(130, 192, 3, 21)),
            lies: BTreeMap::new(),
        }
    }
}

/// What a lying resolver says about a name, in the same words as a rule's [`Action`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// That it has these addresses.
    Dns(Vec<IpAddr>),
    /// That it does not exist.
    Nxdomain,
    /// Nothing but that the query failed, or is refused.
    Rcode(Rcode),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rcode {
    /// SERVFAIL.
    Servfail,
    /// REFUSED.
    Refused,
}

/// A router. It takes one from the TTL of each packet, and says so where nothing is left of a packet of the client's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hop {
    /// What it answers with: an address for IPv4, one for IPv6. It is silent where it has none.
    pub addresses: Vec<IpAddr>,
}

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
    /// The status of every HTTP answer.
    pub status: u16,
    /// Further header fields of every HTTP answer.
    pub headers: BTreeMap<String, String>,
    /// The body of every HTTP answer; a page titled with the host's name when absent.
    pub body: Option<String>,
    /// A body of this many bytes instead, for measuring speed.
    pub body_bytes: Option<usize>,
    /// What is right or wrong with the certificate.
    pub certificate: Certificate,
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
            status: 200,
            headers: BTreeMap::new(),
            body: None,
            body_bytes: None,
            certificate: Certificate::default(),
            alpn: vec![Alpn::H2, Alpn::Http11],
        }
    }
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

/// One rule of the censor: which flows, and what becomes of them.
///
/// A flow is one TCP connection, or the packets between one UDP socket and one endpoint. The first rule that
/// matches a TCP connection governs it to its end. DNS over UDP is judged query by query.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the rule is called where hits are counted; `rule 1`, `rule 2`, … when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Which flows.
    pub when: When,
    /// What becomes of them.
    #[serde(rename = "do")]
    pub action: Action,
    /// For how long after acting it also blocks everything between the client and that port of that address.
    #[serde(default)]
    pub residual_seconds: u64,
    /// How much of a `ClientHello` that comes in several packets is read.
    #[serde(default)]
    pub reads: Reads,
    /// How long the censor takes to send a forged DNS answer, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
}

impl Rule {
    /// An unnamed rule.
    pub fn new(when: When, action: Action) -> Self {
        Self {
            name: None,
            when,
            action,
            residual_seconds: 0,
            reads: Reads::default(),
            delay_ms: 0,
        }
    }
}

/// How a rule reads a `ClientHello` that comes in several packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// It puts them together.
    #[default]
    EveryPacket,
    /// What the first has of it decides.
    FirstPacket,
    /// It can not read such a hello at all, only one that is whole in its first packet.
    SinglePacket,
}

/// What makes the censor act. Names match whatever their case; `*.example.org` matches every name below
/// `example.org` and not itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The server name in a TLS `ClientHello` over TCP, also one that comes in several segments.
    Sni(String),
    /// The server name in the `ClientHello` of QUIC, also one that comes in several packets.
    QuicSni(String),
    /// Encrypted Client Hello, or its GREASE, in a `ClientHello` over TCP or QUIC.
    Ech,
    /// A `ClientHello` over TCP or QUIC that is not whole in its first packet, whatever it says.
    SpanningHello,
    /// The `Host` of the first HTTP request on a connection.
    Host(String),
    /// The name in a DNS query to port 53, over UDP or TCP.
    Dns(String),
    /// A port of every address: `tcp/853`, `udp/443`.
    Port(Port),
    /// Where the packet goes: `1.2.3.4:443`, `[2001:db8::1]:443`, or an address for all its ports.
    Endpoint(Endpoint),
}

/// A port of one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Of TCP.
    Tcp(u16),
    /// Of UDP.
    Udp(u16),
}

impl std::str::FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no port: write \"tcp/853\" or \"udp/443\"");
        let (transport, number) = text.split_once('/').ok_or_else(wrong)?;
        let number = number.parse().map_err(|_| wrong())?;
        match transport {
            "tcp" => Ok(Self::Tcp(number)),
            "udp" => Ok(Self::Udp(number)),
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An address, or one port of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port; every port when absent.
    pub port: Option<u16>,
}

impl std::str::FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, port: None });
        }
        text.parse::<SocketAddr>()
            .map(|socket| Self { address: socket.ip(), port: Some(socket.port()) })
            .map_err(|_| format!("`{text}` is no endpoint: write \"1.2.3.4:443\", \"[2001:db8::1]:443\" or an address alone"))
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What the censor does to a flow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Swallows what matched and all that follows, both ways: the client waits in vain.
    Drop,
    /// Swallows what matched and sends a TCP reset to both ends.
    Reset,
    /// Swallows what matched and ends the connection politely (FIN) at both ends.
    Close,
    /// Answers the first packet of a connection with a reset, as a closed port does.
    Refuse,
    /// Answers each packet with this ICMP error and keeps it from the server. It comes from the first hop, or, where
    /// that has no address, as if from the server.
    Icmp(Unreachable),
    /// Answers a DNS query with these addresses. Over UDP the query travels on, and the true answer comes second.
    Dns(Vec<IpAddr>),
    /// Answers a DNS query with NXDOMAIN, in the same way.
    Nxdomain,
    /// Answers a DNS query with this failure, in the same way.
    Rcode(Rcode),
    /// Answers an HTTP request with this page, and keeps the request from the server.
    Blockpage(String),
    /// Answers a request for the client's address (STUN) with this one, and keeps the request from the server.
    Stun(SocketAddr),
    /// Lets so many bytes of the server's through, and then sends a TCP reset to both ends.
    ResetAfterBytes(u64),
    /// Lets no more than this through per second, in each direction.
    ThrottleBytesPerSecond(u64),
}

/// What a router says of a destination that it does not forward to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreachable {
    /// No route to the network.
    #[serde(rename = "network-unreachable")]
    Network,
    /// No answer from the host.
    #[serde(rename = "host-unreachable")]
    Host,
    /// Nobody listens at the port.
    #[serde(rename = "port-unreachable")]
    Port,
    /// A filter forbids it.
    AdminProhibited,
}
