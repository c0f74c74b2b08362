//! The ledger: what is in force after so many leaves. Everybody who reads the same log has the same.
//!
//! Leaves go in one after another. One that does not hold under the root in force has no effect and is remembered with its
//! reason; nothing that is appended to a log can stop the reading of it, or bring back what was taken away. Time plays no part
//! in what goes in: it is asked about when something is to be done (`ask`, `orders`).

use crate::leaf::{Flags, Heartbeat, Leaf, Payload, Publication, RegistryPolicy, Snapshot};
use crate::role::{Role, RoleKey};
use crate::root::Root;
use crate::words::{Digest, Name, Version};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod ask;
mod authority;
mod document;
mod events;
mod modules;
mod orders;
mod published;
mod refused;
#[cfg(test)]
mod tests;

pub use ask::WhyNot;
pub use authority::may_say;
pub use document::{DOCUMENT_LIMIT, DocumentError};
pub use events::Event;
pub use modules::Release;
pub use orders::Order;
pub use refused::Refused;

use authority::Approval;
use modules::Attestation;
use published::Slots;

/// How many refused leaves are remembered: the newest.
const REMEMBERED: usize = 256;

/// What became of a leaf that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is in force.
    InForce,
    /// It is of a type that this version does not know.
    Unknown(String),
}

/// What is in force after so many leaves.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The digest of the first root: the one thing that is believed without being asked.
    trusted: Digest,
    size: u64,
    roots: Vec<Root>,
    policy: Option<(u64, RegistryPolicy)>,
    releases: BTreeMap<Digest, Release>,
    versions: BTreeMap<Name, BTreeMap<Version, Digest>>,
    attestations: BTreeMap<Digest, Vec<Attestation>>,
    /// Bytes that never run again, with the leaf that said so.
    revoked: BTreeMap<Digest, u64>,
    scripts: BTreeMap<Name, Slots<Publication>>,
    lists: BTreeMap<Name, Slots<Publication>>,
    flags: Slots<Flags>,
    events: BTreeMap<Name, Event>,
    snapshot: Option<(u64, Snapshot)>,
    heartbeat: Option<(u64, Heartbeat)>,
    /// The leaves that all of the above is made of, by index: who has them in this order has the same ledger.
    kept: BTreeMap<u64, Vec<u8>>,
    refused: VecDeque<(u64, Refused)>,
    refusals: u64,
}

impl Ledger {
    /// The ledger of a log without leaves, whose first root is to be the one of this digest.
    pub fn new(first_root: Digest) -> Self {
        Self {
            trusted: first_root,
            size: 0,
            roots: Vec::new(),
            policy: None,
            releases: BTreeMap::new(),
            versions: BTreeMap::new(),
            attestations: BTreeMap::new(),
            revoked: BTreeMap::new(),
            scripts: BTreeMap::new(),
            lists: BTreeMap::new(),
            flags: Slots::default(),
            events: BTreeMap::new(),
            snapshot: None,
            heartbeat: None,
            kept: BTreeMap::new(),
            refused: VecDeque::new(),
            refusals: 0,
        }
    }

    /// Read the next leaf of the log, the one with the index [`Self::size`]. Whatever comes of it, it is read.
    pub fn apply(&mut self, leaf: &[u8]) -> Result<Effect, Refused> {
        let outcome = self.read(leaf);
        match &outcome {
            Ok(Effect::InForce) => drop(self.kept.insert(self.size, leaf.to_vec())),
            Ok(Effect::Unknown(_)) => {}
            Err(refused) => {
                self.refusals += 1;
                self.refused.push_back((self.size, refused.clone()));
                if self.refused.len() > REMEMBERED {
                    self.refused.pop_front();
                }
            }
        }
        self.size += 1;
        outcome
    }

    /// How many leaves were read.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root in force, unless there was none yet.
    pub fn root(&self) -> Option<&Root> {
        self.roots.last()
    }

    /// The bytes of the leaf of this index, if what it says still counts.
    pub fn leaf(&self, index: u64) -> Option<&[u8]> {
        self.kept.get(&index).map(Vec::as_slice)
    }

    /// All roots so far, from the first.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// What the log was last said to have come to.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref().map(|(_, snapshot)| snapshot)
    }

    /// When the log was last said to be alive.
    pub fn heartbeat(&self) -> Option<u64> {
        self.heartbeat.as_ref().map(|(_, heartbeat)| heartbeat.time)
    }

    /// The leaves that were refused last, with their indices. Of older ones only the number is known.
    pub fn refused(&self) -> impl Iterator<Item = (u64, &Refused)> {
        self.refused.iter().map(|(index, refused)| (*index, refused))
    }

    /// How many leaves were refused since this ledger was made or read.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Effect, Refused> {
        let leaf = Leaf::parse(bytes)?;
        if let Payload::Unknown { kind } = leaf.payload() {
            return Ok(Effect::Unknown(kind.clone()));
        }
        if let Payload::Root(root) = leaf.payload() {
            return self.follow(&leaf, root).map(|()| Effect::InForce);
        }
        let root = self.root().ok_or(Refused::NoRoot)?;
        let approval = authority::approve(&leaf, root)?;
        self.take(leaf.payload(), approval)?;
        Ok(Effect::InForce)
    }

    fn follow(&mut self, leaf: &Leaf, next: &Root) -> Result<(), Refused> {
        if !leaf.signatures().is_empty() {
            return Err(Refused::SignedOutside);
        }
        match self.roots.last() {
            Some(root) => root.check_next(next)?,
            None if next.digest() == self.trusted => next.check_first()?,
            None => {
                let (trusted, found) = (self.trusted, next.digest());
                return Err(Refused::OtherFirstRoot { trusted, found });
            }
        }
        if leaf.log() != next.log().origin {
            return Err(Refused::OtherLog(leaf.log().to_owned()));
        }
        self.roots.push(next.clone());
        Ok(())
    }

    fn take(&mut self, payload: &Payload, approval: Approval) -> Result<(), Refused> {
        let role = approval.role;
        match payload {
            // Read before: neither is signed by a role.
            Payload::Root(_) | Payload::Unknown { .. } => Ok(()),
            Payload::Policy(policy) => self.set_policy(policy),
            Payload::ModuleRelease(release) => self.release(release, approval.signers),
            Payload::RebuildAttest(attest) => self.attest(attest, approval.signers),
            Payload::ModuleYank(yank) => self.yank(yank),
            Payload::ModuleRevoke(revoke) => self.revoke(revoke.digest),
            Payload::ScriptRevoke(revoke) => self.revoke(revoke.digest),
            Payload::ScriptPublish(script) => self.publish_script(script, role),
            Payload::ListPublish(list) => self.publish_list(list, role),
            Payload::Flags(flags) => self.set_flags(flags, role),
            Payload::EventSchedule(event) => self.schedule(event, approval.signers.len()),
            Payload::EventWiden(widen) => self.widen(widen, role),
            Payload::EventCancel(cancel) => self.cancel(cancel),
            Payload::EventClose(close) => self.close(close),
            Payload::Snapshot(snapshot) => self.set_snapshot(snapshot),
            Payload::Heartbeat(heartbeat) => self.beat(heartbeat),
        }
    }

    /// What the leaf of this index said is no longer so.
    fn forget(&mut self, index: u64) {
        self.kept.remove(&index);
    }

    fn set_policy(&mut self, policy: &RegistryPolicy) -> Result<(), Refused> {
        let before = self
            .policy
            .as_ref()
            .map(|(index, policy)| (*index, policy.issued));
        let replaced = newer(before, policy.issued)?;
        self.policy = Some((self.size, policy.clone()));
        self.replace(replaced);
        Ok(())
    }

    fn set_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Refused> {
        if snapshot.size > self.size {
            return Err(Refused::SnapshotAhead(snapshot.size));
        }
        let before = self
            .snapshot
            .as_ref()
            .map(|(index, before)| (*index, before.size));
        let replaced = newer(before, snapshot.size)?;
        self.snapshot = Some((self.size, snapshot.clone()));
        self.replace(replaced);
        Ok(())
    }

    fn beat(&mut self, heartbeat: &Heartbeat) -> Result<(), Refused> {
        let before = self
            .heartbeat
            .as_ref()
            .map(|(index, before)| (*index, before.time));
        let replaced = newer(before, heartbeat.time)?;
        self.heartbeat = Some((self.size, heartbeat.clone()));
        self.replace(replaced);
        Ok(())
    }

    fn replace(&mut self, index: Option<u64>) {
        if let Some(index) = index {
            self.forget(index);
        }
    }
}

/// Whether something that counts up may take the place of what was there before, and the index of the leaf that said that.
/// Without this whoever appends could put back anything that was ever signed.
fn newer(before: Option<(u64, u64)>, after: u64) -> Result<Option<u64>, Refused> {
    match before {
        Some((_, before)) if after <= before => Err(Refused::Replayed { before, after }),
        before => Ok(before.map(|(index, _)| index)),
    }
}

type Signers = BTreeSet<RoleKey>;

/// Whether what was said in this role is the short-lived kind.
fn is_emergency(role: Role) -> bool {
    role == Role::Emergency
}
