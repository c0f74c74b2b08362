//! One step of a client: from the log as it knew it to the log that a checkpoint speaks of.

use super::{Client, ClientError, Floor};
use crate::fetch::{Entries, FetchError, Fetched, Progress, consistency};
use crate::leaf::{Leaf, Payload};
use crate::ledger::{Effect, Ledger};
use crate::policy::Opened;
use crate::proof::ProofError;
use crate::root::Root;
use crate::tiles::Path;
use crate::tree::Tree;
use crate::words::Digest;

/// A step that is being made. It has what it needs of the client, which stays as it is until the step is accepted.
#[derive(Debug)]
pub struct Advance {
    origin: String,
    opened: Opened,
    /// What the log was, and the newest time at which it was seen.
    tree: Tree,
    time: u64,
    /// The roots that are known, and those of them that the leaves that were read have.
    roots: Vec<Root>,
    logged: Vec<Root>,
    /// The ledger, if there are leaves to read.
    ledger: Option<Ledger>,
    entries: Entries,
    is_consistent: bool,
    /// The size and the document that the ledger was read from, which a snapshot is to name.
    unnamed: Option<(u64, Digest)>,
    fetched: Fetched,
}

/// A step for which everything was read, and is as it should be.
#[derive(Debug)]
pub struct Step {
    pub(super) from: Tree,
    pub(super) roots: Vec<Root>,
    pub(super) floor: Floor,
    pub(super) ledger: Option<Ledger>,
}

impl Advance {
    pub(super) fn new(
        client: &Client,
        opened: Opened,
        from: Option<(Ledger, Digest)>,
    ) -> Result<Self, ClientError> {
        let (given, document) = from.unzip();
        let read = given.as_ref().unwrap_or(&client.ledger).size();
        let unnamed = document.map(|document| (read, document));
        let size = opened.tree.size();
        let entries =
            Entries::new(opened.tree, read..size).map_err(|error| ClientError::Files(error.into()))?;
        let grown = (read < size).then(|| client.ledger.clone());
        let floor = client.floor.as_ref();
        Ok(Self {
            origin: client.root()?.log().origin.clone(),
            tree: floor.map_or(Tree::EMPTY, |floor| floor.tree),
            time: floor.map_or(opened.time, |floor| floor.time.max(opened.time)),
            opened,
            roots: client.roots.clone(),
            logged: client.ledger.roots().to_vec(),
            ledger: given.or(grown),
            entries,
            is_consistent: false,
            unnamed,
            fetched: Fetched::new(),
        })
    }

    /// Give a file that was asked for, from wherever. Read no more of it than its path's [`max_len`](Path::max_len).
    pub fn supply(&mut self, path: Path, bytes: Vec<u8>) {
        self.fetched.insert(path, bytes);
    }

    /// Go on. After an error all files are forgotten, and it can be tried again with those of another mirror.
    pub fn go_on(&mut self) -> Result<Progress<Step>, ClientError> {
        let outcome = self.read();
        if outcome.is_err() {
            self.fetched.clear();
        }
        outcome
    }

    fn read(&mut self) -> Result<Progress<Step>, ClientError> {
        if !self.is_consistent {
            if let Progress::Need(paths) = consistency(self.tree, self.opened.tree, &self.fetched)? {
                return Ok(Progress::Need(paths));
            }
            self.is_consistent = true;
        }
        loop {
            let batch = match self.entries.next(&self.fetched)? {
                Progress::Need(paths) => return Ok(Progress::Need(paths)),
                Progress::Done(batch) => batch,
            };
            let (Some(batch), Some(ledger)) = (batch, &mut self.ledger) else {
                break;
            };
            for leaf in batch.entries {
                // A refused leaf has no effect, and the ledger remembers why.
                let is_in_force = ledger.apply(leaf) == Ok(Effect::InForce);
                if is_in_force && self.unnamed.is_some_and(|unnamed| names(leaf, unnamed)) {
                    self.unnamed = None;
                }
            }
            // Entries are read once; tiles may be needed again.
            self.fetched.retain(|path, _| !path.is_entries());
        }
        self.finish().map(Progress::Done)
    }

    fn finish(&mut self) -> Result<Step, ClientError> {
        if let Some((_, document)) = self.unnamed {
            return Err(ClientError::NoSnapshot(document));
        }
        let logged = self.ledger.as_ref().map_or(&*self.logged, Ledger::roots);
        for (at, root) in self.roots.iter().enumerate() {
            if !logged.get(at).is_some_and(|logged| logged.says_the_same_as(root)) {
                return Err(ClientError::RootNotInLog {
                    version: root.version(),
                    digest: root.digest(),
                });
            }
        }
        let roots = logged.to_vec();
        let floor = Floor {
            origin: self.origin.clone(),
            tree: self.opened.tree,
            time: self.time,
            root_version: roots.last().map_or(0, Root::version),
        };
        let (from, ledger) = (self.tree, self.ledger.take());
        Ok(Step {
            from,
            roots,
            floor,
            ledger,
        })
    }
}

/// Whether a leaf says that the log had come to this document after so many leaves.
fn names(leaf: &[u8], (size, digest): (u64, Digest)) -> bool {
    let leaf = Leaf::parse(leaf);
    leaf.is_ok_and(|leaf| {
        let payload = leaf.payload();
        matches!(payload, Payload::Snapshot(snapshot) if snapshot.size == size && snapshot.digest == digest)
    })
}

impl From<FetchError> for ClientError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Proof(ProofError::Forked { old: seen, found }) => Self::Forked { seen, found },
            error => Self::Files(error),
        }
    }
}
