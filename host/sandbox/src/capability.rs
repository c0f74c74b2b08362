//! What can be granted: the interfaces of `netsonde:probe` (and, under the same names, of its plain twin), apart from `types`, which gives nothing away.

use std::collections::BTreeSet;
use std::fmt;

/// An interface that a manifest asks for and a user's policy grants.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Capability {
    /// Look names up.
    Dns,
    /// Connect, read and write.
    Tcp,
    /// Send and receive datagrams.
    Udp,
    /// Shake hands.
    Tls,
    /// Shake hands over QUIC.
    Quic,
    /// HTTP transactions.
    Http,
    /// Run mini nettests.
    Mini,
    /// Ask the script's test helpers.
    Helper,
    /// What the host knows about the run.
    Info,
    /// Progress and log lines.
    Progress,
    /// Keep values from run to run.
    Cache,
}

impl Capability {
    /// Every interface that can be granted.
    pub const ALL: [Self; 11] = [
        Self::Dns,
        Self::Tcp,
        Self::Udp,
        Self::Tls,
        Self::Quic,
        Self::Http,
        Self::Mini,
        Self::Helper,
        Self::Info,
        Self::Progress,
        Self::Cache,
    ];

    /// The interface's name in WIT and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::Mini => "mini",
            Self::Helper => "helper",
            Self::Info => "info",
            Self::Progress => "progress",
            Self::Cache => "cache",
        }
    }

    /// The interface of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == name)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the user's policy allows guests to be linked with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grants(BTreeSet<Capability>);

impl Grants {
    /// Everything there is.
    pub fn all() -> Self {
        Self(Capability::ALL.into())
    }

    /// Everything but these.
    #[must_use]
    pub fn without(mut self, denied: impl IntoIterator<Item = Capability>) -> Self {
        for capability in denied {
            self.0.remove(&capability);
        }
        self
    }

    /// Whether this interface may be linked.
    pub fn contains(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}

impl FromIterator<Capability> for Grants {
    fn from_iter<I: IntoIterator<Item = Capability>>(granted: I) -> Self {
        Self(granted.into_iter().collect())
    }
}
