//! A registry as tests have it: the people with their keys, who are in this process, and the files that it serves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use netsonde_log::keys::{LogSecret, WitnessSecret};
use netsonde_log::leaf::{
    Capabilities, Flags, Heartbeat, Leaf, ModuleRelease, ModuleRevoke, Payload, Publication, RebuildAttest,
    Snapshot, Source,
};
use netsonde_log::ledger::Ledger;
use netsonde_log::note::Note;
use netsonde_log::role::{Role, RoleKey, SecretRoleKey};
use netsonde_log::root::{LogIdentity, RoleKeys, Root, RootDraft};
use netsonde_log::words::{Digest, Name};
use netsonde_log::writer::Writer;
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "registry.example/log";
pub(crate) const DAY: u64 = 86_400;

pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// A registry, and the folder with what it serves.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) root: Root,
    log: LogSecret,
    witness: WitnessSecret,
    writer: Writer,
    /// What the leaves have come to.
    ledger: Ledger,
    /// When what is published next was written: a second later each time.
    written: u64,
}

/// The secret of somebody. A seed is one person; the two owners have the seeds 0 and 1, and each role two people of its own.
pub(crate) fn secret(seed: u8) -> SecretRoleKey {
    SecretRoleKey::from_seed(&[seed; 32])
}

/// Those who have a role.
pub(crate) fn seeds(role: Role) -> [u8; 2] {
    let place = Role::ALL.iter().position(|other| *other == role).unwrap();
    let first = u8::try_from(place * 10).unwrap();
    [first, first + 1]
}

fn threshold(role: Role) -> u64 {
    match role {
        Role::Root | Role::Modules | Role::Scripts => 2,
        _ => 1,
    }
}

fn keys(role: Role) -> RoleKeys {
    let keys: Vec<RoleKey> = seeds(role).map(|seed| secret(seed).public()).to_vec();
    RoleKeys::new(role, &keys, threshold(role)).unwrap()
}

/// What the first root says.
pub(crate) fn draft(expires: u64) -> RootDraft {
    let roles = Role::ALL.into_iter().filter(|role| *role != Role::Root);
    RootDraft {
        version: 1,
        expires,
        root: keys(Role::Root),
        roles: roles.map(|role| (role, keys(role))).collect(),
        log: LogIdentity {
            origin: ORIGIN.to_owned(),
            log: LogSecret::new(ORIGIN, &[200; 32]).unwrap().public(),
            witnesses: vec![witness().public()],
            quorum: 1,
        },
    }
}

fn witness() -> WitnessSecret {
    WitnessSecret::new("witness.example", &[210; 32]).unwrap()
}

/// What both owners signed.
pub(crate) fn signed(draft: &RootDraft) -> Root {
    let sign = |root: Root, seed| root.signed_by(&secret(seed)).unwrap();
    seeds(Role::Root)
        .into_iter()
        .fold(draft.unsigned().unwrap(), sign)
}

/// A leaf that these people sign in a role.
pub(crate) fn said_by(payload: &Payload, role: Role, seeds: &[u8]) -> Vec<u8> {
    let leaf = Leaf::new(ORIGIN, payload).unwrap();
    let sign = |leaf: Leaf, seed: &u8| leaf.signed_by(role, &secret(*seed)).unwrap();
    seeds.iter().fold(leaf, sign).to_bytes()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

impl World {
    /// A registry whose log has its root and nothing more.
    pub(crate) fn new() -> Self {
        Self::with(&signed(&draft(now() + 300 * DAY)))
    }

    pub(crate) fn with(root: &Root) -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            log: LogSecret::new(ORIGIN, &[200; 32]).unwrap(),
            witness: witness(),
            writer: Writer::new(),
            ledger: Ledger::new(root.digest()),
            written: now() - 1000,
            root: root.clone(),
        };
        world.publish_root(root);
        world
    }

    /// The folder that is served.
    pub(crate) fn public(&self) -> &Path {
        self.folder.path()
    }

    /// Its URL as a mirror on this disk.
    pub(crate) fn file_url(&self) -> String {
        format!("file://{}", self.public().display())
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.public().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Put a file where its digest says.
    pub(crate) fn object(&self, folder: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.write(&path_of(folder, &digest), bytes);
        digest
    }

    pub(crate) fn publish_root(&mut self, root: &Root) {
        let document = root.document().to_string();
        self.write(&format!("roots/{}.json", root.version()), document.as_bytes());
        let leaf = Leaf::new(ORIGIN, &Payload::Root(Box::new(root.clone()))).unwrap();
        self.append(leaf.to_bytes());
    }

    /// Put an entry into the log, whatever it says, and sign.
    pub(crate) fn append(&mut self, entry: Vec<u8>) {
        self.append_all(&[entry]);
    }

    fn append_all(&mut self, entries: &[Vec<u8>]) {
        for entry in entries {
            let _ = self.ledger.apply(entry);
        }
        let growth = self.writer.append(entries).unwrap();
        for (path, bytes) in growth.files {
            self.write(&format!("log/{path}"), &bytes);
        }
        self.sign(now());
    }

    /// Sign the log as of a time.
    pub(crate) fn sign(&self, time: u64) {
        let mut note: Note = self.log.checkpoint(self.writer.tree(), time);
        let line = self.witness.cosign(&note, time);
        note.push(line);
        self.write("log/checkpoint", note.to_string().as_bytes());
    }

    /// Sign it without any witness.
    pub(crate) fn sign_alone(&self) {
        let note = self.log.checkpoint(self.writer.tree(), now());
        self.write("log/checkpoint", note.to_string().as_bytes());
    }

    /// Say that the log is alive, so many times.
    pub(crate) fn beat(&mut self, times: u64) {
        let first = now() - 100_000;
        let [key, _] = seeds(Role::Snapshot);
        let beat = |time| said_by(&Payload::Heartbeat(Heartbeat { time }), Role::Snapshot, &[key]);
        self.append_all(&(first..first + times).map(beat).collect::<Vec<_>>());
    }

    /// Say what the log has come to, in a document that is served.
    pub(crate) fn snapshot(&mut self) -> Digest {
        let document = self.ledger.to_document();
        let digest = self.object("objects", &document);
        self.write("snapshot", format!("{digest}\n").as_bytes());
        let tree = self.writer.tree();
        let snapshot = Snapshot {
            size: tree.size(),
            root: tree.root(),
            digest,
        };
        self.say(&Payload::Snapshot(snapshot), Role::Snapshot);
        digest
    }

    /// Have as many sign in a role as must.
    pub(crate) fn say(&mut self, payload: &Payload, role: Role) {
        let enough = usize::try_from(threshold(role)).unwrap();
        self.append(said_by(payload, role, &seeds(role)[..enough]));
    }

    /// Release a module that is served too, and have it rebuilt.
    pub(crate) fn release(&mut self, wasm: &[u8]) -> ModuleRelease {
        let release = self.released(wasm);
        self.say(&Payload::ModuleRelease(release.clone()), Role::Modules);
        self.say(&Payload::RebuildAttest(attest(&release)), Role::Rebuild);
        release
    }

    /// What is said of a module that is served.
    pub(crate) fn released(&self, wasm: &[u8]) -> ModuleRelease {
        let inside = netsonde_probe::sandbox::Engine::look_inside("module", wasm).unwrap();
        let manifest = &inside.manifest;
        let fixed = manifest.fixed.addresses.iter().map(ToString::to_string);
        let capabilities = Capabilities::new(
            manifest.capabilities.keys().map(ToString::to_string).collect(),
            manifest.destinations.keys().map(ToString::to_string).collect(),
            fixed.chain(manifest.fixed.names.iter().cloned()).collect(),
            netsonde_probe::install::granted(manifest),
        );
        ModuleRelease {
            name: name(&manifest.name),
            version: manifest.version.to_string().parse().unwrap(),
            digest: self.object("objects", wasm),
            size: wasm.len() as u64,
            manifest: self.object("objects", inside.text.as_bytes()),
            contract: "netsonde:probe@0.1.0".to_owned(),
            capabilities,
            source: Source {
                repo: "https://git.example/probes".to_owned(),
                commit: name_of_commit(),
                path: ".".to_owned(),
                lock: Digest::of(b"Cargo.lock"),
                toolchain: "rustc 1.95.0".to_owned(),
            },
            max_offline_days: 90,
        }
    }

    pub(crate) fn revoke(&mut self, release: &ModuleRelease) {
        self.revoke_digest(release.name.clone(), release.digest);
    }

    pub(crate) fn revoke_digest(&mut self, name: Name, digest: Digest) {
        let revoke = ModuleRevoke {
            name,
            version: "1.0.0".parse().unwrap(),
            digest,
            reason: Digest::of(b"why"),
        };
        self.say(&Payload::ModuleRevoke(revoke), Role::Emergency);
    }

    /// Publish a script for a day.
    pub(crate) fn script(&mut self, title: &str, text: &str) -> Digest {
        self.script_until(title, text, now() + DAY)
    }

    pub(crate) fn script_until(&mut self, title: &str, text: &str, expires: u64) -> Digest {
        let digest = self.object("scripts", text.as_bytes());
        let publication = self.publication(title, text, digest, expires);
        self.say(&Payload::ScriptPublish(publication), Role::Scripts);
        digest
    }

    pub(crate) fn table(&mut self, text: &str) {
        let digest = self.object("lists", text.as_bytes());
        let publication = self.publication("check-in", text, digest, now() + DAY);
        self.say(&Payload::ListPublish(publication), Role::Lists);
    }

    fn publication(&mut self, title: &str, text: &str, digest: Digest, expires: u64) -> Publication {
        self.written += 1;
        Publication {
            name: name(title),
            digest,
            size: text.len() as u64,
            issued: self.written,
            expires,
        }
    }

    pub(crate) fn flag(&mut self, nettest: &str, is_on: bool) {
        let flags = Flags {
            nettests: BTreeMap::from([(name(nettest), is_on)]),
            issued: now(),
            expires: now() + DAY,
        };
        self.say(&Payload::Flags(flags), Role::Scripts);
    }
}

fn name_of_commit() -> netsonde_log::words::Commit {
    "0123456789abcdef0123456789abcdef01234567".parse().unwrap()
}

pub(crate) fn path_of(folder: &str, digest: &Digest) -> String {
    let digest = digest.to_string();
    format!("{folder}/{}", digest.trim_start_matches("sha256:"))
}

pub(crate) fn attest(release: &ModuleRelease) -> RebuildAttest {
    RebuildAttest {
        name: release.name.clone(),
        version: release.version.clone(),
        digest: release.digest,
        source: release.source.clone(),
    }
}
