//! What a probe knows of the log, and how it learns more: the state machine that believes nobody.
//!
//! A client is built with one first root. It follows the chain of roots, takes a checkpoint that the log and a quorum of
//! witnesses signed, has the log prove that it only grew, reads the new leaves, and only then is one step further. Whatever
//! fails leaves it where it was. It fetches nothing and stores nothing: [`Advance`] says which files it needs, and what is
//! to be kept is [`Client::floor`] and the ledger's document.
//!
//! ```text
//! let mut advance = client.advance(&checkpoint, now)?;
//! let step = loop {
//!     match advance.go_on()? {
//!         Progress::Done(step) => break step,
//!         Progress::Need(paths) => for path in paths {
//!             advance.supply(path, get(path, path.max_len()));    // from wherever
//!         },
//!     }
//! };
//! client.accept(step)?;
//! keep(client.floor());                                           // first
//! keep(client.ledger().to_document());                            // each whole, or not at all
//! ```
//!
//! The floor goes first: whoever is stopped between the two has a ledger that is behind its floor, which still has all that was
//! stopped before, lets nothing be run that was released, and is read on. A ledger that is ahead of its floor is refused, and what
//! it says was stopped would be forgotten until somebody can be asked.

use crate::fetch::FetchError;
use crate::leaf::Publication;
use crate::ledger::{DocumentError, Ledger, Order, Release, WhyNot};
use crate::policy::{OpenError, Opened};
use crate::root::{Root, RootError};
use crate::tree::{Hash, Tree};
use crate::words::{Digest, Name};

mod advance;
mod floor;
#[cfg(test)]
mod tests;

pub use advance::{Advance, Step};
pub use floor::{Floor, FloorError};

/// What a client believes without being shown why.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The first root of the log.
    Root(Box<Root>),
    /// Its digest. The document is to be given with [`Client::learn`] before anything else.
    Digest(Digest),
}

/// Why a client does not go a step further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Only the digest of the first root is known.
    #[error("the first root is not known yet: give the document with the digest {0}")]
    NoRoot(Digest),
    /// Another document than the first root.
    #[error(
        "the first root has the digest {trusted}, and this document {found}: it is of another log, or forged"
    )]
    OtherFirstRoot {
        /// The digest of the one that is trusted.
        trusted: Digest,
        /// That of the document.
        found: Digest,
    },
    /// A root that is not one to follow.
    #[error("follow a root: {0}")]
    Root(#[from] RootError),
    /// The newest root that is known is over.
    #[error("root {version} has expired at {expires}: get the next one, or set the clock")]
    RootExpired {
        /// Which root.
        version: u64,
        /// When it expired.
        expires: u64,
    },
    /// A root was handed out that the log does not have: nobody else is to see it.
    #[error(
        "the log has no root {version} with the digest {digest}: one was handed out that others do not see"
    )]
    RootNotInLog {
        /// Its version.
        version: u64,
        /// Its digest.
        digest: Digest,
    },
    /// The clock of this device is behind what the log has shown before.
    #[error("it is {now} by this device's clock, and the log was seen at {seen}: set the clock")]
    ClockBehind {
        /// What the clock says.
        now: u64,
        /// When the log was seen.
        seen: u64,
    },
    /// A checkpoint that is not believed: not signed by the log, or not by enough witnesses.
    #[error("read a checkpoint: {0}")]
    Checkpoint(#[from] OpenError),
    /// The log is smaller than it was.
    #[error("the log has {found} leaves, and had {seen}: it was rolled back, ask another mirror")]
    RolledBack {
        /// How many it had.
        seen: u64,
        /// How many it has.
        found: u64,
    },
    /// The log is another one than it was: somebody is shown something else than others.
    #[error("the first {} leaves of the log are others than they were: their root was {}, and is {found}", seen.size(), seen.root())]
    Forked {
        /// What was seen.
        seen: Tree,
        /// The root of as many leaves now.
        found: Hash,
    },
    /// Files of the log that do not prove what they should.
    #[error(transparent)]
    Files(FetchError),
    /// A ledger's document that is none.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What was kept of the log does not fit together.
    #[error(
        "the floor is of {floor} leaves of the log {origin}, and does not go with what else was kept: read the log from its start"
    )]
    Kept {
        /// The log of the floor.
        origin: String,
        /// How many leaves it has.
        floor: u64,
    },
    /// Nobody who may say so has said that this is what the log had come to.
    #[error(
        "no snapshot in the log names the document {0}: read the log from its start, or take a document that it names"
    )]
    NoSnapshot(Digest),
    /// A document in place of leaves that were read.
    #[error("{0} leaves were read already: read on, a document can leave out what they said")]
    NotAtStart(u64),
    /// Two steps were begun, and the other one was gone first.
    #[error("the step is one from {from} leaves, and the client is at {tree} by now: begin another")]
    Overtaken {
        /// Where the step began.
        from: u64,
        /// Where the client is.
        tree: u64,
    },
}

impl ClientError {
    fn kept(floor: &Floor) -> Self {
        let (origin, floor) = (floor.origin.clone(), floor.tree.size());
        Self::Kept { origin, floor }
    }
}

/// What a probe knows of the log.
#[derive(Clone, Debug)]
pub struct Client {
    trusted: Digest,
    /// All roots that are known, from the first. The log may not have been read as far.
    roots: Vec<Root>,
    floor: Option<Floor>,
    ledger: Ledger,
}

impl Client {
    /// A client that knows nothing but the first root, and a floor if one comes with it.
    pub fn new(trust: Trust, floor: Option<Floor>) -> Result<Self, ClientError> {
        let trusted = match &trust {
            Trust::Root(root) => root.digest(),
            Trust::Digest(digest) => *digest,
        };
        let mut client = Self {
            trusted,
            roots: Vec::new(),
            floor,
            ledger: Ledger::new(trusted),
        };
        if let Trust::Root(root) = trust {
            client.follow(*root)?;
        }
        Ok(client)
    }

    /// The client that kept this floor and this ledger. A ledger that is behind its floor is no harm: it is read on.
    pub fn resume(trust: Trust, floor: Floor, document: &[u8]) -> Result<Self, ClientError> {
        let mut client = Self::new(trust, None)?;
        client.ledger = Ledger::from_document(client.trusted, document)?;
        if !client.ledger.roots().is_empty() {
            client.roots = client.ledger.roots().to_vec();
        }
        if client.ledger.size() > floor.tree.size() {
            return Err(ClientError::kept(&floor));
        }
        client.floor = Some(floor);
        Ok(client)
    }

    /// Learn of the next root before the log was read as far, or of the first if only its digest was known. The keys of the
    /// log itself may be new in it. The log must turn out to have it.
    pub fn learn(&mut self, document: &[u8]) -> Result<(), ClientError> {
        self.follow(Root::parse(document)?)
    }

    /// The newest root that is known.
    pub fn root(&self) -> Result<&Root, ClientError> {
        self.roots.last().ok_or(ClientError::NoRoot(self.trusted))
    }

    /// How far the log was read and when it was seen: what the log may not go behind. To be kept before the ledger is, whole or
    /// not at all.
    pub fn floor(&self) -> Option<&Floor> {
        self.floor.as_ref()
    }

    /// What the leaves have come to as far as they were read. Its document is to be kept once the floor is.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Begin a step with a checkpoint of the log.
    pub fn advance(&self, checkpoint: &[u8], now: u64) -> Result<Advance, ClientError> {
        let opened = self.open(checkpoint, now)?;
        Advance::new(self, opened, None)
    }

    /// Begin the first step of all with a ledger's document, in place of the leaves up to there. The log must have a snapshot
    /// that names it. Who has read leaves reads on: a document could leave out what they said.
    pub fn start(&self, document: &[u8], checkpoint: &[u8], now: u64) -> Result<Advance, ClientError> {
        let read = self.ledger.size();
        if read > 0 {
            return Err(ClientError::NotAtStart(read));
        }
        let opened = self.open(checkpoint, now)?;
        let ledger = Ledger::from_document(self.trusted, document)?;
        Advance::new(self, opened, Some((ledger, Digest::of(document))))
    }

    /// Go the step for which everything was read.
    pub fn accept(&mut self, step: Step) -> Result<(), ClientError> {
        if step.from != self.tree() {
            let (from, tree) = (step.from.size(), self.tree().size());
            return Err(ClientError::Overtaken { from, tree });
        }
        if step.roots.len() > self.roots.len() {
            self.roots = step.roots;
        }
        self.floor = Some(step.floor);
        if let Some(ledger) = step.ledger {
            self.ledger = ledger;
        }
        Ok(())
    }

    /// Whether these bytes may run, which were asked for by their digest.
    pub fn may_run(&self, digest: &Digest, now: u64) -> Result<&Release, WhyNot> {
        let (ledger, seen) = self.read()?;
        ledger.may_run(digest, seen, now)
    }

    /// The module to take of those of a name.
    pub fn newest(&self, name: &Name, now: u64) -> Result<&Release, WhyNot> {
        let (ledger, seen) = self.read()?;
        ledger.newest(name, seen, now)
    }

    /// The script of this name.
    pub fn script(&self, name: &Name, now: u64) -> Result<&Publication, WhyNot> {
        let (ledger, seen) = self.read()?;
        ledger.script(name, seen, now)
    }

    /// The script of this name that still holds, however old the news is.
    pub fn standing_script(&self, name: &Name, now: u64) -> Result<&Publication, WhyNot> {
        let (ledger, seen) = self.read()?;
        ledger.standing_script(name, seen, now)
    }

    /// The list of targets of this name.
    pub fn list(&self, name: &Name, now: u64) -> Result<&Publication, WhyNot> {
        let (ledger, seen) = self.read()?;
        ledger.list(name, seen, now)
    }

    /// The event of this name, if probes may take part in it now or later.
    pub fn order(&self, id: &Name, now: u64) -> Result<Order<'_>, WhyNot> {
        let (ledger, seen) = self.read()?;
        ledger.order(id, seen, now)
    }

    /// Whether a nettest was switched on or off. What was switched off is so although there are leaves that were not read.
    pub fn is_switched_on(&self, nettest: &Name, now: u64) -> Option<bool> {
        let seen = self.read().map_or(0, |(_, seen)| seen);
        self.ledger.is_switched_on(nettest, seen, now)
    }

    /// Whether people are to be told that there was no news from the log for long.
    pub fn is_news_late(&self, now: u64) -> bool {
        let floor = self.floor.as_ref();
        floor.is_some_and(|floor| self.ledger.is_news_late(floor.time, now))
    }

    /// The ledger, if it is of all leaves that are known to be there, and when that was seen.
    fn read(&self) -> Result<(&Ledger, u64), WhyNot> {
        let floor = self.floor.as_ref().ok_or(WhyNot::NoRoot)?;
        let (read, size) = (self.ledger.size(), floor.tree.size());
        if read < size {
            return Err(WhyNot::Unread { read, size });
        }
        Ok((&self.ledger, floor.time))
    }

    fn follow(&mut self, root: Root) -> Result<(), ClientError> {
        match self.roots.last() {
            Some(last) => last.check_next(&root)?,
            None if root.digest() == self.trusted => root.check_first()?,
            None => {
                let (trusted, found) = (self.trusted, root.digest());
                return Err(ClientError::OtherFirstRoot { trusted, found });
            }
        }
        self.roots.push(root);
        Ok(())
    }

    /// What a checkpoint says, if it is to be believed and not behind what is known.
    fn open(&self, checkpoint: &[u8], now: u64) -> Result<Opened, ClientError> {
        let root = self.root()?;
        if now >= root.expires() {
            return Err(ClientError::RootExpired {
                version: root.version(),
                expires: root.expires(),
            });
        }
        if let Some(floor) = self
            .floor
            .as_ref()
            .filter(|floor| floor.origin != root.log().origin)
        {
            return Err(ClientError::kept(floor));
        }
        let latest = now.saturating_add(self.ledger.policy().freshness.ahead);
        if let Some(seen) = self
            .floor
            .as_ref()
            .map(|floor| floor.time)
            .filter(|seen| *seen > latest)
        {
            return Err(ClientError::ClockBehind { now, seen });
        }
        let opened = root.policy().open(checkpoint, latest)?;
        let (seen, found) = (self.tree().size(), opened.tree.size());
        if found < seen {
            return Err(ClientError::RolledBack { seen, found });
        }
        Ok(opened)
    }

    /// All leaves that are known to be there.
    fn tree(&self) -> Tree {
        self.floor.as_ref().map_or(Tree::EMPTY, |floor| floor.tree)
    }
}
