//! A log with what its entries have come to.

use super::{Appended, Object, ROOTS, SNAPSHOT, Sequencer, SequencerError};
use netsonde_log::{
    keys::{KeyError, LogSecret},
    leaf::{Leaf, LeafError, Payload},
    ledger::{Effect, Ledger, Refused},
    root::Root,
};
use std::path::Path;

/// Why something was not published.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The folder.
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    /// The log's key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It can not be an entry.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// No probe would obey it.
    #[error("{0}; nothing was published")]
    Refused(#[from] Refused),
    /// No probe would know what it means.
    #[error("probes of this version do not know entries of type {0:?}; nothing was published")]
    Unknown(String),
    /// Nobody may say anything before there is a root.
    #[error("the log has no root yet: sign the first one with `netsonde-registry root sign`")]
    NoRoot,
}

/// A registry that something is published in.
pub struct Registry {
    log: Sequencer,
    /// None before the first root.
    ledger: Option<Ledger>,
    /// How many entries that is of.
    read: u64,
}

impl Registry {
    /// Make a registry, whose log has this origin and a key of its own.
    pub fn create(folder: &Path, origin: &str, seed: &[u8; 32], now: u64) -> Result<Self, RegistryError> {
        let secret = LogSecret::new(origin, seed)?;
        let log = Sequencer::create(folder, &secret, now)?;
        Ok(Self {
            log,
            ledger: None,
            read: 0,
        })
    }

    /// Open the registry of a folder: read everything that was ever published.
    pub fn open(folder: &Path, now: u64) -> Result<Self, RegistryError> {
        let log = Sequencer::open(folder, now)?;
        let mut registry = Self {
            log,
            ledger: None,
            read: 0,
        };
        registry.catch_up()?;
        for root in registry.ledger.iter().flat_map(Ledger::roots) {
            registry.show_root(root)?;
        }
        registry.show_snapshot()?;
        registry.follow_key(now)?;
        Ok(registry)
    }

    /// The log.
    pub fn log(&self) -> &Sequencer {
        &self.log
    }

    /// What is in force.
    pub fn ledger(&self) -> Result<&Ledger, RegistryError> {
        self.ledger.as_ref().ok_or(RegistryError::NoRoot)
    }

    /// The root of this version, if it is published.
    pub fn root(&self, version: u64) -> Option<&Root> {
        let mut roots = self.ledger.iter().flat_map(Ledger::roots);
        roots.find(|root| root.version() == version)
    }

    /// Publish a root: the first, or the one that follows.
    pub fn publish_root(&mut self, root: Root, now: u64) -> Result<Appended, RegistryError> {
        let origin = self.log.key().name().to_owned();
        // Nothing is published that this log could not go on from.
        if root.log().log != self.log.key() {
            self.log.next_key(&root.log().log)?;
        }
        let appended = self.publish(&Leaf::new(&origin, &Payload::Root(Box::new(root)))?, now)?;
        self.follow_key(now)?;
        Ok(appended)
    }

    /// Sign with the key that the root in force names.
    fn follow_key(&mut self, now: u64) -> Result<(), RegistryError> {
        let Some(root) = self.ledger.as_ref().and_then(Ledger::root) else {
            return Ok(());
        };
        let wanted = root.log().log.clone();
        if wanted != self.log.key() {
            self.log.change_key(&wanted, now)?;
        }
        Ok(())
    }

    /// Publish an entry, if every probe will take it for what it is.
    pub fn publish(&mut self, leaf: &Leaf, now: u64) -> Result<Appended, RegistryError> {
        self.publish_all(std::slice::from_ref(leaf), &[], now)
    }

    /// Publish entries, all or none, with what they name.
    pub fn publish_all(
        &mut self,
        leaves: &[Leaf],
        objects: &[Object],
        now: u64,
    ) -> Result<Appended, RegistryError> {
        let entries: Vec<Vec<u8>> = leaves.iter().map(Leaf::to_bytes).collect();
        loop {
            self.catch_up()?;
            let ledger = self.with(leaves)?;
            // Before the entries: whoever reads them can have what they are about.
            self.log.store(objects)?;
            for leaf in leaves {
                if let Payload::Root(root) = leaf.payload() {
                    self.show_root(root)?;
                }
            }
            if let Some(appended) = self.log.append_at(self.read, &entries, now)? {
                self.ledger = Some(ledger);
                self.read = appended.numbers.end;
                self.show_snapshot()?;
                return Ok(appended);
            }
        }
    }

    /// What would be in force with these entries, if every probe would take them for what they are.
    pub fn with(&self, leaves: &[Leaf]) -> Result<Ledger, RegistryError> {
        let mut ledger = match (&self.ledger, leaves.first().map(Leaf::payload)) {
            (Some(ledger), _) => ledger.clone(),
            (None, Some(Payload::Root(root))) => Ledger::new(root.digest()),
            (None, _) => return Err(RegistryError::NoRoot),
        };
        for leaf in leaves {
            match ledger.apply(&leaf.to_bytes())? {
                Effect::InForce => {}
                Effect::Unknown(kind) => return Err(RegistryError::Unknown(kind)),
            }
        }
        Ok(ledger)
    }

    /// Read what others have published since.
    pub fn catch_up(&mut self) -> Result<(), RegistryError> {
        for entry in self.log.entries(self.read)? {
            self.read(&entry);
            self.read += 1;
        }
        Ok(())
    }

    /// Have it said beside the log which document probes can begin with.
    fn show_snapshot(&self) -> Result<(), RegistryError> {
        let Some(snapshot) = self.ledger.as_ref().and_then(Ledger::snapshot) else {
            return Ok(());
        };
        Ok(self
            .log
            .put(SNAPSHOT, format!("{}\n", snapshot.digest).as_bytes())?)
    }

    /// Have a root served beside the log: who knows its digest begins with it.
    fn show_root(&self, root: &Root) -> Result<(), RegistryError> {
        let path = format!("{ROOTS}/{}.json", root.version());
        Ok(self.log.put(&path, &root.document().to_bytes())?)
    }

    /// Read an entry that was published before; what came before the first root has no effect.
    fn read(&mut self, entry: &[u8]) {
        if self.ledger.is_none()
            && let Ok(leaf) = Leaf::parse(entry)
            && let Payload::Root(root) = leaf.payload()
        {
            self.ledger = Some(Ledger::new(root.digest()));
        }
        if let Some(ledger) = &mut self.ledger {
            // What is refused stands in the ledger.
            let _ = ledger.apply(entry);
        }
    }
}
