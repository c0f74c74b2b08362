//! Why a leaf has no effect.

use crate::leaf::LeafError;
use crate::role::Role;
use crate::root::RootError;
use crate::words::{Digest, KeyId, Name, Version};

/// Why a leaf has no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no leaf: too long, altered, not canonical, or with fields that it should not have.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// Its root document is not one that follows.
    #[error("follow a root: {0}")]
    Root(#[from] RootError),
    /// The first root in the log is not the one that is trusted.
    #[error(
        "the first root has the digest {found}, and the one that is trusted has {trusted}: this is another log, or a forged one"
    )]
    OtherFirstRoot {
        /// The digest of the one that is trusted.
        trusted: Digest,
        /// That of the one in the log.
        found: Digest,
    },
    /// A root document carries its signatures inside.
    #[error("a leaf with a root has signatures of its own: leave `sigs` empty")]
    SignedOutside,
    /// Nobody can say anything before it is known who may.
    #[error("there is no root yet: append the first root before anything else")]
    NoRoot,
    /// It was signed for another log.
    #[error("it was signed for the log \"{0}\": sign it for this one")]
    OtherLog(String),
    /// Nobody signed it.
    #[error("nobody signed it: have it signed")]
    NotSigned,
    /// Its signatures are in different roles.
    #[error("it is signed in the roles {0} and {1}: have it signed in one role")]
    TwoRoles(Role, Role),
    /// The role may not say this.
    #[error("the role {role} may not say {kind}: have it signed in a role that may")]
    WrongRole {
        /// The role that it is signed in.
        role: Role,
        /// The type of the leaf.
        kind: String,
    },
    /// Nobody has the role.
    #[error("nobody has the role {0} under the root in force: give it to somebody first")]
    NobodyHas(Role),
    /// A signature with a key that does not have the role.
    #[error(
        "key {keyid} does not have the role {role} under the root in force: have it signed with one that has"
    )]
    NotInRole {
        /// The role.
        role: Role,
        /// The key.
        keyid: KeyId,
    },
    /// A signature that is none of these bytes.
    #[error(
        "the signature of key {keyid} in the role {role} is not one of this leaf: it was altered, or signed wrongly"
    )]
    BadSignature {
        /// The role.
        role: Role,
        /// The key.
        keyid: KeyId,
    },
    /// One key signed twice.
    #[error("there are two signatures of key {0}: keep one")]
    SignedTwice(KeyId),
    /// Too few signed it.
    #[error("it is signed by {signed} of the {needed} that the role {role} needs for it: have more sign it")]
    TooFew {
        /// The role.
        role: Role,
        /// How many distinct keys signed.
        signed: u64,
        /// How many must.
        needed: u64,
    },
    /// It is not newer than what it would replace: somebody puts back what was signed before.
    #[error(
        "it counts {after}, and what is in force counts {before}: what was signed before can not be put back"
    )]
    Replayed {
        /// What is in force: its time, or its size.
        before: u64,
        /// What this leaf has.
        after: u64,
    },
    /// It says what is so already.
    #[error("it says what is so already, since leaf {0}")]
    Already(u64),
    /// The bytes were revoked, which is final.
    #[error("{digest} was revoked by leaf {index}, which is final: release other bytes")]
    Revoked {
        /// The bytes.
        digest: Digest,
        /// The leaf that revoked them.
        index: u64,
    },
    /// There is this version already, with other bytes.
    #[error("{name} {version} is {digest}: other bytes need another version")]
    OtherBytes {
        /// The module.
        name: Name,
        /// The version.
        version: Version,
        /// The bytes that it has.
        digest: Digest,
    },
    /// The bytes are another module, or another version.
    #[error("{digest} is {name} {version} already: the same bytes have one name")]
    OtherName {
        /// The bytes.
        digest: Digest,
        /// The name that they have.
        name: Name,
        /// The version that they have.
        version: Version,
    },
    /// A version that is not higher than all before it.
    #[error("{name} is at {newest} already: versions go up, release {version} as a higher one")]
    Downgrade {
        /// The module.
        name: Name,
        /// The highest version.
        newest: Version,
        /// The one that is lower.
        version: Version,
    },
    /// It speaks of a module that was not released like that.
    #[error(
        "{name} {version} with the bytes {digest} and this source was not released: compare it with the release"
    )]
    OtherRelease {
        /// The name in the leaf.
        name: Name,
        /// The version in the leaf.
        version: Version,
        /// The bytes in the leaf.
        digest: Digest,
    },
    /// Who released a module attests that it was rebuilt.
    #[error("{digest} is attested with a key that signed its release: have somebody else rebuild it")]
    OwnAttestation {
        /// The module.
        digest: Digest,
    },
    /// In an emergency things are switched off, not on.
    #[error(
        "the role emergency switches {0} on, and may switch off only: have it signed in the role scripts"
    )]
    EmergencySwitchesOn(Name),
    /// There is no such event.
    #[error("there is no event {0}: schedule it first")]
    NoEvent(Name),
    /// The event was cancelled or closed.
    #[error("the event {0} is over: schedule another one")]
    EventIsOver(Name),
    /// A widening that does not widen.
    #[error("the event {id} has a share of {before} already, and not less than {after}: widen it to more")]
    NotWider {
        /// The event.
        id: Name,
        /// The share that it has.
        before: u64,
        /// The share that it was to get.
        after: u64,
    },
    /// A snapshot of leaves that are not there yet.
    #[error("a snapshot of {0} leaves stands before the last of them: append it after those")]
    SnapshotAhead(u64),
}
