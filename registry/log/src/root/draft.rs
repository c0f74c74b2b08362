//! Making root documents: written down first, then signed by one key after another, each where its owner is.

use super::reading::{OF_TUF, Signed, Written};
use super::{LogIdentity, RoleKeys, Root, RootError};
use crate::canonical::Value;
use crate::canonical::fields::{ToValue as _, word};
use crate::role::{Role, RoleKey, SecretRoleKey};
use crate::time;
use crate::words::KeyId;
use std::collections::BTreeMap;

/// The version of TUF whose root documents these are.
const SPEC_VERSION: &str = "1.0.31";

/// What a root document is to say.
#[derive(Clone, Debug)]
pub struct RootDraft {
    /// One more than that of the root before it; 1 for the first.
    pub version: u64,
    /// The end of its validity, in seconds since 1970: a year from now at most.
    pub expires: u64,
    /// Who may give keys and roles.
    pub root: RoleKeys,
    /// Who may do what else. [`Role::Root`] has no place here.
    pub roles: BTreeMap<Role, RoleKeys>,
    /// Which log it is for.
    pub log: LogIdentity,
}

impl RootDraft {
    /// The document, without signatures. What can not stand in one is refused as it would be by readers.
    pub fn unsigned(&self) -> Result<Root, RootError> {
        let expires = time::print(self.expires).map_err(|error| word(error).within("signed.expires"))?;
        let all = self.roles.values().chain([&self.root]);
        let keys: BTreeMap<KeyId, RoleKey> =
            all.flat_map(RoleKeys::keys).map(|key| (key.id(), *key)).collect();
        // Clients of TUF are served what the log has come to: by whoever may say so here.
        let snapshot = self.roles.get(&Role::Snapshot).unwrap_or(&self.root);
        let of_tuf = OF_TUF
            .into_iter()
            .map(|name| (name.to_owned(), written(snapshot)));
        let root = ("root".to_owned(), written(&self.root));
        let of_tuf: BTreeMap<String, Written> = of_tuf.chain([root]).collect();
        let ours: BTreeMap<Role, Written> = self
            .roles
            .iter()
            .map(|(role, keys)| (*role, written(keys)))
            .collect();
        let signed = Value::object([
            ("_type", Value::String("root".to_owned())),
            ("consistent_snapshot", Value::Bool(true)),
            ("expires", Value::String(expires)),
            ("keys", keys.to_value()),
            ("roles", of_tuf.to_value()),
            ("spec_version", Value::String(SPEC_VERSION.to_owned())),
            ("version", self.version.to_value()),
            ("x-log", self.log.to_value()),
            ("x-roles", ours.to_value()),
        ]);
        let document = Value::object([("signatures", Value::Array(Vec::new())), ("signed", signed)]);
        read_back(&document)
    }
}

impl Root {
    /// The same document with the signature of this key too.
    pub fn signed_by(&self, key: &SecretRoleKey) -> Result<Self, RootError> {
        let mut signatures = self.signatures.clone();
        signatures.insert(key.public().id(), key.sign(&self.message));
        let signatures = signatures.into_iter();
        let signatures = signatures.map(|(keyid, sig)| Signed { keyid, sig });
        let mut document = self.document.clone();
        if let Value::Object(fields) = &mut document {
            fields.insert("signatures".to_owned(), signatures.collect::<Vec<_>>().to_value());
        }
        read_back(&document)
    }
}

/// What is made is what can be read.
fn read_back(document: &Value) -> Result<Root, RootError> {
    Root::parse(&document.to_bytes())
}

fn written(keys: &RoleKeys) -> Written {
    Written {
        keyids: keys.keys().map(RoleKey::id).collect(),
        threshold: keys.threshold(),
    }
}
