//! One registry that the probe follows: what is known of it, and getting to know more.
//!
//! In its folder:
//!
//! ```text
//! registry.json    its name, the digest of its first root, its addresses in order
//! floor            how far the log was read and when it was seen: written first
//! checkpoint       what the log signed of that
//! ledger.json      what its log has come to, as signed leaves: written last
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
use std::io;
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

    /// The registry of a folder, with what was kept of it. A ledger that can not be read is read from the log again, which may
    /// still not be behind the floor: until it is, [`check_read`](Self::check_read) says so.
    pub(crate) fn open(record: Record, store: Store, getter: Getter) -> Result<Self, OpenError> {
        let _turn = store.turn()?;
        let (client, checkpoint) = read_kept(&record, &store)?;
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

    /// Whether it is known what it has stopped: that is not so where its log was read, and the ledger can not be read any more.
    pub fn check_read(&self) -> Result<(), Forgotten> {
        let floor = self.client.floor().map_or(0, |floor| floor.tree.size());
        if floor > 0 && self.client.ledger().size() == 0 {
            return Err(Forgotten {
                name: self.record.name.clone(),
                folder: self.store.path().display().to_string(),
            });
        }
        Ok(())
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

    /// Keep what a step has come to: the floor first, so that what is kept when this is cut short is a ledger that is behind it.
    /// If another process has come further, that counts.
    pub(crate) fn save(&mut self) -> Result<(), StoreError> {
        let _turn = self.store.turn()?;
        let Some(floor) = self.client.floor() else {
            return Ok(());
        };
        let (size, read) = (floor.tree.size(), self.client.ledger().size());
        let kept = floor_of(&self.record, &self.store)?;
        if kept.is_some_and(|kept| kept.tree.size() > size || read < size) {
            let other = read_kept(&self.record, &self.store);
            // What another has stopped counts, and what is known here is not forgotten for a ledger that has less.
            if let Ok((client, checkpoint)) = other
                && client.ledger().size() >= read
            {
                (self.client, self.checkpoint) = (client, checkpoint);
                return Ok(());
            }
        } else {
            self.store.write(FLOOR, floor.to_string().as_bytes())?;
            if let Some(checkpoint) = &self.checkpoint {
                self.store.write(CHECKPOINT, checkpoint)?;
            }
        }
        let document = self.client.ledger().to_document();
        if self.store.read(LEDGER)?.as_ref() != Some(&document) {
            self.store.write(LEDGER, &document)?;
        }
        Ok(())
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

/// The log of a registry was read, and what it says was stopped can not be read any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing runs: what was read of the registry {name} is gone from {folder}, and it may have stopped what would run. \
     Bring this probe on line and run `netsonde checkin`, or follow it no longer: netsonde registry remove {name}"
)]
pub struct Forgotten {
    /// What it is called here.
    pub name: String,
    /// Its folder.
    pub folder: String,
}

/// The floor that is kept. One that can not be read is not taken for none: any older log could be shown then.
fn floor_of(record: &Record, store: &Store) -> Result<Option<Floor>, StoreError> {
    let Some(bytes) = store.read(FLOOR)? else {
        return Ok(None);
    };
    let floor = String::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    floor
        .map(Some)
        .ok_or_else(|| no_floor(record, store, "it is damaged"))
}

fn no_floor(record: &Record, store: &Store, what: &str) -> StoreError {
    let name = &record.name;
    let why = format!(
        "{what}, and with it how far the log of the registry {name} was read: follow it anew, \
         after netsonde registry remove {name}"
    );
    StoreError::new("read", &store.path().join(FLOOR))(io::Error::other(why))
}

fn read_kept(record: &Record, store: &Store) -> Result<(Client, Option<Vec<u8>>), OpenError> {
    let failed = |error| OpenError::Client {
        folder: store.path().display().to_string(),
        error: Box::new(error),
    };
    // No registry is followed before its log was read.
    let floor = floor_of(record, store)?.ok_or_else(|| no_floor(record, store, "it is gone"))?;
    let trust = || Trust::Digest(record.root);
    if let Some(document) = store.read(LEDGER)?
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
    Ok((Client::new(trust(), Some(floor)).map_err(failed)?, None))
}
