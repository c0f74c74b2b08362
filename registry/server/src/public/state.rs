//! What the log says at this moment, read on when its checkpoint has changed: other processes publish.

use super::answer::Problem;
use super::route::Repository;
use crate::folder::{Reader, SequencerError};
use bytes::Bytes;
use netsonde_log::{
    leaf::{Leaf, Payload},
    ledger::{Effect, Ledger},
    policy::Opened,
    tree::Tree,
    words::{Digest, Name},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::RwLock;

/// For how long nobody looks whether the checkpoint has changed.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How many entries are in memory at once while the log is read.
const BATCH: u64 = 4096;

/// What the log says. Clones share it.
#[derive(Clone)]
pub(super) struct State {
    reader: Arc<Mutex<Reader>>,
    read: Arc<RwLock<Read>>,
    looked: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// What was read.
pub(super) struct Read {
    /// The checkpoint, as it is served.
    pub(super) checkpoint: Bytes,
    /// What it says.
    pub(super) opened: Opened,
    /// What is in force; none before the first root.
    pub(super) ledger: Option<Ledger>,
    /// Which entries that are in force say something of these bytes.
    said: BTreeMap<Digest, Vec<u64>>,
    /// The modules of repositories. Where two would have the same one, it is that of the module that was there first.
    modules: BTreeMap<Repository, Name>,
    /// How many entries were read.
    size: u64,
}

impl State {
    /// Nothing is read yet.
    pub(super) fn new(reader: Reader) -> Self {
        let read = Read {
            checkpoint: Bytes::new(),
            opened: Opened {
                tree: Tree::EMPTY,
                time: 0,
            },
            ledger: None,
            said: BTreeMap::new(),
            modules: BTreeMap::new(),
            size: 0,
        };
        Self {
            reader: Arc::new(Mutex::new(reader)),
            read: Arc::new(RwLock::new(read)),
            looked: Arc::default(),
        }
    }

    /// What the log says now. Let go of it before anything that takes long.
    pub(super) async fn now(&self) -> Result<impl std::ops::Deref<Target = Read>, Problem> {
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN_AFTER) {
            let broken = |why: &dyn std::fmt::Display| Problem::broken("read the log", why);
            let state = self.clone();
            let reading = tokio::task::spawn_blocking(move || state.catch_up()).await;
            reading.map_err(|why| broken(&why))?.map_err(|why| broken(&why))?;
            *looked = Some(Instant::now());
        }
        drop(looked);
        Ok(self.read.read().await)
    }

    /// Read what was appended since.
    pub(super) fn catch_up(&self) -> Result<(), SequencerError> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (checkpoint, opened) = reader.checkpoint()?;
        // Nobody else writes: the reader is ours.
        if self.read.blocking_read().checkpoint == checkpoint {
            return Ok(());
        }
        let mut read = self.read.blocking_write();
        while read.size < opened.tree.size() {
            let to = opened.tree.size().min(read.size + BATCH);
            for entry in reader.entries(read.size..to)? {
                read.take(&entry);
            }
        }
        read.checkpoint = checkpoint.into();
        read.opened = opened;
        Ok(())
    }

    /// Ask the folder something that takes reading; not on a thread that others wait for.
    pub(super) fn with_reader<T>(&self, ask: impl FnOnce(&Reader) -> T) -> T {
        ask(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read {
    /// That these bytes may not be given to anybody any more, if it is so.
    pub(super) fn check_not_revoked(&self, digest: &Digest) -> Result<(), Problem> {
        let revoked = self.ledger.as_ref().and_then(|ledger| ledger.revoked(digest));
        match revoked {
            Some(index) => Err(Problem::revoked(digest, index)),
            None => Ok(()),
        }
    }

    /// The entries about these bytes that are in force, as far as the checkpoint goes.
    pub(super) fn said_of(&self, digest: &Digest) -> Vec<u64> {
        let said = self.said.get(digest).into_iter().flatten().copied();
        said.filter(|index| *index < self.opened.tree.size()).collect()
    }

    /// The module of a repository.
    pub(super) fn module(&self, repository: &Repository) -> Option<&Name> {
        self.modules.get(repository)
    }

    fn take(&mut self, entry: &[u8]) {
        let leaf = Leaf::parse(entry).ok();
        let payload = leaf.as_ref().map(Leaf::payload);
        if self.ledger.is_none()
            && let Some(Payload::Root(root)) = payload
        {
            let mut ledger = Ledger::new(root.digest());
            for _ in 0..self.size {
                // What was said before anybody could say anything is refused, and counted.
                let _ = ledger.apply(&[]);
            }
            self.ledger = Some(ledger);
        }
        let ledger = self.ledger.as_mut();
        let taken = ledger.map(|ledger| ledger.apply(entry));
        if let (Some(Ok(Effect::InForce)), Some(payload)) = (taken, payload) {
            if let Some(digest) = subject(payload) {
                self.said.entry(digest).or_default().push(self.size);
            }
            if let Payload::ModuleRelease(release) = payload {
                let repository = Repository::of(&release.name);
                self.modules
                    .entry(repository)
                    .or_insert_with(|| release.name.clone());
            }
        }
        self.size += 1;
    }
}

/// The bytes that an entry is about.
fn subject(payload: &Payload) -> Option<Digest> {
    match payload {
        Payload::ModuleRelease(release) => Some(release.digest),
        Payload::RebuildAttest(attest) => Some(attest.digest),
        Payload::ModuleYank(yank) => Some(yank.digest),
        Payload::ModuleRevoke(revoke) => Some(revoke.digest),
        Payload::ScriptPublish(publication) | Payload::ListPublish(publication) => Some(publication.digest),
        Payload::ScriptRevoke(revoke) => Some(revoke.digest),
        Payload::Snapshot(snapshot) => Some(snapshot.digest),
        _ => None,
    }
}
