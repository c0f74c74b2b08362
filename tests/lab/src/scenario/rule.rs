//! The censor's rules: which flows, and what becomes of them.

use super::Rcode;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

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
    /// Answers an HTTP request with these very bytes, head and all, and keeps the request from the server.
    Response(String),
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
