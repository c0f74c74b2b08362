//! From JSON to a root document: form only. Whether to follow it is a question of signatures.

use super::{Fields, LogIdentity, RoleKeys, Root, RootError};
use crate::canonical::fields::{ToValue as _, record, word};
use crate::canonical::{Misfit, Unfit, Value};
use crate::policy::{Policy, PolicyError};
use crate::role::{Role, RoleKey};
use crate::time;
use crate::words::{Hex, KeyId};
use std::collections::{BTreeMap, BTreeSet};

record! {
    /// A role as TUF writes it.
    pub(super) struct Written {
        /// Who has it.
        keyids: Vec<KeyId>,
        /// How many must sign.
        threshold: u64,
    }
}

record! {
    /// A signature as TUF writes it.
    pub(super) struct Signed {
        /// Whose.
        keyid: KeyId,
        /// The signature.
        sig: Hex<64>,
    }
}

/// The roles that TUF wants to be there beside `root`. They are for clients of TUF; nothing here asks them.
pub(super) const OF_TUF: [&str; 3] = ["snapshot", "targets", "timestamp"];

pub(super) fn root(document: Value) -> Result<Root, RootError> {
    let mut outer = Fields::of(&document)?;
    let signed = outer.value("signed")?;
    let signatures: Vec<Signed> = outer.take("signatures")?;
    outer.end()?;

    let within = |misfit: Misfit| misfit.within("signed");
    let mut fields = Fields::of(signed).map_err(within)?;
    expect(&mut fields, "_type", "a root's: \"root\"", |text| text == "root").map_err(within)?;
    expect(&mut fields, "spec_version", "a version 1.0.x of TUF", |text| {
        let patch = text.strip_prefix("1.0.").unwrap_or_default();
        !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())
    })
    .map_err(within)?;
    if !fields.take::<bool>("consistent_snapshot").map_err(within)? {
        let misfit = Misfit::new(Unfit::Kind("true")).within("consistent_snapshot");
        return Err(within(misfit).into());
    }
    let version: u64 = fields.take("version").map_err(within)?;
    if version == 0 {
        return Err(within(Misfit::new(Unfit::Kind("1 or more")).within("version")).into());
    }
    let expires: String = fields.take("expires").map_err(within)?;
    let expires = time::parse(&expires).map_err(|error| within(word(error).within("expires")))?;
    let keys = fields.take("keys").map_err(within)?;
    let of_tuf: BTreeMap<String, Written> = fields.take("roles").map_err(within)?;
    let ours: BTreeMap<String, Written> = fields.take("x-roles").map_err(within)?;
    let log: LogIdentity = fields.take("x-log").map_err(within)?;
    // What a later version may add. It is signed, and whoever does not know it can do without.
    fields.ignore(|name| name.starts_with("x-"));
    fields.end().map_err(within)?;

    check_keys(&keys)?;
    let policy = policy(&log)?;
    let (owners, roles) = roles(&keys, of_tuf, ours)?;
    let mut by_key = BTreeMap::new();
    for Signed { keyid, sig } in signatures {
        if by_key.insert(keyid, sig).is_some() {
            return Err(RootError::SignedTwice(keyid));
        }
    }
    let message = signed.to_bytes();
    Ok(Root {
        message,
        signatures: by_key,
        version,
        expires,
        roles,
        owners,
        log,
        policy,
        document,
    })
}

fn expect(
    fields: &mut Fields<'_>,
    name: &str,
    kind: &'static str,
    is_right: impl Fn(&str) -> bool,
) -> Result<(), Misfit> {
    let text: String = fields.take(name)?;
    if is_right(&text) {
        return Ok(());
    }
    Err(Misfit::new(Unfit::Kind(kind)).within(name))
}

fn check_keys(keys: &BTreeMap<KeyId, RoleKey>) -> Result<(), RootError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = keys.values().find(|key| !seen.insert(**key)) {
        return Err(RootError::KeyTwice(*twice));
    }
    for (id, key) in keys {
        let (id, real) = (*id, key.id());
        if id != real {
            return Err(RootError::KeyId { id, real });
        }
    }
    Ok(())
}

fn policy(log: &LogIdentity) -> Result<Policy, PolicyError> {
    // What is more than that is more than there are witnesses.
    let quorum = usize::try_from(log.quorum).unwrap_or(usize::MAX);
    Policy::new(&log.origin, log.log.clone(), log.witnesses.clone(), quorum)
}

/// TUF's roles and ours. `root` is TUF's, so that there is one place to look it up; a role that this version does not know is
/// read and passed over.
fn roles(
    keys: &BTreeMap<KeyId, RoleKey>,
    mut of_tuf: BTreeMap<String, Written>,
    ours: BTreeMap<String, Written>,
) -> Result<(RoleKeys, BTreeMap<Role, RoleKeys>), RootError> {
    let missing = |name: &str| Misfit::new(Unfit::Missing).within(format!("signed.roles.{name}"));
    let root = of_tuf.remove("root").ok_or_else(|| missing("root"))?;
    let root = role("root", &root, keys)?;
    for name in OF_TUF {
        let written = of_tuf.remove(name).ok_or_else(|| missing(name))?;
        role(name, &written, keys)?;
    }
    if let Some(name) = of_tuf.into_keys().next() {
        let misfit = Misfit::new(Unfit::Unknown);
        return Err(misfit.within(format!("signed.roles.{name}")).into());
    }
    let mut known = BTreeMap::new();
    for (name, written) in ours {
        let keys = role(&name, &written, keys)?;
        match name.parse() {
            Ok(Role::Root) => {
                return Err(Misfit::new(Unfit::Unknown).within("signed.x-roles.root").into());
            }
            Ok(role) => {
                known.insert(role, keys);
            }
            Err(_) => {}
        }
    }
    Ok((root, known))
}

fn role(name: &str, written: &Written, keys: &BTreeMap<KeyId, RoleKey>) -> Result<RoleKeys, RootError> {
    let mut distinct = BTreeSet::new();
    for id in &written.keyids {
        let role = name.to_owned();
        let Some(key) = keys.get(id) else {
            return Err(RootError::NoSuchKey { role, id: *id });
        };
        if !distinct.insert(*key) {
            return Err(RootError::TwiceInRole { role, id: *id });
        }
    }
    check_threshold(name, written.threshold, distinct.len())?;
    Ok(RoleKeys {
        keys: distinct,
        threshold: written.threshold,
    })
}

pub(super) fn check_threshold(role: &str, threshold: u64, keys: usize) -> Result<(), RootError> {
    if threshold >= 1 && usize::try_from(threshold).is_ok_and(|threshold| threshold <= keys) {
        return Ok(());
    }
    let role = role.to_owned();
    Err(RootError::Threshold {
        role,
        threshold,
        keys,
    })
}
