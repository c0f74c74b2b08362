//! What is to be published, as a file that can be carried to the machine with the key and back: what is said, who has signed it,
//! and everything that it names.
//!
//! ```json
//! {"netsonde_proposal": 1, "leaf": {"payload": …, "sigs": […]}, "attestations": [{"payload": …, "sigs": […]}],
//!  "objects": [{"shelf": "objects", "base64": "…"}]}
//! ```
//!
//! Nobody vouches for the file: what counts are the signatures in it, and that the objects are what the leaf names.

use crate::folder::{Object, Shelf, hex_of};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use netsonde_log::{
    canonical::{ParseError, Value},
    leaf::{LIMITS, Leaf, LeafError, Payload},
    role::{Role, SecretRoleKey},
    words::Digest,
};
use serde::{Deserialize, Serialize};

/// The version of such files.
const VERSION: u64 = 1;
/// How many digits of a digest are enough to tell proposals apart, and can be read to somebody over the telephone.
const ID_DIGITS: usize = 12;

/// Why bytes are no proposal.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// Not the JSON of one.
    #[error("it is no proposal: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version of this program.
    #[error("it is a proposal of version {0}, and this program knows version {VERSION}")]
    Version(u64),
    /// What is said can not be read.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// What is said is not JSON of the kind that is signed.
    #[error(transparent)]
    Canonical(#[from] ParseError),
    /// There is no such place for objects.
    #[error("an object is for {0:?}, and there are scripts, lists and objects")]
    Shelf(String),
    /// The bytes of an object can not be read.
    #[error("read an object: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Something that is said is about bytes that are not there.
    #[error("the leaf names {0}, and the proposal does not have it: make it anew")]
    Missing(Digest),
    /// Bytes that nobody who signs would know of.
    #[error("the proposal has {0} besides, which the leaf does not name there: make it anew")]
    NotNamed(Digest),
    /// Something in the place of an attestation that is none of this module.
    #[error(
        "something is among the attestations that does not say that this module was rebuilt: make it anew"
    )]
    OtherAttestation,
}

/// What is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    leaf: Leaf,
    attestations: Vec<Leaf>,
    objects: Vec<Object>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    netsonde_proposal: u64,
    leaf: serde_json::Value,
    #[serde(default)]
    attestations: Vec<serde_json::Value>,
    #[serde(default)]
    objects: Vec<WrittenObject>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenObject {
    shelf: String,
    base64: String,
}

impl Proposal {
    /// To be said in the log of this origin, with what that names.
    pub fn new(log: &str, payload: &Payload, objects: Vec<Object>) -> Result<Self, ProposalError> {
        Self::checked(Leaf::new(log, payload)?, Vec::new(), objects)
    }

    /// Read a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProposalError> {
        let written: Written = serde_json::from_slice(bytes)?;
        if written.netsonde_proposal != VERSION {
            return Err(ProposalError::Version(written.netsonde_proposal));
        }
        let objects = written
            .objects
            .into_iter()
            .map(object)
            .collect::<Result<_, _>>()?;
        let attestations = written.attestations.iter().map(leaf).collect::<Result<_, _>>()?;
        Self::checked(leaf(&written.leaf)?, attestations, objects)
    }

    /// The file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProposalError> {
        let written = Written {
            netsonde_proposal: VERSION,
            leaf: serde_json::from_slice(&self.leaf.to_bytes())?,
            attestations: self
                .attestations
                .iter()
                .map(|leaf| serde_json::from_slice(&leaf.to_bytes()))
                .collect::<Result<_, _>>()?,
            objects: self
                .objects
                .iter()
                .map(|object| WrittenObject {
                    shelf: object.shelf.name().to_owned(),
                    base64: STANDARD.encode(&object.bytes),
                })
                .collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&written)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// What it is called by: the first digits of the digest of what is said, whoever signs it.
    pub fn id(&self) -> Result<String, ProposalError> {
        id_of(self.leaf.log(), self.leaf.payload())
    }

    /// What is to be said.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// What others say of it: that they built the same.
    pub fn attestations(&self) -> &[Leaf] {
        &self.attestations
    }

    /// What it names.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// An object of it.
    pub fn object(&self, digest: &Digest) -> Option<&[u8]> {
        let mut objects = self.objects.iter();
        let found = objects.find(|object| object.digest() == *digest);
        found.map(|object| object.bytes.as_slice())
    }

    /// The same with the signature of this key too.
    pub fn signed_by(mut self, role: Role, key: &SecretRoleKey) -> Result<Self, ProposalError> {
        self.leaf = self.leaf.signed_by(role, key)?;
        Ok(self)
    }

    /// The same with what somebody else says of it. Who has said the same before is taken by the newer word.
    #[must_use]
    pub fn attested(mut self, leaf: Leaf) -> Self {
        let by = |leaf: &Leaf| leaf.signatures().first().map(|signature| signature.keyid);
        self.attestations.retain(|before| by(before) != by(&leaf));
        self.attestations.push(leaf);
        self
    }

    /// Whether a leaf says that somebody built the module of this proposal, from this source.
    fn is_attested_by(&self, leaf: &Leaf) -> bool {
        match (self.leaf.payload(), leaf.payload()) {
            (Payload::ModuleRelease(module), Payload::RebuildAttest(attest)) => {
                leaf.log() == self.leaf.log()
                    && attest.name == module.name
                    && attest.version == module.version
                    && attest.digest == module.digest
                    && attest.source == module.source
            }
            _ => false,
        }
    }

    fn checked(leaf: Leaf, attestations: Vec<Leaf>, objects: Vec<Object>) -> Result<Self, ProposalError> {
        let proposal = Self {
            leaf,
            attestations,
            objects,
        };
        let named = named(proposal.leaf.payload());
        for (shelf, digest) in &named {
            let is_it = |object: &Object| object.shelf == *shelf && object.digest() == *digest;
            if !proposal.objects.iter().any(is_it) {
                return Err(ProposalError::Missing(*digest));
            }
        }
        // What nobody signs is not published.
        let is_named = |object: &&Object| !named.contains(&(object.shelf, object.digest()));
        if let Some(other) = proposal.objects.iter().find(is_named) {
            return Err(ProposalError::NotNamed(other.digest()));
        }
        if !proposal
            .attestations
            .iter()
            .all(|leaf| proposal.is_attested_by(leaf))
        {
            return Err(ProposalError::OtherAttestation);
        }
        Ok(proposal)
    }
}

/// What the proposal to say this is called by.
pub fn id_of(log: &str, payload: &Payload) -> Result<String, ProposalError> {
    let unsigned = Leaf::new(log, payload)?.to_bytes();
    Ok(hex_of(&Digest::of(&unsigned)).chars().take(ID_DIGITS).collect())
}

/// What is said, in one line.
pub fn summary(payload: &Payload) -> String {
    let kind = payload.kind();
    match payload {
        Payload::ModuleRelease(module) => {
            format!("{kind} {}@{} {}", module.name, module.version, module.digest)
        }
        Payload::ModuleYank(yank) => format!("{kind} {}@{} {}", yank.name, yank.version, yank.digest),
        Payload::ModuleRevoke(revoke) => {
            format!("{kind} {}@{} {}", revoke.name, revoke.version, revoke.digest)
        }
        Payload::RebuildAttest(attest) => {
            format!("{kind} {}@{} {}", attest.name, attest.version, attest.digest)
        }
        Payload::ScriptPublish(publication) | Payload::ListPublish(publication) => {
            format!("{kind} {} {}", publication.name, publication.digest)
        }
        Payload::ScriptRevoke(revoke) => format!("{kind} {} {}", revoke.name, revoke.digest),
        Payload::Flags(flags) => {
            let flags = flags.nettests.iter();
            let flags = flags.map(|(name, is_on)| format!("{name}={}", if *is_on { "on" } else { "off" }));
            format!("{kind} {}", flags.collect::<Vec<_>>().join(" "))
                .trim_end()
                .to_owned()
        }
        Payload::EventSchedule(event) => format!("{kind} {}", event.id),
        Payload::EventWiden(event) => format!("{kind} {}", event.id),
        Payload::EventCancel(event) => format!("{kind} {}", event.id),
        Payload::EventClose(event) => format!("{kind} {}", event.id),
        Payload::Snapshot(snapshot) => format!("{kind} of {} entries", snapshot.size),
        Payload::Root(root) => format!("{kind} {}", root.version()),
        Payload::Policy(_) | Payload::Heartbeat(_) | Payload::Unknown { .. } => kind.to_owned(),
    }
}

/// The bytes that have to be there for what is said to be of use, and where.
fn named(payload: &Payload) -> Vec<(Shelf, Digest)> {
    let objects = |digests: &[Digest]| digests.iter().map(|digest| (Shelf::Objects, *digest)).collect();
    match payload {
        Payload::ModuleRelease(module) => objects(&[module.digest, module.manifest]),
        Payload::ModuleYank(yank) => objects(&[yank.reason]),
        Payload::ModuleRevoke(revoke) => objects(&[revoke.reason]),
        Payload::ScriptRevoke(revoke) => objects(&[revoke.reason]),
        Payload::ScriptPublish(script) => vec![(Shelf::Scripts, script.digest)],
        Payload::ListPublish(list) => vec![(Shelf::Lists, list.digest)],
        Payload::Snapshot(snapshot) => objects(&[snapshot.digest]),
        Payload::EventCancel(cancel) => objects(&[cancel.reason]),
        Payload::EventSchedule(_)
        | Payload::EventWiden(_)
        | Payload::EventClose(_)
        | Payload::Flags(_)
        | Payload::Heartbeat(_)
        | Payload::Policy(_)
        | Payload::RebuildAttest(_)
        | Payload::Root(_)
        | Payload::Unknown { .. } => Vec::new(),
    }
}

/// A leaf, however its JSON was written by those who carried it.
fn leaf(value: &serde_json::Value) -> Result<Leaf, ProposalError> {
    let value = Value::parse(&serde_json::to_vec(value)?, LIMITS)?;
    Ok(Leaf::parse(&value.to_bytes())?)
}

fn object(written: WrittenObject) -> Result<Object, ProposalError> {
    let mut shelves = Shelf::ALL.into_iter();
    let shelf = shelves.find(|shelf| shelf.name() == written.shelf);
    Ok(Object {
        shelf: shelf.ok_or(ProposalError::Shelf(written.shelf))?,
        bytes: STANDARD.decode(written.base64)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use netsonde_log::leaf::Publication;

    fn script(bytes: &[u8]) -> Payload {
        Payload::ScriptPublish(Publication {
            name: "online".parse().unwrap(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            issued: 1,
            expires: 2,
        })
    }

    fn object(bytes: &[u8]) -> Object {
        Object {
            shelf: Shelf::Scripts,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_file_is_carried_signed_and_read() {
        let proposal = Proposal::new("a.example/log", &script(b"{}"), vec![object(b"{}")]).unwrap();
        let id = proposal.id().unwrap();
        assert_eq!(id.len(), ID_DIGITS);
        let read = Proposal::parse(&proposal.to_bytes().unwrap()).unwrap();
        assert_eq!(read, proposal);
        let signed = read
            .signed_by(Role::Scripts, &SecretRoleKey::from_seed(&[7; 32]))
            .unwrap();
        assert_eq!(signed.id().unwrap(), id);
        // Somebody's editor wrote it in another way.
        let compact: serde_json::Value = serde_json::from_slice(&signed.to_bytes().unwrap()).unwrap();
        assert_eq!(Proposal::parse(compact.to_string().as_bytes()).unwrap(), signed);
    }

    #[test]
    fn what_nobody_would_know_of_is_not_carried_along() {
        let objects = vec![object(b"{}"), object(b"<h1>")];
        let smuggled = Proposal::new("a.example/log", &script(b"{}"), objects);
        assert!(matches!(smuggled, Err(ProposalError::NotNamed(_))));
        let proposal = Proposal::new("a.example/log", &script(b"{}"), vec![object(b"{}")]).unwrap();
        let with = proposal.clone().attested(proposal.leaf().clone());
        let read = Proposal::parse(&with.to_bytes().unwrap());
        assert!(matches!(read, Err(ProposalError::OtherAttestation)));
    }

    #[test]
    fn what_is_not_there_or_not_the_same_is_missed() {
        let missing = Proposal::new("a.example/log", &script(b"{}"), vec![object(b"{ }")]);
        assert!(matches!(missing, Err(ProposalError::Missing(_))));
        let proposal = Proposal::new("a.example/log", &script(b"{}"), vec![object(b"{}")]).unwrap();
        let text = String::from_utf8(proposal.to_bytes().unwrap()).unwrap();
        for (from, to, wanted) in [
            ("e30=", "e30A", "does not have it"),
            ("e30=", "!", "read an object"),
            ("\"scripts\"", "\"cellar\"", "cellar"),
            ("\"scripts\"", "\"lists\"", "does not have it"),
            ("netsonde_proposal\": 1", "netsonde_proposal\": 2", "version 2"),
            ("\"issued\": 1", "\"issued\": 1.5", "number"),
            ("\"leaf\"", "\"loaf\"", "no proposal"),
        ] {
            let said = Proposal::parse(text.replace(from, to).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(said.contains(wanted), "{to}: {said}");
        }
    }
}
