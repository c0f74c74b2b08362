//! The commands of operators and of the people who have roles, typed as they type them.

#![expect(clippy::unwrap_used, reason = "test code")]

use netsonde_log::{policy::Policy, root::Root};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// A folder to work in, and the binary in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_netsonde-registry"))
            .current_dir(self.0.path())
            .args(line.split_whitespace())
            .output()
            .unwrap()
    }

    /// What it says when all goes well.
    fn done(&self, line: &str) -> String {
        let output = self.run(line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says when not.
    fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// A registry of three owners, with its first root published.
    fn begun() -> Self {
        let desk = Self::new();
        desk.done("key new ann bob eve");
        desk.done(
            "root init --dir registry --origin registry.example/log --key ann.pub --key bob.pub --key eve.pub --sign ann.key \
             --sign bob.key",
        );
        desk
    }

    /// A registry whose first root is written and not signed.
    fn registry() -> Self {
        let desk = Self::new();
        desk.done("key new ann bob eve");
        desk.done(
            "root init --dir registry --origin registry.example/log --key ann.pub --key bob.pub --key eve.pub",
        );
        desk
    }
}

#[cfg(unix)]
mod modules;
mod monitoring;
mod publishing;
mod rotating;
mod witnessing;

fn size(registry: &Path) -> u64 {
    let root = Root::parse(&fs::read(registry.join("roots/1.json")).unwrap()).unwrap();
    let policy: &Policy = root.policy();
    let checkpoint = fs::read(registry.join("public/log/checkpoint")).unwrap();
    policy.open(&checkpoint, u64::MAX).unwrap().tree.size()
}

#[test]
fn a_root_is_published_when_enough_of_its_owners_have_signed() {
    let desk = Desk::registry();
    assert_eq!(size(&desk.path("registry")), 0);
    let said = desk.done("root sign registry/roots/1.json --key ann.key --dir registry");
    assert!(said.contains("1 of the 2"), "{said}");
    // The same hand twice is one hand.
    desk.done("root sign registry/roots/1.json --key ann.key --dir registry");
    assert_eq!(size(&desk.path("registry")), 0);
    // Carried to the machine with the key, and back.
    fs::rename(desk.path("registry/roots/1.json"), desk.path("carried.json")).unwrap();
    let said = desk.done("root sign carried.json --key bob.key");
    assert!(said.contains("publish it with --dir"), "{said}");
    fs::rename(desk.path("carried.json"), desk.path("registry/roots/1.json")).unwrap();
    let said = desk.done("root sign registry/roots/1.json --key bob.key --dir registry");
    assert!(said.contains("entry 0 of the log"), "{said}");
    assert_eq!(size(&desk.path("registry")), 1);
    let root = fs::read(desk.path("registry/roots/1.json")).unwrap();
    let digest = Root::parse(&root).unwrap().digest();
    assert!(said.contains(&digest.to_string()), "{said}");
    let said = desk.refused("root sign registry/roots/1.json --key eve.key --dir registry");
    assert!(said.contains("published already"), "{said}");
    assert_eq!(fs::read(desk.path("registry/roots/1.json")).unwrap(), root);
}

#[test]
fn a_root_is_served_when_it_is_published_and_again_where_its_file_is_gone() {
    let desk = Desk::registry();
    let served = desk.path("registry/public/roots/1.json");
    desk.done("root sign registry/roots/1.json --key ann.key --dir registry");
    assert!(!served.exists(), "it is not published yet");
    desk.done("root sign registry/roots/1.json --key bob.key --dir registry");
    let root = fs::read(&served).unwrap();
    let signed = Root::parse(&fs::read(desk.path("registry/roots/1.json")).unwrap()).unwrap();
    assert_eq!(root, signed.document().to_bytes());
    fs::remove_dir_all(served.parent().unwrap()).unwrap();
    desk.refused("root sign registry/roots/1.json --key eve.key --dir registry");
    assert_eq!(fs::read(&served).unwrap(), root);
}

#[test]
fn strangers_sign_nothing_and_nothing_is_overwritten() {
    let desk = Desk::registry();
    desk.done("key new mallory");
    let before = fs::read(desk.path("registry/roots/1.json")).unwrap();
    let said = desk.refused("root sign registry/roots/1.json --key mallory.key --dir registry");
    assert!(said.contains("is not of an owner"), "{said}");
    assert_eq!(fs::read(desk.path("registry/roots/1.json")).unwrap(), before);
    let key = fs::read(desk.path("ann.key")).unwrap();
    let said = desk.refused("key new ann");
    assert!(said.contains("ann.key"), "{said}");
    assert_eq!(fs::read(desk.path("ann.key")).unwrap(), key);
    let said = desk.refused("root init --dir registry --origin registry.example/log --key ann.pub");
    assert!(said.contains("holds a registry already"), "{said}");
}

#[test]
fn a_registry_that_can_not_be_is_not_begun() {
    let desk = Desk::new();
    desk.done("key new ann bob");
    for (more, said) in [
        ("--key ann.key", "secret key"),
        ("--key ann.pub --key ann.pub", "listed twice"),
        ("--key ann.pub --role modules=bob.pub:2", "2 of 1"),
        ("--key ann.pub --role root=ann.pub", "--origin"),
        ("--key ann.pub --role modules=nobody.pub", "nobody.pub"),
        (
            "--key ann.pub --role lists=bob.pub --role lists=ann.pub",
            "given twice",
        ),
    ] {
        let origin = if said == "--origin" {
            ""
        } else {
            " --origin registry.example/log"
        };
        let told = desk.refused(&format!("root init --dir registry{origin} {more}"));
        assert!(told.contains(said), "{more}: {told}");
        assert!(!desk.path("registry").exists(), "{more}");
    }
}

#[test]
#[cfg(unix)]
fn a_secret_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::registry();
    for secret in ["ann.key", "registry/log.key"] {
        let mode = fs::metadata(desk.path(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
}
