//! The ledger as a document: what a probe keeps, and what a `snapshot` names so that one can start late.
//!
//! It is not the state but the leaves that made it, those that still count, each with its index and its signatures. Who reads it
//! verifies them as if they came from the log, under the roots that stand between them. So whoever writes a false document can
//! leave something out, and can make nothing up.

use super::{Effect, Ledger, Refused};
use crate::canonical::fields::{Fields, ToValue as _, record};
use crate::canonical::{Limits, Misfit, ParseError, Unfit, Value};
use crate::words::Digest;

/// What a ledger's document may not exceed.
pub const DOCUMENT_LIMITS: Limits = Limits {
    bytes: 1 << 26,
    depth: crate::leaf::LIMITS.depth + 4,
};

/// The version of the form. It is another one when this crate knows other types of leaves, because leaves of unknown types are
/// not kept: who learns of new ones reads the log again.
const VERSION: u64 = 1;

/// Why a document is no ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not canonical JSON, or too much of it.
    #[error("read a ledger: {0}")]
    Json(#[from] ParseError),
    /// A part of it is missing or wrong.
    #[error("read a ledger: {0}")]
    Field(#[from] Misfit),
    /// It has a leaf that does not hold.
    #[error("read a ledger: leaf {index}: {refused}")]
    Refused {
        /// The index of the leaf.
        index: u64,
        /// What is wrong with it.
        refused: Refused,
    },
    /// It has a leaf of a type that is not known, or one that another has replaced, or leaves out of order.
    #[error("read a ledger: the leaves in it are not those that a ledger of them keeps: take another")]
    NotKept,
}

record! {
    /// One leaf that counts.
    pub(super) struct Kept {
        index: u64,
        leaf: Value,
    }
}

impl Ledger {
    /// The document of this ledger. Its digest is what a `snapshot` says.
    pub fn to_document(&self) -> Vec<u8> {
        let leaves = self.kept.iter().map(|(index, leaf)| {
            // Leaves are canonical, so they stand in the document as they are.
            let leaf = String::from_utf8_lossy(leaf);
            format!("{{\"index\":{index},\"leaf\":{leaf}}}")
        });
        let leaves: Vec<String> = leaves.collect();
        let (leaves, size) = (leaves.join(","), self.size);
        format!("{{\"leaves\":[{leaves}],\"size\":{size},\"v\":{VERSION}}}").into_bytes()
    }

    /// Read a document back, believing nothing in it but what is signed under the first root.
    pub fn from_document(first_root: Digest, bytes: &[u8]) -> Result<Self, DocumentError> {
        let value = Value::parse_canonical(bytes, DOCUMENT_LIMITS)?;
        let mut fields = Fields::of(&value)?;
        let leaves: Vec<Kept> = fields.take("leaves")?;
        let size: u64 = fields.take("size")?;
        if fields.take::<u64>("v")? != VERSION {
            return Err(Misfit::new(Unfit::Kind("1, the version that is known"))
                .within("v")
                .into());
        }
        fields.end()?;
        let mut ledger = Self::new(first_root);
        for Kept { index, leaf } in leaves {
            if index < ledger.size || index >= size {
                return Err(DocumentError::NotKept);
            }
            ledger.size = index;
            match ledger.apply(&leaf.to_bytes()) {
                Ok(Effect::InForce) => {}
                Ok(Effect::Unknown(_)) => return Err(DocumentError::NotKept),
                Err(refused) => return Err(DocumentError::Refused { index, refused }),
            }
        }
        ledger.size = size;
        if ledger.to_document() != bytes {
            return Err(DocumentError::NotKept);
        }
        Ok(ledger)
    }
}
