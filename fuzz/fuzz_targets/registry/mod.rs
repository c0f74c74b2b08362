//! A registry for the targets of the log: people with keys, and what they said.

#![expect(dead_code, reason = "each target uses some of it")]

use arbitrary::Arbitrary;
use netsonde_log::keys::{LogSecret, WitnessSecret};
use netsonde_log::leaf::{Capabilities, Flags, Leaf, ModuleRelease, Payload, Publication, RebuildAttest, Source};
use netsonde_log::ledger::Ledger;
use netsonde_log::role::{Role, SecretRoleKey};
use netsonde_log::root::{LogIdentity, RoleKeys, Root, RootDraft};
use netsonde_log::words::Digest;
use std::collections::{BTreeMap, BTreeSet};

const ORIGIN: &str = "fuzz.example/log";

/// Other bytes in the place of some.
#[derive(Arbitrary, Debug)]
pub struct Edit<'a> {
    at: u16,
    length: u8,
    with: &'a [u8],
}

pub fn edited(original: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for Edit { at, length, with } in edits {
        let at = usize::from(*at) % (bytes.len() + 1);
        let end = (at + usize::from(*length)).min(bytes.len());
        bytes.splice(at..end, with.iter().copied());
    }
    bytes
}

fn secret(seed: u8) -> SecretRoleKey {
    SecretRoleKey::from_seed(&[seed; 32])
}

fn seeds(role: Role) -> [u8; 2] {
    let place = Role::ALL.iter().position(|other| *other == role).expect("a role");
    [2 * place as u8, 2 * place as u8 + 1]
}

/// The root of a version. Two have each role, and both must sign.
pub fn root(version: u64) -> Root {
    let keys = |role| {
        let keys = seeds(role).map(|seed| secret(seed).public());
        RoleKeys::new(role, &keys, 2).expect("two keys")
    };
    let witness = WitnessSecret::new("fuzz.example/witness", &[201; 32]).expect("a name");
    let roles = Role::ALL.into_iter().filter(|role| *role != Role::Root);
    let draft = RootDraft {
        version,
        expires: 4_000_000_000,
        root: keys(Role::Root),
        roles: roles.map(|role| (role, keys(role))).collect(),
        log: LogIdentity {
            origin: ORIGIN.to_owned(),
            log: LogSecret::new(ORIGIN, &[200; 32]).expect("a name").public(),
            witnesses: vec![witness.public()],
            quorum: 1,
        },
    };
    let unsigned = draft.unsigned().expect("a root");
    let sign = |root: Root, seed| root.signed_by(&secret(seed)).expect("a root");
    seeds(Role::Root).into_iter().fold(unsigned, sign)
}

/// What a log has, in this order.
pub fn leaves() -> Vec<Vec<u8>> {
    let module = ModuleRelease {
        name: "signal".parse().expect("a name"),
        version: "1.2.3".parse().expect("a version"),
        digest: Digest::of(b"module"),
        size: 6,
        manifest: Digest::of(b"manifest"),
        contract: "netsonde:probe@0.1.0".to_owned(),
        capabilities: Capabilities::new(
            ["dns".to_owned()].into(),
            ["targets".to_owned()].into(),
            BTreeSet::new(),
            BTreeMap::new(),
        ),
        source: Source {
            repo: "https://git.example/probes".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("a commit"),
            lock: Digest::of(b"lock"),
            path: "guests/telegram".to_owned(),
            toolchain: "rustc 1.95.0".to_owned(),
        },
        max_offline_days: 90,
    };
    let attest = RebuildAttest {
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest,
        source: module.source.clone(),
    };
    let script = Publication {
        name: "daily".parse().expect("a name"),
        digest: Digest::of(b"script"),
        size: 6,
        issued: 1,
        expires: 2,
    };
    let flags = Flags {
        nettests: BTreeMap::from([("tor".parse().expect("a name"), false)]),
        issued: 1,
        expires: 2,
    };
    [
        (Payload::Root(Box::new(root(1))), None),
        (Payload::ModuleRelease(module), Some(Role::Modules)),
        (Payload::RebuildAttest(attest), Some(Role::Rebuild)),
        (Payload::ScriptPublish(script.clone()), Some(Role::Scripts)),
        (Payload::ListPublish(script), Some(Role::Emergency)),
        (Payload::Flags(flags), Some(Role::Emergency)),
        (Payload::Root(Box::new(root(2))), None),
    ]
    .map(|(payload, role)| said(&payload, role))
    .to_vec()
}

fn said(payload: &Payload, role: Option<Role>) -> Vec<u8> {
    let unsigned = Leaf::new(ORIGIN, payload).expect("a leaf");
    let Some(role) = role else {
        return unsigned.to_bytes();
    };
    let sign = |leaf: Leaf, seed| leaf.signed_by(role, &secret(seed)).expect("a leaf");
    seeds(role).into_iter().fold(unsigned, sign).to_bytes()
}

/// The ledger of a log that has the first root and a module.
pub fn ledger() -> Ledger {
    let mut ledger = Ledger::new(root(1).digest());
    for leaf in leaves().iter().take(3) {
        ledger.apply(leaf).expect("they were signed");
    }
    ledger
}
