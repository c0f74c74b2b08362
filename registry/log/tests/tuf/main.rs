//! The root chain as python-tuf follows it, whose authors share no code with us. Skipped, loudly, where it is absent: `pip install
//! tuf==7.0.1` for the Python that `NETSONDE_PYTHON` names (`python3` when it names none).
//!
//! What it was when these tests were written (SHA-256 of the wheel):
//!
//! ```text
//! tuf-7.0.1  d30434bda6e079ab303fb30d1b3006d939a10ca34783b1573d61cd9b802fa45c
//! ```
//!
//! In one thing it is no judge of us: it counts a key twice that is listed under two ids. We refuse such a root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use netsonde_log::keys::{LogSecret, WitnessSecret};
use netsonde_log::role::{Role, RoleKey, SecretRoleKey};
use netsonde_log::root::{LogIdentity, RoleKeys, Root, RootDraft};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use tempfile::TempDir;

const ORIGIN: &str = "registry.example/log";

fn python() -> Command {
    Command::new(std::env::var_os("NETSONDE_PYTHON").unwrap_or_else(|| OsString::from("python3")))
}

/// Whether python-tuf is there; if not, says that the test is skipped.
fn is_there(test: &str) -> bool {
    let output = python().args(["-c", "import tuf.ngclient"]).output();
    let is_there = output.is_ok_and(|output| output.status.success());
    if !is_there {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: pip install tuf==7.0.1, and name the Python in NETSONDE_PYTHON"
        );
    }
    is_there
}

fn secret(seed: u8) -> SecretRoleKey {
    SecretRoleKey::from_seed(&[seed; 32])
}

fn keys(role: Role, seeds: &[u8], threshold: u64) -> RoleKeys {
    let keys: Vec<RoleKey> = seeds.iter().map(|seed| secret(*seed).public()).collect();
    RoleKeys::new(role, &keys, threshold).unwrap()
}

/// A root of this version: these people have it, and two of them must sign.
fn root(version: u64, owners: &[u8], signers: &[u8]) -> Root {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let witness = WitnessSecret::new("witness.example", &[9; 32]).unwrap();
    let draft = RootDraft {
        version,
        expires: now.as_secs() + 86_400,
        root: keys(Role::Root, owners, 2),
        roles: BTreeMap::from([
            (Role::Modules, keys(Role::Modules, &[20, 21], 2)),
            (Role::Snapshot, keys(Role::Snapshot, &[30], 1)),
        ]),
        log: LogIdentity {
            origin: ORIGIN.to_owned(),
            log: LogSecret::new(ORIGIN, &[8; 32]).unwrap().public(),
            witnesses: vec![witness.public()],
            quorum: 1,
        },
    };
    let unsigned = draft.unsigned().unwrap();
    let sign = |root: Root, seed: &u8| root.signed_by(&secret(*seed)).unwrap();
    signers.iter().fold(unsigned, sign)
}

/// The version that python-tuf comes to in these documents, and why it goes no further.
fn theirs(documents: &[Vec<u8>]) -> (u64, String) {
    let folder = TempDir::new().unwrap();
    for (document, version) in documents.iter().zip(1..) {
        fs::write(folder.path().join(format!("{version}.root.json")), document).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tuf/follow.py");
    let output = python().arg(script).arg(folder.path()).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    (
        said["version"].as_u64().unwrap(),
        said["why"].as_str().unwrap().to_owned(),
    )
}

/// The version that we come to.
fn ours(documents: &[Vec<u8>]) -> u64 {
    let mut last: Option<Root> = None;
    for document in documents {
        let Ok(root) = Root::parse(document) else { break };
        let follows = match &last {
            None => root.check_first(),
            Some(last) => last.check_next(&root),
        };
        if follows.is_err() {
            break;
        }
        last = Some(root);
    }
    last.map_or(0, |root| root.version())
}

fn bytes(root: &Root) -> Vec<u8> {
    root.document().to_bytes()
}

/// After the last root the client looks for what is not there.
const AT_THE_END: &str = "DownloadHTTPError";

#[test]
fn python_tuf_follows_the_chain() {
    if !is_there("python_tuf_follows_the_chain") {
        return;
    }
    let chain = [
        bytes(&root(1, &[1, 2, 3], &[1, 2])),
        bytes(&root(2, &[2, 3, 4], &[2, 3])),
        bytes(&root(3, &[4, 5, 6], &[2, 4, 5, 3])),
    ];
    assert_eq!(theirs(&chain), (3, AT_THE_END.to_owned()));
    assert_eq!(ours(&chain), 3);
    // Whoever writes the JSON in another way.
    let pretty = chain.clone().map(|document| {
        let value: Value = serde_json::from_slice(&document).unwrap();
        serde_json::to_vec_pretty(&value).unwrap()
    });
    assert_eq!(theirs(&pretty), (3, AT_THE_END.to_owned()));
    assert_eq!(ours(&pretty), 3);
}

#[test]
fn python_tuf_refuses_the_roots_that_we_refuse() {
    if !is_there("python_tuf_refuses_the_roots_that_we_refuse") {
        return;
    }
    let first = bytes(&root(1, &[1, 2, 3], &[1, 2]));
    let mut altered: Value = serde_json::from_slice(&bytes(&root(2, &[2, 3, 4], &[2, 3]))).unwrap();
    altered["signed"]["x-log"]["quorum"] = json!(0);
    altered["signed"]["x-log"]["witnesses"] = json!([]);
    for (what, next) in [
        ("swapped", bytes(&root(2, &[7, 8, 9], &[7, 8]))),
        ("by one of the old", bytes(&root(2, &[3, 4, 5], &[3, 4, 5]))),
        ("by one of the new", bytes(&root(2, &[3, 4, 5], &[1, 2, 3]))),
        ("one version too far", bytes(&root(3, &[1, 2, 3], &[1, 2]))),
        ("the same version", bytes(&root(1, &[1, 2, 3], &[1, 2]))),
        ("altered", altered.to_string().into_bytes()),
    ] {
        let chain = [first.clone(), next];
        let (version, why) = theirs(&chain);
        assert_eq!((version, ours(&chain)), (1, 1), "{what}: {why}");
        assert_ne!(why, AT_THE_END, "{what}");
    }
    let alone = [bytes(&root(1, &[1, 2, 3], &[1]))];
    let (version, why) = theirs(&alone);
    assert_eq!((version, ours(&alone)), (0, 0), "by one: {why}");
}
