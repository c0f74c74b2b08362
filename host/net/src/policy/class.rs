//! The classes of destinations that a manifest asks for.

use std::fmt;

/// A class of destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// What the script or the user named: the addresses and names in the target.
    Targets,
    /// What follows from that: addresses that a lookup of a target's name returned, names in the answers' aliases, and
    /// hosts that a response redirected to.
    Derived,
    /// The script's test helpers for this nettest, and the addresses of their names.
    Helpers,
    /// What the manifest lists, and the addresses of the names in it.
    Fixed,
    /// Any public destination.
    Any,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 5] = [
        Self::Targets,
        Self::Derived,
        Self::Helpers,
        Self::Fixed,
        Self::Any,
    ];

    /// The name in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Targets => "targets",
            Self::Derived => "derived",
            Self::Helpers => "helpers",
            Self::Fixed => "fixed",
            Self::Any => "any",
        }
    }

    /// The class of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
