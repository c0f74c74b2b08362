//! How to shake hands, as the caller says it.

use super::group::Group;
use std::{fmt, str::FromStr, time::Duration};

/// How to shake hands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeOptions {
    /// The name to verify and, unless [`HandshakeOptions::sni`] says otherwise, to send. An IP address is verified and
    /// never sent. Without one, nothing is sent and the remote address is verified.
    pub server_name: Option<String>,
    /// What to send as SNI.
    pub sni: Sni,
    /// The versions to offer. Without any: TLS 1.2 and 1.3.
    pub versions: Option<Versions>,
    /// The groups to exchange keys in, in order of preference; a key is sent for the first. Without any: the library's.
    pub groups: Vec<Group>,
    /// The protocols to offer, in order of preference.
    pub alpn: Vec<String>,
    /// Trust these certificates (PEM, any number in each text) and no others. Without any: Mozilla's bundle and
    /// [`NetConfig::extra_roots_pem`](crate::NetConfig::extra_roots_pem).
    pub roots_pem: Vec<String>,
    /// Trust these certificates (PEM, any number in each text) as well.
    pub extra_roots_pem: Vec<String>,
    /// Record the certificates and verify nothing.
    pub no_verify: bool,
    /// What to show a server that asks who we are.
    pub identity: Option<Identity>,
    /// Encrypted `ClientHello`.
    pub ech: Ech,
    /// Send this many bytes of the `ClientHello` (with its record header) in a segment of their own, and the rest a
    /// moment later. A number beyond its end splits nothing.
    pub split_hello_at: Option<usize>,
    /// Which library shakes hands.
    pub backend: BackendName,
    /// The versions of QUIC to speak, in order of preference; 1 if nothing is said. Over TCP there is nothing to choose.
    pub quic_versions: Vec<u32>,
    /// Why the options can not be meant, where whoever read them found that out: the handshake is refused with it.
    pub refusal: Option<String>,
    /// How long it may take: 10 seconds if nothing is said.
    pub timeout: Option<Duration>,
}

/// What to send as SNI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sni {
    /// The name that is verified.
    #[default]
    ServerName,
    /// Nothing.
    Absent,
    /// Another name.
    Name(String),
}

/// Encrypted `ClientHello` (RFC 9849).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ech {
    /// Not mentioned.
    #[default]
    Absent,
    /// An extension of random bytes, as browsers send where they have no configuration. The server's answer to it means
    /// nothing, and the handshake goes on without.
    Grease,
    /// A hello encrypted to a made-up configuration, whose public name is the name to send. A server that knows ECH
    /// rejects it and says which configurations it would accept; this ends the handshake.
    MadeUp,
    /// A hello encrypted to one of these configurations: an `ECHConfigList`, as an HTTPS record has it.
    Configs(Vec<u8>),
}

/// A client certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, leaf first, PEM.
    pub certificates_pem: String,
    /// The private key, PEM.
    pub key_pem: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Which library shakes hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendName {
    /// rustls: TLS 1.2 and 1.3.
    #[default]
    Rustls,
    /// `BoringSSL`: TLS 1.0 to 1.3, with hellos like those of Chrome. Only in builds with the feature `boringssl`.
    BoringSsl,
}

impl BackendName {
    /// The name in options and observations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rustls => "rustls",
            Self::BoringSsl => "boringssl",
        }
    }
}

impl FromStr for BackendName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "rustls" => Ok(Self::Rustls),
            "boringssl" => Ok(Self::BoringSsl),
            _ => Err(format!(
                "there is no TLS backend {name:?}; there are `rustls` and `boringssl`"
            )),
        }
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl FromStr for Version {
    type Err = String;

    /// The names that OONI's options have.
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "TLSv1" | "TLSv1.0" => Ok(Self::Tls10),
            "TLSv1.1" => Ok(Self::Tls11),
            "TLSv1.2" => Ok(Self::Tls12),
            "TLSv1.3" => Ok(Self::Tls13),
            _ => Err(format!(
                "there is no TLS version {name:?}; there are `TLSv1.0`, `TLSv1.1`, `TLSv1.2` and `TLSv1.3`"
            )),
        }
    }
}

/// The versions from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub(super) min: Version,
    pub(super) max: Version,
}

impl Versions {
    /// From the older to the newer one.
    pub fn new(min: Version, max: Version) -> Result<Self, String> {
        if min > max {
            return Err("the oldest TLS version to offer is newer than the newest".to_owned());
        }
        Ok(Self { min, max })
    }

    pub(super) fn contains(self, version: Version) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            min: Version::Tls12,
            max: Version::Tls13,
        }
    }
}
