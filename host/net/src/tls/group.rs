//! The groups that keys are exchanged in, by their IANA names.

use rustls::crypto::{SupportedKxGroup, aws_lc_rs::kx_group};
use std::str::FromStr;

/// A group that can be offered with either library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// X25519 and, against quantum computers, ML-KEM-768. Its key share makes a hello longer than a packet.
    X25519MlKem768,
    /// X25519.
    X25519,
    /// P-256.
    Secp256r1,
    /// P-384.
    Secp384r1,
}

impl Group {
    const ALL: [Self; 4] = [
        Self::X25519MlKem768,
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
    ];

    /// The name in the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X25519MlKem768 => "X25519MLKEM768",
            Self::X25519 => "x25519",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
        }
    }

    /// The number in the registry.
    fn number(self) -> u16 {
        match self {
            Self::X25519MlKem768 => 0x11ec,
            Self::X25519 => 0x001d,
            Self::Secp256r1 => 0x0017,
            Self::Secp384r1 => 0x0018,
        }
    }

    pub(super) fn rustls(self) -> &'static dyn SupportedKxGroup {
        match self {
            Self::X25519MlKem768 => kx_group::X25519MLKEM768,
            Self::X25519 => kx_group::X25519,
            Self::Secp256r1 => kx_group::SECP256R1,
            Self::Secp384r1 => kx_group::SECP384R1,
        }
    }

    /// Its name in `BoringSSL`'s lists.
    #[cfg(feature = "boringssl")]
    pub(super) fn boringssl(self) -> &'static str {
        match self {
            Self::X25519MlKem768 => "X25519MLKEM768",
            Self::X25519 => "X25519",
            Self::Secp256r1 => "P-256",
            Self::Secp384r1 => "P-384",
        }
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|group| group.as_str() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join("`, `");
            format!("there is no group {name:?} to exchange keys in; there are `{names}`")
        })
    }
}

/// What observations call the group of this number.
pub(super) fn group_name(number: u16) -> String {
    let known = Group::ALL.into_iter().find(|group| group.number() == number);
    known.map_or_else(|| format!("{number:#06x}"), |group| group.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_rustls() {
        for group in Group::ALL {
            let name = group.rustls().name();
            assert_eq!(u16::from(name), group.number());
            assert!(name.as_str().unwrap().eq_ignore_ascii_case(group.as_str()));
            assert_eq!(group.as_str().parse(), Ok(group));
            assert_eq!(group_name(group.number()), group.as_str());
        }
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_those_that_are() {
        let why = "kyber".parse::<Group>().unwrap_err();
        assert!(
            why.contains("\"kyber\"") && why.contains("`X25519MLKEM768`"),
            "{why}"
        );
        assert_eq!(group_name(0x001e), "0x001e");
    }
}
