//! The words that leaves and roots are made of: digests, names, versions. Each is read from one text and written as the same.

use crate::canonical::fields::as_text;
use crate::keys::{LogKey, WitnessKey};
use crate::tree::Hash;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A word that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAWord {
    /// Not a digest.
    #[error("\"{0}\" is no digest: write sha256: and 64 digits of 0-9 a-f")]
    Digest(String),
    /// Not so many bytes.
    #[error("\"{text}\" is not {bytes} bytes: write two digits of 0-9 a-f for each")]
    Hex {
        /// What was there.
        text: String,
        /// How many there must be.
        bytes: usize,
    },
    /// Not a name.
    #[error(
        "\"{0}\" is no name: write up to 128 of a-z 0-9 _ - in parts with / between, each with a letter or digit at both ends"
    )]
    Name(String),
    /// Not a version.
    #[error(
        "\"{0}\" is no version: write one of Semantic Versioning, without +build, in up to 64 characters"
    )]
    Version(String),
    /// Not a commit.
    #[error("\"{0}\" is no commit: write its whole id, 40 or 64 digits of 0-9 a-f")]
    Commit(String),
    /// None of the words that can stand here.
    #[error("\"{text}\" is none of: {known}")]
    Choice {
        /// What was there.
        text: String,
        /// What could be.
        known: &'static str,
    },
}

/// So many bytes, written in lower-case hexadecimal: a key, the id of a key, a signature, the root of a tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// Which key: the SHA-256 of its canonical TUF object.
pub type KeyId = Hex<32>;

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let mut bytes = [0; N];
        if is_lower_hex(text) && hex::decode_to_slice(text, &mut bytes).is_ok() {
            return Ok(Self(bytes));
        }
        let text = text.to_owned();
        Err(NotAWord::Hex { text, bytes: N })
    }
}

/// What bytes are: their SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Hex<32>);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hex(Sha256::digest(bytes).into()))
    }

    /// The 32 bytes of it.
    pub fn bytes(&self) -> [u8; 32] {
        self.0.0
    }
}

impl From<[u8; 32]> for Digest {
    /// Of a SHA-256 that was computed elsewhere.
    fn from(bytes: [u8; 32]) -> Self {
        Self(Hex(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let hex = text.strip_prefix("sha256:").and_then(|hex| hex.parse().ok());
        hex.map(Self).ok_or_else(|| NotAWord::Digest(text.to_owned()))
    }
}

/// The name of a module, a script, a list, a nettest or an event: one that can be a path, a URL's and a repository's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_part = |part: &str| {
            part.bytes().all(|byte| letter(byte) || b"_-".contains(&byte))
                && part.bytes().next().is_some_and(letter)
                && part.bytes().last().is_some_and(letter)
        };
        if text.len() <= 128 && text.split('/').all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotAWord::Name(text.to_owned()))
    }
}

/// The version of a module, ordered as Semantic Versioning does. `+build` can not be a tag of an OCI repository, and does not
/// order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

impl Version {
    /// Whether it is one that nobody gets without asking for it: `2.0.0-rc.1`.
    pub fn is_pre_release(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let version = semver::Version::parse(text).ok();
        version
            .filter(|version| text.len() <= 64 && version.build.is_empty())
            .map(Self)
            .ok_or_else(|| NotAWord::Version(text.to_owned()))
    }
}

/// A commit of a source repository, by its whole id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit(String);

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Commit {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        if matches!(text.len(), 40 | 64) && is_lower_hex(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(NotAWord::Commit(text.to_owned()))
    }
}

as_text!(
    Hex<32>,
    Hex<64>,
    Digest,
    Name,
    Version,
    Commit,
    Hash,
    LogKey,
    WitnessKey
);

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_word_is_refused() {
        let long = "a".repeat(129);
        for name in [
            "", "A", "a/", "/a", "a//b", "-a", "a-", "a.b", "..", "a b", "a\\b", &long,
        ] {
            assert!(name.parse::<Name>().is_err(), "{name}");
        }
        for name in ["a", "0", "web_connectivity", "ooni/http-address", &long[1..]] {
            assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
        }
        for version in [
            "1",
            "1.2",
            "v1.2.3",
            "1.2.3+b",
            "01.2.3",
            &format!("1.2.3-{long}"),
        ] {
            assert!(version.parse::<Version>().is_err(), "{version}");
        }
        let upper = "A".repeat(64);
        assert!(format!("sha256:{upper}").parse::<Digest>().is_err());
        assert!("a".repeat(63).parse::<KeyId>().is_err());
        assert!("a".repeat(41).parse::<Commit>().is_err());
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        let versions = ["0.9.0", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0", "1.0.1", "1.10.0"];
        let versions = versions.map(|version| version.parse::<Version>().unwrap());
        assert!(versions.is_sorted());
        assert!(versions[1].is_pre_release() && !versions[3].is_pre_release());
    }

    #[test]
    fn a_digest_is_what_sha256sum_says() {
        let digest = Digest::of(b"abc").to_string();
        assert_eq!(
            digest,
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
