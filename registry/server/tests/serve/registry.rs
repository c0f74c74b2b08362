//! A registry's folder, and people who say things in it while others serve it.

use netsonde_log::{
    leaf::{
        Capabilities, Leaf, ModuleRelease, ModuleRevoke, ModuleYank, Payload, Publication, RebuildAttest,
        ScriptRevoke, Source,
    },
    policy::{Opened, Policy},
    role::{Role, SecretRoleKey},
    root::{LogIdentity, RoleKeys, RootDraft},
    words::Digest,
};
use netsonde_registry::folder::{Registry as Folder, Sequencer};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

const ORIGIN: &str = "registry.example/log";
/// Who has every role but one, and who has that: somebody else has to rebuild what they release.
const ANN: [u8; 32] = [1; 32];
const EVE: [u8; 32] = [2; 32];

/// A registry with its first root, whose threshold is one everywhere.
pub(crate) struct Registry {
    folder: TempDir,
    policy: Policy,
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) use netsonde_registry::folder::hex_of as hex;

impl Registry {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut made = Folder::create(&folder.path().join("registry"), ORIGIN, &[7; 32], now()).unwrap();
        let ann = SecretRoleKey::from_seed(&ANN);
        let role = |role: Role| {
            let seed = if role == Role::Rebuild { EVE } else { ANN };
            RoleKeys::new(role, &[SecretRoleKey::from_seed(&seed).public()], 1).unwrap()
        };
        let roles = Role::ALL.into_iter().filter(|role| *role != Role::Root);
        let draft = RootDraft {
            version: 1,
            expires: now() + 86_400,
            root: role(Role::Root),
            roles: roles.map(|name| (name, role(name))).collect(),
            log: LogIdentity {
                origin: ORIGIN.to_owned(),
                log: made.log().key(),
                witnesses: Vec::new(),
                quorum: 0,
            },
        };
        let root = draft.unsigned().unwrap().signed_by(&ann).unwrap();
        let policy = root.policy().clone();
        made.publish_root(root, now()).unwrap();
        Self { folder, policy }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    /// What is served under this name.
    pub(crate) fn public(&self, name: &str) -> PathBuf {
        self.path().join("public").join(name)
    }

    /// Put a file where it is served by its digest.
    pub(crate) fn put(&self, folder: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = self.public(folder).join(hex(&digest));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        digest
    }

    /// Publish what somebody says in a role, as another process does. Returns the number of the entry.
    pub(crate) fn say(&self, payload: &Payload, role: Role) -> u64 {
        let seed = if role == Role::Rebuild { EVE } else { ANN };
        let leaf = Leaf::new(ORIGIN, payload).unwrap();
        let leaf = leaf.signed_by(role, &SecretRoleKey::from_seed(&seed)).unwrap();
        let mut folder = Folder::open(&self.path(), now()).unwrap();
        folder.publish(&leaf, now()).unwrap().numbers.start
    }

    /// Have so many entries more in the log, of which nobody takes notice.
    pub(crate) fn say_many(&self, count: u64) {
        let entries: Vec<String> = (0..count).map(|number| format!("nothing {number}")).collect();
        Sequencer::open(&self.path(), now())
            .unwrap()
            .append(&entries, now())
            .unwrap();
    }

    /// Believe a checkpoint, or not.
    pub(crate) fn open(&self, checkpoint: &[u8]) -> Opened {
        self.policy.open(checkpoint, u64::MAX).unwrap()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Publish a script.
    pub(crate) fn script(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = self.put("scripts", bytes);
        self.say(&Payload::ScriptPublish(publication(name, bytes)), Role::Scripts);
        digest
    }

    pub(crate) fn revoke_script(&self, name: &str, digest: Digest) {
        let revoke = ScriptRevoke {
            name: name.parse().unwrap(),
            digest,
            reason: self.put("objects", b"it is wrong"),
        };
        self.say(&Payload::ScriptRevoke(revoke), Role::Scripts);
    }

    /// Release a module, which somebody else rebuilds.
    pub(crate) fn module(&self, name: &str, version: &str, bytes: &[u8]) -> ModuleRelease {
        let module = release(name, version, bytes);
        self.put("objects", bytes);
        self.say(&Payload::ModuleRelease(module.clone()), Role::Modules);
        self.say(&Payload::RebuildAttest(attest(&module)), Role::Rebuild);
        module
    }

    pub(crate) fn yank(&self, module: &ModuleRelease) {
        let yank = ModuleYank {
            name: module.name.clone(),
            version: module.version.clone(),
            digest: module.digest,
            reason: self.put("objects", b"it is slow"),
        };
        self.say(&Payload::ModuleYank(yank), Role::Modules);
    }

    pub(crate) fn revoke(&self, module: &ModuleRelease) -> u64 {
        let revoke = ModuleRevoke {
            name: module.name.clone(),
            version: module.version.clone(),
            digest: module.digest,
            reason: self.put("objects", b"it is broken"),
        };
        self.say(&Payload::ModuleRevoke(revoke), Role::Modules)
    }
}

pub(crate) fn publication(name: &str, bytes: &[u8]) -> Publication {
    Publication {
        name: name.parse().unwrap(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        issued: now(),
        expires: now() + 3_600,
    }
}

pub(crate) fn release(name: &str, version: &str, bytes: &[u8]) -> ModuleRelease {
    ModuleRelease {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        manifest: Digest::of(b"nettest.toml"),
        contract: "netsonde:probe@0.1.0".to_owned(),
        capabilities: Capabilities::new(BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeMap::new()),
        source: Source {
            repo: "https://git.example/probes".to_owned(),
            commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            path: ".".to_owned(),
            lock: Digest::of(b"Cargo.lock"),
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
