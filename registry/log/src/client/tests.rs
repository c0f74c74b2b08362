use super::*;
use crate::canonical::fields::ToValue as _;
use crate::fetch::Progress;
use crate::keys::{LogSecret, WitnessSecret};
use crate::leaf::{Flags, Leaf, ModuleRevoke, Payload, Snapshot};
use crate::note::Note;
use crate::role::Role;
use crate::root::RootDraft;
use crate::testing::{
    EXPIRES, NOW, ORIGIN, attest, digest, draft, first_root, keys, log_secret, module, name, publication,
    root_leaf, said, said_by, seeds, signed, witness,
};
use crate::tiles::Path;
use crate::writer::Writer;
use proptest::prelude::*;
use std::collections::BTreeMap;

mod attacks;

/// A log with its files, as any mirror has them.
#[derive(Clone)]
struct Mirror {
    writer: Writer,
    files: BTreeMap<Path, Vec<u8>>,
    tree: Tree,
}

impl Mirror {
    fn new(leaves: &[Vec<u8>]) -> Self {
        let mut mirror = Self {
            writer: Writer::new(),
            files: BTreeMap::new(),
            tree: Tree::EMPTY,
        };
        mirror.append(leaves);
        mirror
    }

    fn append(&mut self, leaves: &[Vec<u8>]) {
        let growth = self.writer.append(leaves).unwrap();
        self.files.extend(growth.files);
        self.tree = growth.tree;
    }

    /// A checkpoint that two of the three witnesses saw.
    fn checkpoint(&self, time: u64) -> Vec<u8> {
        seen(&log_secret(), &[witness(0), witness(1)], self.tree, time)
    }
}

fn seen(log: &LogSecret, witnesses: &[WitnessSecret], tree: Tree, time: u64) -> Vec<u8> {
    let mut note: Note = log.checkpoint(tree, time);
    for witness in witnesses {
        let line = witness.cosign(&note, time);
        note.push(line);
    }
    note.to_string().into_bytes()
}

fn trust() -> Trust {
    Trust::Root(Box::new(first_root()))
}

fn client() -> Client {
    Client::new(trust(), None).unwrap()
}

/// Fetch what a step needs, and go it.
fn go(client: &mut Client, mut advance: Advance, mirror: &Mirror) -> Result<(), ClientError> {
    loop {
        match advance.go_on()? {
            Progress::Done(step) => return client.accept(step),
            Progress::Need(paths) => {
                for path in paths {
                    let bytes = mirror.files.get(&path).unwrap_or_else(|| panic!("no {path}"));
                    advance.supply(path, bytes.clone());
                }
            }
        }
    }
}

fn follow(client: &mut Client, mirror: &Mirror, now: u64) -> Result<(), ClientError> {
    let advance = client.advance(&mirror.checkpoint(now), now)?;
    go(client, advance, mirror)
}

/// A root, a module that is rebuilt, a script.
fn leaves() -> Vec<Vec<u8>> {
    let module = module("signal", "1.0.0", "bytes");
    vec![
        root_leaf(&first_root()),
        said(&Payload::ModuleRelease(module.clone()), Role::Modules),
        said(&Payload::RebuildAttest(attest(&module)), Role::Rebuild),
        said(
            &Payload::ScriptPublish(publication("daily", "script", NOW)),
            Role::Scripts,
        ),
    ]
}

fn revoked(bytes: &str) -> Vec<u8> {
    let revoke = Payload::ModuleRevoke(ModuleRevoke {
        name: name("signal"),
        version: "1.0.0".parse().unwrap(),
        digest: digest(bytes),
        reason: digest("why"),
    });
    said(&revoke, Role::Emergency)
}

fn runs(client: &Client, now: u64) -> bool {
    client.may_run(&digest("bytes"), now).is_ok()
}

#[test]
fn a_client_that_knows_one_root_learns_what_may_run() {
    let mut client = client();
    let mut mirror = Mirror::new(&leaves());
    assert_eq!(client.may_run(&digest("bytes"), NOW), Err(WhyNot::NoRoot));
    follow(&mut client, &mirror, NOW).unwrap();
    assert!(runs(&client, NOW));
    assert_eq!(
        client.newest(&name("signal"), NOW).unwrap().module.digest,
        digest("bytes")
    );
    assert_eq!(
        client.script(&name("daily"), NOW).unwrap().digest,
        digest("script")
    );
    let floor = client.floor().unwrap();
    assert_eq!(
        (floor.tree, floor.time, floor.root_version),
        (mirror.tree, NOW, 1)
    );

    // Many leaves later, most of which do not hold.
    let junk: Vec<Vec<u8>> = (0..600)
        .map(|number: u32| number.to_be_bytes().to_vec())
        .collect();
    mirror.append(&junk);
    mirror.append(&[revoked("bytes")]);
    follow(&mut client, &mirror, NOW + 60).unwrap();
    assert_eq!(
        client.may_run(&digest("bytes"), NOW + 60),
        Err(WhyNot::Revoked {
            digest: digest("bytes"),
            index: 604
        })
    );
    assert_eq!(client.ledger().refusals(), 600);
}

#[test]
fn a_log_that_did_not_grow_is_seen_again() {
    let mut client = client();
    let mirror = Mirror::new(&leaves());
    follow(&mut client, &mirror, NOW).unwrap();
    let mut advance = client.advance(&mirror.checkpoint(NOW + 600), NOW + 600).unwrap();
    let Progress::Done(step) = advance.go_on().unwrap() else {
        panic!("nothing is needed")
    };
    client.accept(step).unwrap();
    assert_eq!(client.floor().unwrap().time, NOW + 600);
    // An older one of the same size takes nothing back.
    let advance = client.advance(&mirror.checkpoint(NOW), NOW + 600).unwrap();
    go(&mut client, advance, &mirror).unwrap();
    assert_eq!(client.floor().unwrap().time, NOW + 600);
}

#[test]
fn what_was_kept_is_gone_on_from() {
    let mut client = client();
    let mut mirror = Mirror::new(&leaves());
    follow(&mut client, &mirror, NOW).unwrap();
    let floor = client.floor().unwrap().to_string();
    let document = client.ledger().to_document();
    let resume = |floor: &str, document: &[u8]| Client::resume(trust(), floor.parse().unwrap(), document);
    let mut resumed = resume(&floor, &document).unwrap();
    assert!(runs(&resumed, NOW));
    mirror.append(&[revoked("bytes")]);
    follow(&mut resumed, &mirror, NOW).unwrap();
    assert!(!runs(&resumed, NOW));

    // The floor was stored, the ledger was not: nothing runs until it is read.
    let later = resumed.floor().unwrap().to_string();
    let mut behind = resume(&later, &document).unwrap();
    let unread = WhyNot::Unread { read: 4, size: 5 };
    assert_eq!(behind.may_run(&digest("bytes"), NOW), Err(unread));
    follow(&mut behind, &mirror, NOW).unwrap();
    assert!(matches!(
        behind.may_run(&digest("bytes"), NOW),
        Err(WhyNot::Revoked { .. })
    ));
    // Or nothing was read yet.
    let nothing = Ledger::new(first_root().digest()).to_document();
    let mut behind = resume(&later, &nothing).unwrap();
    follow(&mut behind, &mirror, NOW).unwrap();
    assert_eq!(behind.ledger().size(), 5);
    // The other way round they do not go together.
    let ahead = resume(&floor, &resumed.ledger().to_document());
    assert!(matches!(ahead, Err(ClientError::Kept { floor: 4, .. })));
}

#[test]
fn a_client_starts_late_with_a_document_that_the_log_names() {
    let mut mirror = Mirror::new(&leaves());
    let mut reader = client();
    follow(&mut reader, &mirror, NOW).unwrap();
    let document = reader.ledger().to_document();
    let snapshot = Payload::Snapshot(Snapshot {
        size: 4,
        root: mirror.tree.root(),
        digest: Digest::of(&document),
    });
    let start = |mirror: &Mirror| {
        let mut client = client();
        let advance = client.start(&document, &mirror.checkpoint(NOW), NOW)?;
        go(&mut client, advance, mirror).map(|()| client)
    };
    let unnamed = ClientError::NoSnapshot(Digest::of(&document));
    assert_eq!(start(&mirror).unwrap_err(), unnamed);
    // Nor when somebody says so who may not.
    mirror.append(&[said_by(&snapshot, Role::Snapshot, &seeds(Role::Modules))]);
    assert_eq!(start(&mirror).unwrap_err(), unnamed);
    // Nor when it is said of another document, or of another size.
    for (size, digest) in [(4, digest("another")), (5, Digest::of(&document))] {
        let mut mirror = mirror.clone();
        let root = mirror.tree.root();
        let other = Payload::Snapshot(Snapshot { size, root, digest });
        mirror.append(&[said(&other, Role::Snapshot)]);
        assert_eq!(start(&mirror).unwrap_err(), unnamed);
    }
    mirror.append(&[said(&snapshot, Role::Snapshot), revoked("other")]);
    let started = start(&mirror).unwrap();
    assert!(runs(&started, NOW));
    follow(&mut reader, &mirror, NOW).unwrap();
    assert_eq!(started.ledger().to_document(), reader.ledger().to_document());
    // Who has read leaves does not.
    let again = reader.start(&document, &mirror.checkpoint(NOW), NOW);
    assert_eq!(again.unwrap_err(), ClientError::NotAtStart(7));
}

#[test]
fn the_keys_of_the_log_change_with_the_root() {
    let mut mirror = Mirror::new(&leaves());
    let mut old = client();
    follow(&mut old, &mirror, NOW).unwrap();
    // The log's key was stolen, and two witnesses were replaced.
    let log = LogSecret::new(ORIGIN, &[201; 32]).unwrap();
    let witnesses = [witness(0), witness(7), witness(8)];
    let mut next: RootDraft = draft();
    next.version = 2;
    next.log.log = log.public();
    next.log.witnesses = witnesses.iter().map(WitnessSecret::public).collect();
    let next = signed(&next, &[0, 1, 2]);
    mirror.append(&[root_leaf(&next), revoked("bytes")]);
    let checkpoint = seen(&log, &witnesses, mirror.tree, NOW);
    assert!(matches!(
        old.advance(&checkpoint, NOW),
        Err(ClientError::Checkpoint(_))
    ));
    old.learn(&next.document().to_value().to_bytes()).unwrap();
    let advance = old.advance(&checkpoint, NOW).unwrap();
    go(&mut old, advance, &mirror).unwrap();
    assert_eq!(old.floor().unwrap().root_version, 2);
    // The old ones are worth nothing any more.
    assert!(matches!(
        old.advance(&mirror.checkpoint(NOW), NOW),
        Err(ClientError::Checkpoint(_))
    ));
}

#[test]
fn a_client_can_be_built_with_the_digest_of_the_first_root() {
    let trust = || Trust::Digest(first_root().digest());
    let mut client = Client::new(trust(), None).unwrap();
    let mirror = Mirror::new(&leaves());
    assert_eq!(
        follow(&mut client, &mirror, NOW),
        Err(ClientError::NoRoot(first_root().digest()))
    );
    let mut other = draft();
    other.expires += 1;
    let other = signed(&other, &[0, 1, 2]).document().to_bytes();
    assert!(matches!(
        client.learn(&other),
        Err(ClientError::OtherFirstRoot { .. })
    ));
    client.learn(&first_root().document().to_bytes()).unwrap();
    follow(&mut client, &mirror, NOW).unwrap();
    assert!(runs(&client, NOW));
    assert!(
        Client::resume(
            trust(),
            client.floor().unwrap().clone(),
            &client.ledger().to_document()
        )
        .is_ok()
    );
}

#[test]
fn of_two_steps_from_one_place_one_is_gone() {
    let mut client = client();
    let mut mirror = Mirror::new(&leaves());
    let fork = {
        let mut fork = mirror.clone();
        fork.append(&[b"other".to_vec(), b"leaves".to_vec()]);
        fork
    };
    mirror.append(&[revoked("bytes")]);
    let finish = |client: &Client, mirror: &Mirror| {
        let mut advance = client.advance(&mirror.checkpoint(NOW), NOW).unwrap();
        loop {
            match advance.go_on().unwrap() {
                Progress::Done(step) => return step,
                Progress::Need(paths) => {
                    for path in paths {
                        advance.supply(path, mirror.files[&path].clone());
                    }
                }
            }
        }
    };
    let [one, other] = [&mirror, &fork].map(|mirror| finish(&client, mirror));
    client.accept(one).unwrap();
    let overtaken = ClientError::Overtaken { from: 0, tree: 5 };
    assert_eq!(client.accept(other), Err(overtaken));
}
