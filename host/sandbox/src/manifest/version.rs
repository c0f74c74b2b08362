//! Versions of guests.

use std::fmt;

use serde::Deserialize;

/// A version of three numbers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Version {
    /// What scripts name: `http-address@v1`.
    pub major: u64,
    /// Grows with what is added.
    pub minor: u64,
    /// Grows with what is mended.
    pub patch: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(format!(
                "`{text}` is not a version: write three numbers, such as \"0.3.1\""
            )),
        }
    }
}
