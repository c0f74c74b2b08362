//! A log in a folder.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use netsonde_log::keys::LogSecret;
use netsonde_log::leaf::{Leaf, Payload};
use netsonde_log::role::{Role, SecretRoleKey};
use netsonde_log::root::{LogIdentity, RoleKeys, Root, RootDraft};
use netsonde_log::writer::Writer;

const ORIGIN: &str = "registry.example/log";

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The files of a log with so many leaves, of which the first is its root.
pub(crate) fn log(folder: &Path, leaves: u64) -> Root {
    let (key, secret) = (
        SecretRoleKey::from_seed(&[1; 32]),
        LogSecret::new(ORIGIN, &[2; 32]).unwrap(),
    );
    let draft = RootDraft {
        version: 1,
        expires: 4_000_000_000,
        root: RoleKeys::new(Role::Root, &[key.public()], 1).unwrap(),
        roles: [].into(),
        log: LogIdentity {
            origin: ORIGIN.to_owned(),
            log: secret.public(),
            witnesses: Vec::new(),
            quorum: 0,
        },
    };
    let root = draft.unsigned().unwrap().signed_by(&key).unwrap();
    let leaf = Leaf::new(ORIGIN, &Payload::Root(Box::new(root.clone()))).unwrap();
    let mut entries = vec![leaf.to_bytes()];
    entries.extend((1..leaves).map(|number| format!("nothing {number}").into_bytes()));
    let mut writer = Writer::new();
    for (path, bytes) in writer.append(&entries).unwrap().files {
        let file = folder.join("log").join(path.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let checkpoint = secret.checkpoint(writer.tree(), now());
    fs::write(folder.join("log/checkpoint"), checkpoint.to_string()).unwrap();
    root
}
