//! A registry for tests: people with keys, a root that gives them roles, and what they say.

use crate::keys::{LogSecret, WitnessSecret};
use crate::leaf::{Capabilities, Leaf, ModuleRelease, Payload, Publication, RebuildAttest, Source};
use crate::role::{Role, RoleKey, SecretRoleKey};
use crate::root::{LogIdentity, RoleKeys, Root, RootDraft};
use crate::words::{Digest, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

pub(crate) const ORIGIN: &str = "registry.example/log";
/// When everything here happens.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const EXPIRES: u64 = NOW + 365 * 86_400;

/// The secret of somebody. A seed is one person.
pub(crate) fn secret(seed: u8) -> SecretRoleKey {
    SecretRoleKey::from_seed(&[seed; 32])
}

/// Five of them have the role root, three each of the others: those with the seeds of ten times the place of the role.
pub(crate) fn seeds(role: Role) -> Vec<u8> {
    let place = Role::ALL.iter().position(|other| *other == role).unwrap();
    let first = u8::try_from(place * 10).unwrap();
    let many = if role == Role::Root { 5 } else { 3 };
    (first..first + many).collect()
}

pub(crate) fn threshold(role: Role) -> u64 {
    match role {
        Role::Root => 3,
        Role::Modules | Role::Scripts | Role::Lists => 2,
        _ => 1,
    }
}

pub(crate) fn keys(role: Role, seeds: &[u8], threshold: u64) -> RoleKeys {
    let keys: Vec<RoleKey> = seeds.iter().map(|seed| secret(*seed).public()).collect();
    RoleKeys::new(role, &keys, threshold).unwrap()
}

pub(crate) fn log_secret() -> LogSecret {
    LogSecret::new(ORIGIN, &[200; 32]).unwrap()
}

pub(crate) fn witness(number: u8) -> WitnessSecret {
    WitnessSecret::new(&format!("witness{number}.example"), &[210 + number; 32]).unwrap()
}

/// What the first root says: three witnesses, of which two must cosign.
pub(crate) fn draft() -> RootDraft {
    let roles = Role::ALL.into_iter().filter(|role| *role != Role::Root);
    let roles: BTreeMap<Role, RoleKeys> = roles
        .map(|role| (role, keys(role, &seeds(role), threshold(role))))
        .collect();
    RootDraft {
        version: 1,
        expires: EXPIRES,
        root: keys(Role::Root, &seeds(Role::Root), threshold(Role::Root)),
        roles,
        log: LogIdentity {
            origin: ORIGIN.to_owned(),
            log: log_secret().public(),
            witnesses: [0, 1, 2].map(|number| witness(number).public()).to_vec(),
            quorum: 2,
        },
    }
}

pub(crate) fn signed(draft: &RootDraft, seeds: &[u8]) -> Root {
    let unsigned = draft.unsigned().unwrap();
    let sign = |root: Root, seed: &u8| root.signed_by(&secret(*seed)).unwrap();
    seeds.iter().fold(unsigned, sign)
}

/// The first root, as three of five signed it.
pub(crate) fn first_root() -> Root {
    static ROOT: LazyLock<Root> = LazyLock::new(|| signed(&draft(), &[0, 1, 2]));
    ROOT.clone()
}

pub(crate) fn root_leaf(root: &Root) -> Vec<u8> {
    let payload = Payload::Root(Box::new(root.clone()));
    Leaf::new(ORIGIN, &payload).unwrap().to_bytes()
}

/// A leaf that these people sign in a role.
pub(crate) fn said_by(payload: &Payload, role: Role, seeds: &[u8]) -> Vec<u8> {
    let leaf = Leaf::new(ORIGIN, payload).unwrap();
    let sign = |leaf: Leaf, seed: &u8| leaf.signed_by(role, &secret(*seed)).unwrap();
    seeds.iter().fold(leaf, sign).to_bytes()
}

/// A leaf that as many sign in a role as must.
pub(crate) fn said(payload: &Payload, role: Role) -> Vec<u8> {
    let enough = usize::try_from(threshold(role)).unwrap();
    said_by(payload, role, &seeds(role)[..enough])
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(crate) fn module(text: &str, version: &str, bytes: &str) -> ModuleRelease {
    ModuleRelease {
        name: name(text),
        version: version.parse().unwrap(),
        digest: digest(bytes),
        size: 70_590,
        manifest: digest("nettest.toml"),
        contract: "netsonde:probe@0.1.0".to_owned(),
        capabilities: Capabilities::new(
            ["dns".to_owned()].into(),
            ["targets".to_owned()].into(),
            BTreeSet::new(),
            BTreeMap::new(),
        ),
        source: Source {
            repo: "https://git.example/probes".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            lock: digest("Cargo.lock"),
            path: "guests/telegram".to_owned(),
            toolchain: "rustc 1.95.0".to_owned(),
        },
        max_offline_days: 90,
    }
}

pub(crate) fn attest(module: &ModuleRelease) -> RebuildAttest {
    RebuildAttest {
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest,
        source: module.source.clone(),
    }
}

pub(crate) fn publication(text: &str, bytes: &str, issued: u64) -> Publication {
    Publication {
        name: name(text),
        digest: digest(bytes),
        size: 1000,
        issued,
        expires: issued + 86_400,
    }
}
