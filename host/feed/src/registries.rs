//! The folder of all registries that a probe follows: a folder for each, of the name that people call it.

use crate::feed::{FLOOR, Feed, OpenError, Refreshed};
use crate::file::File;
use crate::getter::Getter;
use crate::mirror::Mirror;
use crate::store::{Store, StoreError};
use netsonde_log::client::{ClientError, Trust};
use netsonde_log::root::{Root, RootError};
use netsonde_log::words::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;
use tempfile::TempDir;

const RECORD: &str = "registry.json";
const VERSION: u64 = 1;

/// What makes a registry the one that it is.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) root: Digest,
    pub(crate) mirrors: Vec<Mirror>,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    v: u64,
    name: String,
    root: String,
    urls: Vec<String>,
}

impl Record {
    fn to_json(&self) -> String {
        let written = Written {
            v: VERSION,
            name: self.name.clone(),
            root: self.root.to_string(),
            urls: self.mirrors.iter().map(Mirror::to_string).collect(),
        };
        serde_json::to_string_pretty(&written).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let mirrors: Option<Vec<Mirror>> = written.urls.iter().map(|url| url.parse().ok()).collect();
        (written.v == VERSION).then_some(())?;
        Some(Self {
            name: one_part(&written.name)?,
            root: written.root.parse().ok()?,
            mirrors: mirrors.filter(|mirrors| !mirrors.is_empty())?,
        })
    }
}

/// Why a registry can not be followed.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// A name that is no folder's.
    #[error(
        "\"{0}\" is no name for a registry: write up to 128 of a-z 0-9 _ -, with a letter or digit at both ends"
    )]
    Name(String),
    /// There is one of this name.
    #[error("there is a registry {0} already: remove it first, or give this one another --name")]
    Exists(String),
    /// It is followed under another name.
    #[error("the registry with the first root {root} is followed already, as {name}")]
    Followed {
        /// Its first root.
        root: Digest,
        /// What it is called.
        name: String,
    },
    /// A root document that is none.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A root that nobody is to follow.
    #[error(transparent)]
    Client(Box<ClientError>),
    /// Nobody said anything that is to be believed.
    #[error("no address of the registry says what can be believed:\n{0}")]
    NoNews(String),
    /// What is kept of it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was kept of another.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<ClientError> for AddError {
    fn from(error: ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

/// Why a name or an address is of no registry.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// None is called so.
    #[error("no registry has the name or the address \"{0}\": see `netsonde registry list`")]
    Unknown(String),
    /// The folder.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a registry is added with.
#[derive(Debug)]
pub struct Addition {
    /// The first root, or its digest.
    pub trust: Trust,
    /// Where it is served, in the order in which to ask.
    pub mirrors: Vec<Mirror>,
    /// What to call it. Without: as its log is.
    pub name: Option<String>,
}

/// All registries that a probe follows.
#[derive(Clone, Debug)]
pub struct Registries {
    folder: PathBuf,
    getter: Getter,
}

impl Registries {
    /// Those of a folder, which need not be there.
    pub fn new(folder: PathBuf, getter: Getter) -> Self {
        Self { folder, getter }
    }

    /// All of them, by name. Of each whose folder can not be read, why.
    pub fn all(&self) -> Result<Vec<Result<Feed, OpenError>>, StoreError> {
        let mut feeds = Vec::new();
        for record in self.records()? {
            let store = self.store(&record.name);
            feeds.push(Feed::open(record, store, self.getter.clone()));
        }
        Ok(feeds)
    }

    /// The first root that an address shows. Nothing of it is to be believed before somebody has compared its digest.
    pub fn shown(&self, mirror: &Mirror) -> Result<Root, String> {
        let bytes = self.getter.get(mirror, &File::Root(1));
        let bytes = bytes.map_err(|error| format!("get {mirror}{}: {error}", File::Root(1)))?;
        let root = Root::parse(&bytes).map_err(|error| error.to_string())?;
        root.check_first().map_err(|error| error.to_string())?;
        Ok(root)
    }

    /// Follow another one: read its log, and keep it. Nobody waits for the mirrors but who asked for this.
    pub fn add(&self, addition: Addition, now: u64) -> Result<(Feed, Refreshed), AddError> {
        let Addition { trust, mirrors, name } = addition;
        let root = match &trust {
            Trust::Root(root) => root.digest(),
            Trust::Digest(digest) => *digest,
        };
        let name = name.map(|name| one_part(&name).ok_or(AddError::Name(name)));
        let name = name.transpose()?;
        let whole = Store::new(self.folder.clone());
        whole.create()?;
        self.check_new(root, name.as_deref())?;
        // Read under a name that no registry has, so that what can not be followed leaves nothing behind.
        let aside = self.aside(".new-")?;
        let store = Store::new(aside.path().to_owned());
        let mut record = Record {
            name: String::new(),
            root,
            mirrors,
        };
        let mut feed = Feed::new(record.clone(), trust, store, self.getter.clone())?;
        let refreshed = feed.refresh(now)?;
        if feed.client().floor().is_none() {
            let lines: Vec<String> = refreshed.problems.iter().map(ToString::to_string).collect();
            return Err(AddError::NoNews(lines.join("\n")));
        }
        record.name = match name {
            Some(name) => name,
            None => name_of(&feed.client().root()?.log().origin),
        };
        // By now another may have come first.
        let _turn = whole.turn()?;
        self.check_new(root, Some(&record.name))?;
        let target = self.store(&record.name);
        if target.path().exists() {
            let there = io::Error::other(
                "it is there, and is no registry: move it away, or give this registry another --name",
            );
            return Err(StoreError::new("make the folder", target.path())(there).into());
        }
        feed.store.write(RECORD, record.to_json().as_bytes())?;
        let moved = fs::rename(aside.path(), target.path());
        moved.map_err(StoreError::new("make the folder", target.path()))?;
        Ok((Feed::open(record, target, self.getter.clone())?, refreshed))
    }

    /// Follow one no longer, by its name or one of its addresses. Everything that was kept of it is removed.
    pub fn remove(&self, which: &str) -> Result<String, RemoveError> {
        let whole = Store::new(self.folder.clone());
        let records = self.records()?;
        let mirror = which.parse::<Mirror>().ok();
        let is_meant = |record: &&Record| {
            record.name == which
                || mirror
                    .as_ref()
                    .is_some_and(|mirror| record.mirrors.contains(mirror))
        };
        let record = records.iter().find(is_meant);
        let record = record.ok_or_else(|| RemoveError::Unknown(which.to_owned()))?;
        let _turn = whole.turn()?;
        let store = self.store(&record.name);
        // Whoever writes there comes to an end first. All of it goes at once, and nobody makes the folder anew.
        drop(store.turn()?);
        let aside = self.aside(".old-")?;
        let moved = fs::rename(store.path(), aside.path().join(&record.name));
        moved.map_err(StoreError::new("remove", store.path()))?;
        let path = aside.path().to_owned();
        aside.close().map_err(StoreError::new("remove", &path))?;
        Ok(record.name.clone())
    }

    /// Whether no registry has this root or this name.
    fn check_new(&self, root: Digest, name: Option<&str>) -> Result<(), AddError> {
        for known in self.records()? {
            if known.root == root {
                let name = known.name;
                return Err(AddError::Followed { root, name });
            }
            if Some(known.name.as_str()) == name {
                return Err(AddError::Exists(known.name));
            }
        }
        Ok(())
    }

    /// A folder of a name that no registry has.
    fn aside(&self, prefix: &str) -> Result<TempDir, StoreError> {
        let made = tempfile::Builder::new().prefix(prefix).tempdir_in(&self.folder);
        made.map_err(StoreError::new("make a folder in", &self.folder))
    }

    fn store(&self, name: &str) -> Store {
        Store::new(self.folder.join(name))
    }

    fn records(&self) -> Result<Vec<Record>, StoreError> {
        let failed = || StoreError::new("read", &self.folder);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed())?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed())?.file_name();
            let Some(name) = name.to_str().and_then(one_part) else {
                continue;
            };
            let store = self.store(&name);
            if !store.path().is_dir() {
                continue;
            }
            let record = store.read(RECORD)?.and_then(|bytes| Record::parse(&bytes));
            match record.filter(|record| record.name == name) {
                Some(record) => records.push(record),
                // A registry that can not be read is not to be taken for none: it may have revoked what would run.
                None if store.read(FLOOR)?.is_some() => {
                    let path = store.path().join(RECORD);
                    let damaged =
                        io::Error::other("it is damaged: remove the folder, and add the registry again");
                    return Err(StoreError::new("read", &path)(damaged));
                }
                None => {}
            }
        }
        records.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(records)
    }
}

/// A name that is one folder's.
fn one_part(text: &str) -> Option<String> {
    let name: Name = text.parse().ok()?;
    (!text.contains('/') && text != "lock").then(|| name.to_string())
}

/// What a log's origin makes for a name: `registry.example/log` is `registry-example`.
fn name_of(origin: &str) -> String {
    let host = origin.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let letters = host.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    });
    let name: String = letters.take(128).collect();
    one_part(name.trim_matches('-')).unwrap_or_else(|| "registry".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_called_as_its_log() {
        for (origin, name) in [
            ("registry.example/log", "registry-example"),
            ("127.0.0.1:8080/log", "127-0-0-1-8080"),
            ("Registry.Example", "registry-example"),
            ("../log", "registry"),
            ("lock/log", "registry"),
        ] {
            assert_eq!(name_of(origin), name);
        }
    }

    #[test]
    fn a_name_is_one_folder() {
        for name in ["", "..", "a/b", "../a", "lock", ".new-1", "A"] {
            assert_eq!(one_part(name), None, "{name}");
        }
        assert_eq!(one_part("ours-2").as_deref(), Some("ours-2"));
    }
}
