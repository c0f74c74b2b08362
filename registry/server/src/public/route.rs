//! Which path asks for what. A path is read into what it means, and every file is found by what was read: no text of a client
//! ever becomes part of a file's name. Paths are not decoded: none that is served has a character that would need it.

use crate::folder::Shelf;
use netsonde_log::{
    tiles,
    words::{Digest, Version},
};
use std::fmt;

/// The longest name of a repository: that of a module.
const LONGEST_NAME: usize = 128;
/// Before the name of a repository.
const REPOSITORIES: &str = "/v2/modules/netsonde/";

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The newest checkpoint.
    Checkpoint,
    /// A tile or a bundle of entries.
    Tile(tiles::Path),
    /// The root of this version.
    Root(u64),
    /// The digest of what the log was last said to have come to.
    Snapshot,
    /// What entries name.
    Object(Shelf, Digest),
    /// What the log says of these bytes, with proofs.
    Proofs(Digest),
    /// Where packages are (`wkg`).
    WellKnown,
    /// Whether there are OCI repositories here.
    Oci,
    /// The versions of a module.
    Tags(Repository),
    /// The OCI manifest of one of them.
    Manifest(Repository, Reference),
    /// Bytes that a manifest names.
    Blob(Repository, Digest),
    /// What there is about a manifest.
    Referrers(Repository, Digest),
    /// What a probe is to run.
    CheckIn,
    /// Whether all is well.
    Health,
}

/// The name of a repository below `modules/netsonde/`: that of its module, with `-` for `_` and `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository(String);

/// Which manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// That of a version.
    Tag(Version),
    /// The one with this digest.
    Digest(Digest),
}

impl Route {
    /// What a path asks for, if for anything.
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "/log/checkpoint" => return Some(Self::Checkpoint),
            "/.well-known/wasm-pkg/registry.json" => return Some(Self::WellKnown),
            "/v2/" | "/v2" => return Some(Self::Oci),
            "/api/v2/check-in" => return Some(Self::CheckIn),
            "/snapshot" => return Some(Self::Snapshot),
            "/health" => return Some(Self::Health),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix(REPOSITORIES) {
            return Self::in_repository(rest);
        }
        let (folder, name) = path.strip_prefix('/')?.split_once('/')?;
        match folder {
            "log" => name.parse().ok().map(Self::Tile),
            "roots" => {
                let number: u64 = name.strip_suffix(".json")?.parse().ok()?;
                (name == format!("{number}.json")).then_some(Self::Root(number))
            }
            "proofs" => digest(name).map(Self::Proofs),
            _ => {
                let shelf = Shelf::ALL.into_iter().find(|shelf| shelf.name() == folder)?;
                digest(name).map(|digest| Self::Object(shelf, digest))
            }
        }
    }

    fn in_repository(rest: &str) -> Option<Self> {
        let (repository, rest) = rest.split_once('/')?;
        let repository = Repository::parse(repository)?;
        let (what, name) = rest.split_once('/')?;
        match (what, name) {
            ("tags", "list") => Some(Self::Tags(repository)),
            ("manifests", name) => {
                let reference = if name.contains(':') {
                    Reference::Digest(name.parse().ok()?)
                } else {
                    Reference::Tag(name.parse().ok()?)
                };
                Some(Self::Manifest(repository, reference))
            }
            ("blobs", name) => Some(Self::Blob(repository, name.parse().ok()?)),
            ("referrers", name) => Some(Self::Referrers(repository, name.parse().ok()?)),
            _ => None,
        }
    }

    /// What is logged and counted of it: no more than which kind of thing was asked for.
    pub fn template(&self) -> &'static str {
        match self {
            Self::Checkpoint => "/log/checkpoint",
            Self::Tile(_) => "/log/tile/…",
            Self::Root(_) => "/roots/N.json",
            Self::Snapshot => "/snapshot",
            Self::Object(Shelf::Scripts, _) => "/scripts/HEX",
            Self::Object(Shelf::Lists, _) => "/lists/HEX",
            Self::Object(Shelf::Objects, _) => "/objects/HEX",
            Self::Proofs(_) => "/proofs/HEX",
            Self::WellKnown => "/.well-known/wasm-pkg/registry.json",
            Self::Oci => "/v2/",
            Self::Tags(_) => "/v2/…/tags/list",
            Self::Manifest(..) => "/v2/…/manifests/REF",
            Self::Blob(..) => "/v2/…/blobs/DIGEST",
            Self::Referrers(..) => "/v2/…/referrers/DIGEST",
            Self::CheckIn => "/api/v2/check-in",
            Self::Health => "/health",
        }
    }

    /// The file that it asks for, below what is served.
    pub fn file(&self) -> Option<String> {
        match self {
            Self::Checkpoint => Some("log/checkpoint".to_owned()),
            Self::Tile(path) => Some(format!("log/{path}")),
            Self::Root(number) => Some(format!("roots/{number}.json")),
            Self::Snapshot => Some("snapshot".to_owned()),
            Self::Object(place, digest) => Some(place.path(digest)),
            _ => None,
        }
    }
}

/// Whether who asked for this path speaks OCI, and is to be told what is wrong in its words.
pub(super) fn is_oci(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

impl Repository {
    /// The repository of a module.
    pub fn of(module: &netsonde_log::words::Name) -> Self {
        Self(module.as_str().replace(['_', '/'], "-"))
    }

    /// What the file of a component is called.
    pub(super) fn file(&self) -> String {
        format!("{}.wasm", self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_one = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_name);
        is_one.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "modules/netsonde/{}", self.0)
    }
}

/// 64 lower-case digits.
fn digest(hex: &str) -> Option<Digest> {
    format!("sha256:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_is_served_has_one_path() {
        for path in [
            "log/checkpoint".to_owned(),
            "log/tile/0/x001/234.p/8".to_owned(),
            "log/tile/entries/000".to_owned(),
            "roots/17.json".to_owned(),
            format!("scripts/{HEX}"),
            format!("lists/{HEX}"),
            format!("objects/{HEX}"),
        ] {
            let route = Route::parse(&format!("/{path}")).unwrap();
            assert_eq!(route.file(), Some(path));
        }
    }

    #[test]
    fn what_is_served_otherwise_is_no_file() {
        for path in [
            "/.well-known/wasm-pkg/registry.json".to_owned(),
            "/v2/".to_owned(),
            "/v2/modules/netsonde/web-connectivity/tags/list".to_owned(),
            "/v2/modules/netsonde/a/manifests/1.2.3-rc.1".to_owned(),
            format!("/v2/modules/netsonde/a/manifests/sha256:{HEX}"),
            format!("/v2/modules/netsonde/a/blobs/sha256:{HEX}"),
            format!("/v2/modules/netsonde/a/referrers/sha256:{HEX}"),
            format!("/proofs/{HEX}"),
            "/api/v2/check-in".to_owned(),
            "/health".to_owned(),
        ] {
            let route = Route::parse(&path);
            assert_eq!(route.map(|route| route.file()), Some(None), "{path}");
        }
    }

    #[test]
    fn every_other_path_asks_for_nothing() {
        for path in [
            "",
            "/",
            "*",
            "//log/checkpoint",
            "/log/checkpoint/",
            "/log//checkpoint",
            "/log/../log/checkpoint",
            "/log/%63heckpoint",
            "/log/tile/0/0",
            "/log/tile/0/..%2f000",
            "/log/tile/0/000%00",
            "/roots/01.json",
            "/roots/-1.json",
            "/roots/1.json/",
            "/roots/+1.json",
            "/roots/.json",
            "/objects/",
            "/objects/.",
            "/objects/../../log.key",
            "/objects/..%2f..%2flog.key",
            "/scripts/BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
            "/log.key",
            "/registry.sqlite",
            "/public/log/checkpoint",
            "/v2/../log/checkpoint",
            "/v2/modules/netsonde/a/b/tags/list",
            "/v2/modules/netsonde/../tags/list",
            "/v2/modules/netsonde//tags/list",
            "/v2/modules/netsonde/a/manifests/latest",
            "/v2/modules/netsonde/a/manifests/1.2.3+b",
            "/v2/modules/netsonde/a/blobs/sha512:00",
            "/v2/modules/other/a/tags/list",
        ] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_file_outside_is_ever_meant(path in "(/(log|tile|0|roots|objects|scripts|[.%x/0-9a-f]{0,70}|1\\.json|[\\PC]{0,8})){0,5}") {
            if let Some(file) = Route::parse(&path).and_then(|route| route.file()) {
                // Every file of a log, and nothing else, begins so and has no part that is hidden.
                prop_assert_eq!(format!("/{file}"), path);
                prop_assert!(file.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            }
        }
    }
}
