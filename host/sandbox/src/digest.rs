//! By what a module is known.

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a module's bytes, in hexadecimal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(wasm: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(wasm)))
    }

    /// The digest that was written down when the bytes were there.
    #[cfg(feature = "pulley")]
    pub(crate) fn known(digits: &'static str) -> Self {
        Self(digits.to_owned())
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
