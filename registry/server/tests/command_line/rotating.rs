//! Keys that are replaced: of people, and of the log itself.

use super::{Desk, size};
use netsonde_log::{
    client::{Advance, Client, Step, Trust},
    fetch::Progress,
    root::Root,
};
use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Go a step with the files that are served.
pub(super) fn walked(registry: &Path, mut advance: Advance) -> Step {
    loop {
        match advance.go_on().unwrap() {
            Progress::Done(step) => return step,
            Progress::Need(paths) => {
                for path in paths {
                    let file = registry.join("public/log").join(path.to_string());
                    advance.supply(path, fs::read(file).unwrap());
                }
            }
        }
    }
}

/// A client goes as far as the served files lead, knowing the first root, and learns of later ones as it needs them.
fn read_all(registry: &Path, client: &mut Client) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let checkpoint = fs::read(registry.join("public/log/checkpoint")).unwrap();
    let advance = loop {
        if let Ok(advance) = client.advance(&checkpoint, now) {
            break advance;
        }
        let next = client.root().unwrap().version() + 1;
        let file = registry.join(format!("public/roots/{next}.json"));
        client.learn(&fs::read(file).unwrap()).unwrap();
    };
    client.accept(walked(registry, advance)).unwrap();
}

fn client(registry: &Path) -> Client {
    let root = Root::parse(&fs::read(registry.join("public/roots/1.json")).unwrap()).unwrap();
    Client::new(Trust::Root(Box::new(root)), None).unwrap()
}

#[test]
fn the_key_of_somebody_is_replaced_by_those_of_before_and_of_now() {
    let desk = Desk::begun();
    desk.done("key new bob2 mallory");
    let said = desk.refused("key rotate --dir registry --replace mallory.pub=bob2.pub");
    assert!(said.contains("mallory.pub") && said.contains("no role"), "{said}");
    desk.done("key rotate --dir registry --replace bob.pub=bob2.pub");
    let said = desk.refused("key rotate --dir registry --replace eve.pub=bob2.pub");
    assert!(said.contains("waits for signatures already"), "{said}");
    // Of both sets two have to sign: Bob with both of his keys is one of each.
    let said = desk.refused("root sign registry/roots/2.json --key mallory.key --dir registry");
    assert!(said.contains("not of an owner"), "{said}");
    desk.done("root sign registry/roots/2.json --key bob.key --key bob2.key --dir registry");
    assert_eq!(size(&desk.path("registry")), 1);
    let said = desk.done("root sign registry/roots/2.json --key eve.key --dir registry");
    assert!(said.contains("entry 1 of the log"), "{said}");
    let mut client = client(&desk.path("registry"));
    read_all(&desk.path("registry"), &mut client);
    assert_eq!(client.root().unwrap().version(), 2);
    // Who was replaced has no say any more.
    let said = desk.refused("flags set telegram=off --dir registry --key bob.key");
    assert!(said.contains("does not have the role"), "{said}");
    desk.done("flags set telegram=off --dir registry --key bob2.key --key ann.key");
}

#[test]
fn the_log_goes_on_under_another_key() {
    let desk = Desk::begun();
    let registry = desk.path("registry");
    let mut early = client(&registry);
    read_all(&registry, &mut early);
    let key = fs::read(registry.join("log.key")).unwrap();
    desk.done("key rotate --dir registry --log");
    desk.done("root sign registry/roots/2.json --key ann.key --key bob.key --dir registry");
    assert_ne!(fs::read(registry.join("log.key")).unwrap(), key);
    assert!(!registry.join("log.key.next").exists());
    desk.done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    for mut client in [early, client(&registry)] {
        read_all(&registry, &mut client);
        assert_eq!(client.ledger().size(), 3);
        assert_eq!(client.root().unwrap().version(), 2);
    }
}

#[test]
fn a_root_that_ends_is_followed_by_one_with_the_same_keys() {
    let desk = Desk::begun();
    desk.done("key rotate --dir registry");
    desk.done("root sign registry/roots/2.json --key ann.key --key bob.key --dir registry");
    let mut client = client(&desk.path("registry"));
    read_all(&desk.path("registry"), &mut client);
    assert_eq!(client.root().unwrap().version(), 2);
    // A draft that was given up leaves nothing behind that is in the way.
    desk.done("key rotate --dir registry --log");
    fs::remove_file(desk.path("registry/roots/3.json")).unwrap();
    desk.done("key rotate --dir registry --log");
}

#[test]
fn a_first_root_that_names_another_log_is_not_published() {
    let desk = Desk::registry();
    let other = Desk::registry();
    let mut root = Root::parse(&fs::read(other.path("registry/roots/1.json")).unwrap()).unwrap();
    for who in ["ann", "bob"] {
        let pem = fs::read_to_string(other.path(&format!("{who}.key"))).unwrap();
        root = root
            .signed_by(&netsonde_registry::people::secret(&pem).unwrap())
            .unwrap();
    }
    fs::write(desk.path("registry/roots/1.json"), root.document().to_string()).unwrap();
    fs::copy(other.path("ann.key"), desk.path("their.key")).unwrap();
    let said = desk.refused("root sign registry/roots/1.json --key their.key --dir registry");
    assert!(said.contains("names another key for the log"), "{said}");
    let checkpoint = fs::read_to_string(desk.path("registry/public/log/checkpoint")).unwrap();
    assert_eq!(checkpoint.lines().nth(1), Some("0"));
}

#[test]
fn killed_while_the_key_changes_it_goes_on() {
    let desk = Desk::begun();
    let registry = desk.path("registry");
    desk.done("key rotate --dir registry --log");
    let (key, next) = (
        fs::read(registry.join("log.key")).unwrap(),
        fs::read(registry.join("log.key.next")).unwrap(),
    );
    let checkpoint = registry.join("public/log/checkpoint");
    desk.done("root sign registry/roots/2.json --key ann.key --key bob.key --dir registry");
    // As it was when the root was in the log and nothing else was done.
    fs::write(registry.join("log.key"), &key).unwrap();
    fs::write(registry.join("log.key.next"), &next).unwrap();
    fs::remove_file(registry.join("log.before")).unwrap();
    let secret: netsonde_log::keys::LogSecret = String::from_utf8(key).unwrap().trim().parse().unwrap();
    let tree = early_tree(&registry);
    let signed = secret.checkpoint(tree, 1).to_string();
    fs::write(&checkpoint, signed).unwrap();
    desk.done("status --dir registry");
    assert_eq!(fs::read(registry.join("log.key")).unwrap(), next);
    // As it was when the key was changed and nothing was signed with it.
    let signed = secret.checkpoint(tree, 1).to_string();
    fs::write(&checkpoint, signed).unwrap();
    desk.done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    let mut client = client(&registry);
    read_all(&registry, &mut client);
    assert_eq!(client.ledger().size(), 3);
}

/// The tree of the checkpoint that is served.
fn early_tree(registry: &Path) -> netsonde_log::tree::Tree {
    let root = Root::parse(&fs::read(registry.join("public/roots/2.json")).unwrap()).unwrap();
    let checkpoint = fs::read(registry.join("public/log/checkpoint")).unwrap();
    root.policy().open(&checkpoint, u64::MAX).unwrap().tree
}

#[test]
fn a_root_that_names_a_key_that_nobody_holds_is_not_published() {
    let desk = Desk::begun();
    let registry = desk.path("registry");
    desk.done("key rotate --dir registry --log");
    fs::remove_file(registry.join("log.key.next")).unwrap();
    let said = desk.refused("root sign registry/roots/2.json --key ann.key --key bob.key --dir registry");
    assert!(said.contains("log.key.next"), "{said}");
    assert_eq!(size(&registry), 1);
    desk.done("status --dir registry");
}
