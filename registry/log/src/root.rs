//! The root documents: whose keys have which role, and which log it is. Each is signed by those of the one before it.
//!
//! They are root documents of TUF 1.0 as other clients read them, with two fields more, which those pass over: `x-roles`,
//! because TUF has no roles of these names, and `x-log`. What is stricter here: nobody counts twice. A key has one id, is
//! listed once, and whoever signs is counted by public key.

use crate::canonical::fields::{Fields, ToValue as _, record};
use crate::canonical::{Limits, Misfit, ParseError, Value};
use crate::keys::{LogKey, WitnessKey};
use crate::policy::{Policy, PolicyError};
use crate::role::{Role, RoleKey};
use crate::words::{Digest, Hex, KeyId};
use std::collections::{BTreeMap, BTreeSet};

mod draft;
mod reading;
#[cfg(test)]
mod tests;

pub use draft::RootDraft;

/// What a root document may not exceed: it has to fit into a leaf, beside what a leaf says around it.
pub const LIMITS: Limits = Limits {
    bytes: 65_000,
    depth: 16,
};

/// Why something is no root document, or not one to follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Not JSON of the kind that is signed.
    #[error("read a root document: {0}")]
    Json(#[from] ParseError),
    /// A part of it is missing or wrong.
    #[error("read a root document: {0}")]
    Field(#[from] Misfit),
    /// A key under an id that is not its own.
    #[error("key {id} has the id {real}: list it under that")]
    KeyId {
        /// The id that it is listed under.
        id: KeyId,
        /// Its own.
        real: KeyId,
    },
    /// One key twice, which one person could then sign with twice.
    #[error("the public key {0:?} is listed twice: list it once")]
    KeyTwice(RoleKey),
    /// A role has a key that is not there.
    #[error(
        "the role {role} has the key {id}, which is not among the keys: add it, or take it from the role"
    )]
    NoSuchKey {
        /// The role.
        role: String,
        /// The key.
        id: KeyId,
    },
    /// A role has a key twice.
    #[error("the role {role} has the key {id} twice: list it once")]
    TwiceInRole {
        /// The role.
        role: String,
        /// The key.
        id: KeyId,
    },
    /// A threshold that nobody, or everybody, could meet.
    #[error("the role {role} asks for {threshold} of {keys} keys: ask for 1 at least, and for all at most")]
    Threshold {
        /// The role.
        role: String,
        /// What it asks for.
        threshold: u64,
        /// How many keys it has.
        keys: usize,
    },
    /// Nobody could be believed of the log, or one witness counts as two.
    #[error("read a root document: {0}")]
    Log(#[from] PolicyError),
    /// One key signed twice.
    #[error("there are two signatures of key {0}: keep one")]
    SignedTwice(KeyId),
    /// A signature of somebody who has no say in this.
    #[error("key {0} signed, and has the role root neither before nor after: remove the signature")]
    NotASigner(KeyId),
    /// A signature that is none of these bytes.
    #[error("the signature of key {0} is not one of this document: it was altered, or signed wrongly")]
    BadSignature(KeyId),
    /// Too few of those who must sign.
    #[error(
        "version {next} is signed by {signed} of the {threshold} that the roots of version {version} must be: have more sign it"
    )]
    TooFew {
        /// The version that is to be followed.
        next: u64,
        /// The version whose root role was asked.
        version: u64,
        /// How many distinct keys of it signed.
        signed: u64,
        /// How many must.
        threshold: u64,
    },
    /// Not the version that follows.
    #[error("version {next} does not follow version {version}: versions go up by one")]
    Version {
        /// The version in force.
        version: u64,
        /// The version that was to follow.
        next: u64,
    },
    /// It names another log.
    #[error("the root of log {own} can not be followed by one of log {other}: sign for one log only")]
    OtherLog {
        /// The log so far.
        own: String,
        /// The other.
        other: String,
    },
}

/// The keys of a role, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    keys: BTreeSet<RoleKey>,
    threshold: u64,
}

impl RoleKeys {
    /// Keys of a role. Each is there once, and the threshold is one that they can meet.
    pub fn new(role: Role, keys: &[RoleKey], threshold: u64) -> Result<Self, RootError> {
        let distinct: BTreeSet<RoleKey> = keys.iter().copied().collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = keys.iter().find(|key| !seen.insert(**key)) {
            return Err(RootError::KeyTwice(*twice));
        }
        let role = role.to_string();
        reading::check_threshold(&role, threshold, distinct.len())?;
        let keys = distinct;
        Ok(Self { keys, threshold })
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &RoleKey> {
        self.keys.iter()
    }

    /// How many of them must sign.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The key of this id, if it has the role.
    pub fn key(&self, id: &KeyId) -> Option<&RoleKey> {
        self.keys.iter().find(|key| key.id() == *id)
    }
}

record! {
    /// Which log it is, and whose word a checkpoint of it needs.
    pub struct LogIdentity {
        /// The name of the log, which every checkpoint and every leaf has in it.
        origin: String,
        /// The key that signs its checkpoints.
        log: LogKey,
        /// Those who say that they saw a checkpoint, each by another public key.
        witnesses: Vec<WitnessKey>,
        /// How many of them must.
        quorum: u64,
    }
}

/// A root document whose parts fit together. Whether it is to be followed is asked of the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    document: Value,
    /// What is signed: the canonical bytes of `signed`.
    message: Vec<u8>,
    signatures: BTreeMap<KeyId, Hex<64>>,
    version: u64,
    expires: u64,
    roles: BTreeMap<Role, RoleKeys>,
    owners: RoleKeys,
    log: LogIdentity,
    policy: Policy,
}

impl Root {
    /// Read a root document, in whatever way its JSON is written.
    pub fn parse(bytes: &[u8]) -> Result<Self, RootError> {
        Self::from_document(Value::parse(bytes, LIMITS)?)
    }

    /// The same of JSON that was read before.
    pub fn from_document(document: Value) -> Result<Self, RootError> {
        reading::root(document)
    }

    /// The document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The digest of the canonical document with its signatures: what a probe can be built to trust.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.document.to_bytes())
    }

    /// Whether both say the same, whoever signed them.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.message == other.message
    }

    /// Which of the roots it is.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The end of its validity, in seconds since 1970. At this second it is over.
    pub fn expires(&self) -> u64 {
        self.expires
    }

    /// Which log it is for.
    pub fn log(&self) -> &LogIdentity {
        &self.log
    }

    /// Whose signatures a checkpoint of the log needs.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys of a role. `None`: nobody has it.
    pub fn role(&self, role: Role) -> Option<&RoleKeys> {
        match role {
            Role::Root => Some(&self.owners),
            role => self.roles.get(&role),
        }
    }

    /// Whether as many of its own roots signed it as it asks for: what a first root, trusted for what it is, must show.
    pub fn check_first(&self) -> Result<(), RootError> {
        self.check_signatures(self)?;
        self.check_approval_of(self)
    }

    /// Whether `next` may follow: signed by the thresholds of both sets, with nothing else in its signatures.
    pub fn check_next(&self, next: &Self) -> Result<(), RootError> {
        if self.version.checked_add(1) != Some(next.version) {
            return Err(RootError::Version {
                version: self.version,
                next: next.version,
            });
        }
        if self.log.origin != next.log.origin {
            return Err(RootError::OtherLog {
                own: self.log.origin.clone(),
                other: next.log.origin.clone(),
            });
        }
        next.check_signatures(self)?;
        self.check_approval_of(next)?;
        next.check_approval_of(next)
    }

    /// Whether each signature is one by somebody who may sign.
    fn check_signatures(&self, before: &Self) -> Result<(), RootError> {
        for (id, signature) in &self.signatures {
            let key = before.owners.key(id).or_else(|| self.owners.key(id));
            let key = key.ok_or(RootError::NotASigner(*id))?;
            if !key.verifies(&self.message, signature) {
                return Err(RootError::BadSignature(*id));
            }
        }
        Ok(())
    }

    /// Whether enough of these roots signed `next`. They are distinct public keys, each asked once.
    fn check_approval_of(&self, next: &Self) -> Result<(), RootError> {
        let has_signed = |key: &&RoleKey| {
            let signature = next.signatures.get(&key.id());
            signature.is_some_and(|signature| key.verifies(&next.message, signature))
        };
        let signed = self.owners.keys().filter(has_signed).map(|_| 1).sum();
        if signed >= self.owners.threshold {
            return Ok(());
        }
        Err(RootError::TooFew {
            next: next.version,
            version: self.version,
            signed,
            threshold: self.owners.threshold,
        })
    }
}
