//! The part of `nettest.toml` that a build needs. The whole of it is the host's to read.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::BuildError;

/// What a guest says about itself, as far as its build is concerned.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The name, as in scripts.
    pub name: String,
    /// Which of the two worlds it implements.
    pub kind: Kind,
    /// The interfaces that it asks for, each with a reason.
    #[serde(default)]
    pub capabilities: BTreeMap<String, String>,
}

/// The two kinds of guest, one for each world.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The world `nettest`.
    Nettest,
    /// The world `mini-nettest`.
    MiniNettest,
}

impl Kind {
    /// As in `nettest.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nettest => "nettest",
            Self::MiniNettest => "mini-nettest",
        }
    }

    /// What a component of this kind exports, sorted.
    pub(crate) fn exports(self) -> &'static [&'static str] {
        match self {
            Self::Nettest => &["reduce", "run"],
            Self::MiniNettest => &["run"],
        }
    }
}

impl Manifest {
    /// Read a manifest; `place` is where the text came from, for the error.
    pub fn parse(place: &str, text: &str) -> Result<Self, BuildError> {
        toml::from_str(text).map_err(|error| BuildError::Manifest {
            place: place.to_owned(),
            text: error.to_string(),
        })
    }
}

/// The package's name in a `Cargo.toml`.
pub(crate) fn package_name(path: &Path, text: &str) -> Result<String, BuildError> {
    #[derive(Deserialize)]
    struct CargoToml {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    toml::from_str(text)
        .map(|file: CargoToml| file.package.name)
        .map_err(|error| BuildError::Manifest {
            place: path.display().to_string(),
            text: error.to_string(),
        })
}
