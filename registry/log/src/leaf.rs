//! Leaves: what is in the log. Each says one thing, and carries the signatures of those who say it.
//!
//! `{"payload": {"v": 1, "type": …, "log": …, …}, "sigs": [{"role", "keyid", "sig"}, …]}` in canonical JSON. It holds digests,
//! never content. What a leaf says is here; whether anybody may say it, and what follows, is the ledger's.

use crate::canonical::fields::{Fields, ToValue as _, record};
use crate::canonical::{Limits, Misfit, ParseError, Unfit, Value};
use crate::role::{Role, RoleKey, SecretRoleKey};
use crate::root::{Root, RootError};
use crate::words::{Hex, KeyId};

mod capabilities;
mod events;
mod payload;
mod policy;
mod publishing;
#[cfg(test)]
pub(crate) mod tests;

pub use capabilities::{Capabilities, Change};
pub use events::{Country, EventCancel, EventClose, EventSchedule, EventWiden, Mode, Selector};
pub use payload::Payload;
pub(crate) use policy::DAY;
pub use policy::{Caps, Freshness, Life, RegistryPolicy};
pub use publishing::{
    Flags, Heartbeat, ModuleRelease, ModuleRevoke, ModuleYank, Publication, RebuildAttest, ScriptRevoke,
    Snapshot, Source,
};

/// What a leaf may not exceed: the length of an entry has 16 bits.
pub const LIMITS: Limits = Limits {
    bytes: 65_535,
    depth: 24,
};

/// More signatures than any threshold asks for.
const MOST_SIGNATURES: usize = 64;

/// The type of what is signed. The role is part of it, so that what somebody said in one role nobody can say for them in another.
const PAYLOAD_TYPE: &str = "application/vnd.netsonde.leaf+json;role=";

/// Why bytes are no leaf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not canonical JSON, or too much of it.
    #[error("read a leaf: {0}")]
    Json(#[from] ParseError),
    /// A part of it is missing, wrong, or not known.
    #[error("read a leaf: {0}")]
    Field(#[from] Misfit),
    /// The root document in it is none.
    #[error("read a leaf: {0}")]
    Root(#[from] RootError),
}

record! {
    /// That the owner of a key says what the leaf says.
    pub struct LeafSignature {
        /// In which role.
        role: Role,
        /// With which key.
        keyid: KeyId,
        /// The signature.
        sig: Hex<64>,
    }
}

impl LeafSignature {
    /// Whether it is the signature of this key over what this leaf says.
    pub fn is_of(&self, key: &RoleKey, leaf: &Leaf) -> bool {
        key.verifies(&leaf.signed_bytes(self.role), &self.sig)
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The payload as it is signed.
    canonical: Value,
    log: String,
    payload: Payload,
    signatures: Vec<LeafSignature>,
}

impl Leaf {
    /// What is to be said in the log of this origin. Nobody has signed it yet.
    pub fn new(log: &str, payload: &Payload) -> Result<Self, LeafError> {
        Self::read_back(payload.to_value(log), &Vec::new())
    }

    /// Read an entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        let value = Value::parse_canonical(bytes, LIMITS)?;
        let mut fields = Fields::of(&value)?;
        let canonical = fields.value("payload")?.clone();
        let signatures: Vec<LeafSignature> = fields.take("sigs")?;
        fields.end()?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(Misfit::new(Unfit::Kind("64 signatures at most"))
                .within("sigs")
                .into());
        }
        let (log, payload) = Payload::read(&canonical)?;
        Ok(Self {
            canonical,
            log,
            payload,
            signatures,
        })
    }

    /// The same leaf with the signature of this key too, in this role.
    pub fn signed_by(&self, role: Role, key: &SecretRoleKey) -> Result<Self, LeafError> {
        let keyid = key.public().id();
        let mut signatures = self.signatures.clone();
        signatures.retain(|signature| signature.keyid != keyid);
        let sig = key.sign(&self.signed_bytes(role));
        signatures.push(LeafSignature { role, keyid, sig });
        Self::read_back(self.canonical.clone(), &signatures)
    }

    /// The bytes of the entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        entry(self.canonical.clone(), &self.signatures)
    }

    /// The origin of the log that it was signed for.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// What it says.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Who says so, if the signatures are theirs.
    pub fn signatures(&self) -> &[LeafSignature] {
        &self.signatures
    }

    /// What somebody signs who says this in a role: DSSE's pre-authentication encoding.
    pub fn signed_bytes(&self, role: Role) -> Vec<u8> {
        let kind = format!("{PAYLOAD_TYPE}{role}");
        let payload = self.canonical.to_string();
        format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len()).into_bytes()
    }

    /// What is made is what can be read.
    fn read_back(payload: Value, signatures: &Vec<LeafSignature>) -> Result<Self, LeafError> {
        Self::parse(&entry(payload, signatures))
    }
}

fn entry(payload: Value, signatures: &Vec<LeafSignature>) -> Vec<u8> {
    Value::object([("payload", payload), ("sigs", signatures.to_value())]).to_bytes()
}

/// What is wrong with a payload although each of its fields is right.
trait Check {
    fn check(&self) -> Result<(), Misfit> {
        Ok(())
    }
}

fn not_empty(name: &str, text: &str) -> Result<(), Misfit> {
    if text.is_empty() {
        return Err(Misfit::new(Unfit::Kind("a string that is not empty")).within(name));
    }
    Ok(())
}

fn in_order(later_name: &str, earlier: u64, later: u64) -> Result<(), Misfit> {
    if earlier < later {
        return Ok(());
    }
    Err(Misfit::new(Unfit::Kind("later than what comes before it")).within(later_name))
}
