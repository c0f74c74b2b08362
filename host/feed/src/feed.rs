//! One registry that the probe follows: what is known of it, and getting to know more.
//!
//! In its folder:
//!
//! ```text
//! registry.json    its name, the digest of its first root, its addresses in order
//! ledger.json      what its log has come to, as signed leaves: written first
//! checkpoint       what the log signed of that
//! floor            how far the log was read and when it was seen: written last
//! objects/HEX      modules, scripts and lists, by their SHA-256
//! proofs/HEX.json  that the log says so, for when nobody can be asked
//! ```
//!
//! Asking is in `follow`, what the log names in `objects`, what is kept to prove it in `proofs`.

use crate::getter::{GetError, Getter};
use crate::mirror::Mirror;
use crate::registries::Record;
use crate::store::{Store, StoreError, Turn};
use netsonde_log::client::{Client, ClientError, Floor, Trust};
use netsonde_log::root::Root;
use netsonde_log::words::Digest;
use std::fmt;
use std::path::Path;

mod entries;
mod follow;
mod objects;
mod proofs;

pub use objects::{NotFetched, NotProven};
pub use proofs::{BadProof, KeepError, Proven};

pub(crate) const FLOOR: &str = "floor";
const LEDGER: &str = "ledger.json";
const CHECKPOINT: &str = "checkpoint";

/// What went wrong with one mirror.
#[derive(Debug)]
pub struct Problem {
    /// Which one.
    pub mirror: Mirror,
    /// What.
    pub trouble: Trouble,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.mirror, self.trouble)
    }
}

/// What can be wrong with a mirror.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A file did not come.
    #[error("get {file}: {error}")]
    Get {
        /// Which one.
        file: String,
        /// Why not.
        error: GetError,
    },
    /// What came is not to be believed.
    #[error(transparent)]
    Client(Box<ClientError>),
    /// What came is true, and of long ago.
    #[error("its newest checkpoint is {age} seconds old, and orders are taken for {limit}: it is frozen")]
    Frozen {
        /// How old it is.
        age: u64,
        /// How old it may be.
        limit: u64,
    },
    /// Other bytes than the log says.
    #[error("{file} has other bytes than the log says: {length} of them, with the digest {found}")]
    Altered {
        /// Which file.
        file: String,
        /// How many bytes came.
        length: usize,
        /// Their digest.
        found: Digest,
    },
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

/// A registry that the probe follows.
#[derive(Debug)]
pub struct Feed {
    pub(crate) record: Record,
    pub(crate) store: Store,
    pub(crate) getter: Getter,
    pub(crate) client: Client,
    /// What the log signed of what is known, if it was kept.
    checkpoint: Option<Vec<u8>>,
}

/// What asking for news came to.
#[derive(Debug)]
pub struct Refreshed {
    /// The mirror that had news which are fresh enough to begin something by.
    pub fresh: Option<Mirror>,
    /// What went wrong on the way.
    pub problems: Vec<Problem>,
}

impl Feed {
    /// A registry of which nothing is known but this.
    pub(crate) fn new(
        record: Record,
        trust: Trust,
        store: Store,
        getter: Getter,
    ) -> Result<Self, ClientError> {
        let client = Client::new(trust, None)?;
        Ok(Self {
            record,
            store,
            getter,
            client,
            checkpoint: None,
        })
    }

    /// The registry of a folder, with what was kept of it. What was kept and can not be read is read from the log again,
    /// which may still not be behind the floor.
    pub(crate) fn open(record: Record, store: Store, getter: Getter) -> Result<Self, OpenError> {
        let _turn = store.turn()?;
        let (client, checkpoint) = read(&record, &store)?;
        Ok(Self {
            record,
            store,
            getter,
            client,
            checkpoint,
        })
    }

    /// What people call it here.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// The digest of its first root.
    pub fn trusted(&self) -> Digest {
        self.record.root
    }

    /// Its addresses, in the order in which they are asked.
    pub fn mirrors(&self) -> &[Mirror] {
        &self.record.mirrors
    }

    /// What is believed of its log.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The folder with all that is kept of it.
    pub fn folder(&self) -> &Path {
        self.store.path()
    }

    /// The roots of its log, from the first.
    pub fn roots(&self) -> &[Root] {
        self.client.ledger().roots()
    }

    /// Wait until no other process changes what is kept, and let none as long as this is held.
    pub fn turn(&self) -> Result<Turn, StoreError> {
        self.store.turn()
    }

    /// What is kept of it under a name, by whoever follows it.
    pub fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.read(name)
    }

    /// Keep something under a name.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.write(name, bytes)
    }

    /// Keep something under a name no longer.
    pub fn forget(&self, name: &str) -> Result<(), StoreError> {
        self.store.remove(name)
    }

    /// Keep what a step has come to. If another process has come further, that counts.
    pub(crate) fn save(&mut self) -> Result<(), StoreError> {
        let _turn = self.store.turn()?;
        let Some(floor) = self.client.floor() else {
            return Ok(());
        };
        let kept = floor_of(&self.store)?;
        if kept.is_some_and(|kept| kept.tree.size() > floor.tree.size()) {
            if let Ok((client, checkpoint)) = read(&self.record, &self.store) {
                (self.client, self.checkpoint) = (client, checkpoint);
            }
            return Ok(());
        }
        let document = self.client.ledger().to_document();
        if self.store.read(LEDGER)?.as_ref() != Some(&document) {
            self.store.write(LEDGER, &document)?;
        }
        if let Some(checkpoint) = &self.checkpoint {
            self.store.write(CHECKPOINT, checkpoint)?;
        }
        self.store.write(FLOOR, floor.to_string().as_bytes())
    }
}

/// Why what was kept of a registry can not be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It can not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is damaged beyond what can be read again.
    #[error("{folder}: {error}")]
    Client {
        /// The folder.
        folder: String,
        /// What is wrong.
        error: Box<ClientError>,
    },
}

fn floor_of(store: &Store) -> Result<Option<Floor>, StoreError> {
    let bytes = store.read(FLOOR)?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok()))
}

fn read(record: &Record, store: &Store) -> Result<(Client, Option<Vec<u8>>), OpenError> {
    let failed = |error| OpenError::Client {
        folder: store.path().display().to_string(),
        error: Box::new(error),
    };
    let floor = floor_of(store)?;
    let trust = || Trust::Digest(record.root);
    if let (Some(floor), Some(document)) = (&floor, store.read(LEDGER)?)
        && let Ok(client) = Client::resume(trust(), floor.clone(), &document)
    {
        let checkpoint = store.read(CHECKPOINT)?;
        let of_now = |bytes: &Vec<u8>| {
            let opened = client
                .root()
                .ok()
                .and_then(|root| root.policy().open(bytes, u64::MAX).ok());
            opened.is_some_and(|opened| opened.tree == floor.tree)
        };
        let checkpoint = checkpoint.filter(of_now);
        return Ok((client, checkpoint));
    }
    Ok((Client::new(trust(), floor).map_err(failed)?, None))
}
