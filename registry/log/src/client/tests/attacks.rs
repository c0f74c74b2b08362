//! What is tried with a probe by mirrors, by whoever writes the log, and by thieves. Each of it has a name.

use super::*;
use crate::fetch::FetchError;
use crate::policy::OpenError;
use crate::root::RootError;

/// A client that has read the log, and the log.
fn settled() -> (Client, Mirror) {
    let mut client = client();
    let mirror = Mirror::new(&leaves());
    follow(&mut client, &mirror, NOW).unwrap();
    (client, mirror)
}

/// It fails, and the client is where it was.
fn fails(client: &mut Client, mirror: &Mirror, now: u64) -> ClientError {
    let before = (client.floor().cloned(), client.ledger().to_document());
    let error = follow(client, mirror, now).unwrap_err();
    assert_eq!((client.floor().cloned(), client.ledger().to_document()), before);
    error
}

#[test]
fn a_rolled_back_log_is_refused() {
    let (mut client, _) = settled();
    let shorter = Mirror::new(&leaves()[..3]);
    let rolled_back = ClientError::RolledBack { seen: 4, found: 3 };
    assert_eq!(fails(&mut client, &shorter, NOW + 60), rolled_back);
    // Also after a restart, by the floor alone.
    let floor = client.floor().unwrap().clone();
    let mut fresh = Client::new(trust(), Some(floor)).unwrap();
    assert_eq!(fails(&mut fresh, &shorter, NOW + 60), rolled_back);
}

#[test]
fn a_forked_log_is_refused() {
    let (mut client, mirror) = settled();
    let mut others = leaves();
    others.swap(1, 2);
    let mut fork = Mirror::new(&others);
    let seen = mirror.tree;
    let forked = |found| ClientError::Forked { seen, found };
    // Of the same size, and grown.
    assert_eq!(fails(&mut client, &fork, NOW), forked(fork.tree.root()));
    let found = fork.tree.root();
    fork.append(&[revoked("other")]);
    assert_eq!(fails(&mut client, &fork, NOW), forked(found));
    let floor = client.floor().unwrap().clone();
    let mut fresh = Client::new(trust(), Some(floor)).unwrap();
    assert_eq!(fails(&mut fresh, &fork, NOW), forked(found));
}

#[test]
fn a_frozen_log_begins_nothing_new_and_ends_nothing() {
    let (mut client, mirror) = settled();
    // The mirror goes on serving what once was.
    let checkpoint = mirror.checkpoint(NOW);
    let now = NOW + 16 * 60;
    let advance = client.advance(&checkpoint, now).unwrap();
    go(&mut client, advance, &mirror).unwrap();
    let frozen = WhyNot::Frozen { age: 960, limit: 900 };
    assert_eq!(client.script(&name("daily"), now), Err(frozen.clone()));
    assert_eq!(client.list(&name("daily"), now), Err(frozen));
    assert!(runs(&client, now));
    assert!(!client.is_news_late(now));
    assert!(client.is_news_late(NOW + 8 * 86_400));
    assert!(matches!(
        client.may_run(&digest("bytes"), NOW + 91 * 86_400),
        Err(WhyNot::TooLongOffline { .. })
    ));
}

#[test]
fn by_old_news_nothing_is_switched_on_and_what_is_off_stays_so() {
    let mut leaves = leaves();
    let flags = Payload::Flags(Flags {
        nettests: BTreeMap::from([(name("tor"), true), (name("psiphon"), false)]),
        issued: NOW,
        expires: NOW + 86_400,
    });
    leaves.push(said(&flags, Role::Scripts));
    let mut client = client();
    follow(&mut client, &Mirror::new(&leaves), NOW).unwrap();
    let is_on = |now| ["tor", "psiphon"].map(|nettest| client.is_switched_on(&name(nettest), now));
    assert_eq!(is_on(NOW), [Some(true), Some(false)]);
    assert_eq!(is_on(NOW + 3600), [None, Some(false)]);
    // Nor by leaves that others may have taken back.
    let mut floor = client.floor().unwrap().clone();
    floor.tree = Tree::new(floor.tree.size() + 1, floor.tree.root()).unwrap();
    let behind = Client::resume(trust(), floor, &client.ledger().to_document()).unwrap();
    let is_on = ["tor", "psiphon"].map(|nettest| behind.is_switched_on(&name(nettest), NOW));
    assert_eq!(is_on, [None, Some(false)]);
}

#[test]
fn a_clock_that_was_set_back_is_noticed() {
    let (mut client, mirror) = settled();
    let now = NOW - 86_400;
    let behind = ClientError::ClockBehind { now, seen: NOW };
    assert_eq!(fails(&mut client, &mirror, now), behind);
    let behind = WhyNot::ClockBehind { now, seen: NOW };
    assert_eq!(client.may_run(&digest("bytes"), now), Err(behind.clone()));
    assert_eq!(client.script(&name("daily"), now), Err(behind));
}

#[test]
fn a_stolen_log_key_has_no_witnesses() {
    let (mut client, mut mirror) = settled();
    mirror.append(&[revoked("bytes")]);
    for witnesses in [
        &[][..],
        &[witness(0)],
        &[witness(0), witness(0)],
        &[witness(0), witness(9)],
    ] {
        let checkpoint = seen(&log_secret(), witnesses, mirror.tree, NOW);
        let error = client.advance(&checkpoint, NOW).unwrap_err();
        assert!(
            matches!(
                error,
                ClientError::Checkpoint(OpenError::Quorum { wanted: 2, .. })
            ),
            "{error:?}"
        );
    }
    // Nor do witnesses have a log.
    let other = LogSecret::new(ORIGIN, &[99; 32]).unwrap();
    let checkpoint = seen(&other, &[witness(0), witness(1)], mirror.tree, NOW);
    assert!(matches!(
        client.advance(&checkpoint, NOW),
        Err(ClientError::Checkpoint(_))
    ));
    // And if it had: what it appends nobody signed.
    let module = module("signal", "2.0.0", "evil");
    mirror.append(&[
        said_by(&Payload::ModuleRelease(module.clone()), Role::Modules, &[]),
        said_by(&Payload::RebuildAttest(attest(&module)), Role::Rebuild, &[200]),
    ]);
    follow(&mut client, &mirror, NOW).unwrap();
    let why = client.may_run(&module.digest, NOW);
    assert_eq!(why, Err(WhyNot::NotReleased(module.digest)));
    assert_eq!(client.ledger().refusals(), 2);
}

#[test]
fn one_stolen_reviewers_key_makes_nothing_run() {
    let (mut client, mut mirror) = settled();
    let module = module("signal", "2.0.0", "evil");
    for seed in [
        seeds(Role::Modules)[0],
        seeds(Role::Rebuild)[0],
        seeds(Role::Emergency)[0],
    ] {
        for role in Role::ALL {
            mirror.append(&[
                said_by(&Payload::ModuleRelease(module.clone()), role, &[seed]),
                said_by(&Payload::RebuildAttest(attest(&module)), role, &[seed]),
            ]);
        }
    }
    follow(&mut client, &mirror, NOW).unwrap();
    let why = client.may_run(&module.digest, NOW);
    assert_eq!(why, Err(WhyNot::NotReleased(module.digest)));
    assert!(runs(&client, NOW));
}

#[test]
fn nothing_is_learnt_under_a_root_that_is_over() {
    let (mut client, mut mirror) = settled();
    mirror.append(&[revoked("bytes")]);
    let (version, expires) = (1, EXPIRES);
    let is_over = ClientError::RootExpired { version, expires };
    assert_eq!(fails(&mut client, &mirror, EXPIRES), is_over);
    // The next root brings it on.
    let mut next = draft();
    next.version = 2;
    next.expires = EXPIRES + 1000;
    let next = signed(&next, &[0, 1, 2]);
    mirror.append(&[root_leaf(&next)]);
    client.learn(&next.document().to_bytes()).unwrap();
    follow(&mut client, &mirror, EXPIRES).unwrap();
}

#[test]
fn a_swapped_root_is_refused() {
    let (mut client, mut mirror) = settled();
    let mut swapped = draft();
    swapped.version = 2;
    swapped.root = keys(Role::Root, &[100, 101, 102], 1);
    let swapped = signed(&swapped, &[100, 101, 102]);
    assert!(matches!(
        client.learn(&swapped.document().to_bytes()),
        Err(ClientError::Root(RootError::TooFew { signed: 0, .. }))
    ));
    // In the log it has no effect.
    mirror.append(&[root_leaf(&swapped)]);
    follow(&mut client, &mirror, NOW).unwrap();
    assert_eq!(client.root().unwrap().version(), 1);
    assert_eq!(client.floor().unwrap().root_version, 1);
}

#[test]
fn a_root_that_others_do_not_see_is_refused() {
    let (mut client, mirror) = settled();
    let mut hidden = draft();
    hidden.version = 2;
    hidden.expires += 1;
    let hidden = signed(&hidden, &[0, 1, 2]);
    client.learn(&hidden.document().to_bytes()).unwrap();
    let not_in_log = ClientError::RootNotInLog {
        version: 2,
        digest: hidden.digest(),
    };
    assert_eq!(fails(&mut client, &mirror, NOW), not_in_log);
    // Or see another one.
    let mut other = mirror.clone();
    let mut shown = draft();
    shown.version = 2;
    other.append(&[root_leaf(&signed(&shown, &[0, 1, 2]))]);
    assert_eq!(fails(&mut client, &other, NOW), not_in_log);
    // The same one, as more have signed it, is no other.
    let mut same = mirror;
    same.append(&[root_leaf(&hidden.signed_by(&crate::testing::secret(3)).unwrap())]);
    follow(&mut client, &same, NOW).unwrap();
}

#[test]
fn altered_files_prove_nothing_and_those_of_another_mirror_do() {
    let (client, mut mirror) = settled();
    let more: Vec<Vec<u8>> = (0..300)
        .map(|number: u32| number.to_be_bytes().to_vec())
        .collect();
    mirror.append(&more);
    let checkpoint = mirror.checkpoint(NOW);
    let mut noticed = 0;
    for path in mirror.files.keys() {
        let mut altered = mirror.clone();
        let bytes = altered.files.get_mut(path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let mut client = client.clone();
        let mut advance = client.advance(&checkpoint, NOW).unwrap();
        let mut bad = &altered;
        let mut errors = 0;
        let step = loop {
            match advance.go_on() {
                Ok(Progress::Done(step)) => break step,
                Ok(Progress::Need(paths)) => {
                    for path in paths {
                        advance.supply(path, bad.files[&path].clone());
                    }
                }
                Err(ClientError::Files(
                    FetchError::Altered(_)
                    | FetchError::Root { .. }
                    | FetchError::Bundle { .. }
                    | FetchError::Tile { .. },
                )) => {
                    errors += 1;
                    bad = &mirror;
                }
                Err(error) => panic!("{path}: {error:?}"),
            }
        };
        assert!(errors <= 1);
        noticed += errors;
        client.accept(step).unwrap();
        assert_eq!(client.ledger().refusals(), 300, "{path}");
    }
    // Two bundles and their tiles; the others are of smaller sizes, and nobody asks for them.
    assert_eq!(noticed, 5);
}

#[test]
fn a_floor_of_another_log_is_not_taken() {
    let (client, mirror) = settled();
    let mut floor = client.floor().unwrap().clone();
    floor.origin = "other.example/log".to_owned();
    let mut other = Client::new(trust(), Some(floor)).unwrap();
    assert!(matches!(
        fails(&mut other, &mirror, NOW),
        ClientError::Kept { .. }
    ));
}

#[test]
fn the_first_root_of_another_log_makes_no_client() {
    let mut forged = draft();
    forged.root = keys(Role::Root, &[100, 101], 2);
    let root = signed(&forged, &[100]);
    let refused = Client::new(Trust::Root(Box::new(root)), None);
    assert!(matches!(
        refused,
        Err(ClientError::Root(RootError::TooFew { .. }))
    ));
    // A log whose root it is not says nothing.
    let root = signed(&forged, &[100, 101]);
    let mut client = Client::new(Trust::Root(Box::new(root)), None).unwrap();
    let mirror = Mirror::new(&leaves());
    assert!(matches!(
        fails(&mut client, &mirror, NOW),
        ClientError::RootNotInLog { version: 1, .. }
    ));
}

/// A leaf that somebody who has some of the keys appends. None is enough to make anything run.
fn attempt(what: u8, role: u8, seed: u8) -> Vec<u8> {
    let module = module("signal", "2.0.0", "evil");
    let payload = match what {
        0 => Payload::ModuleRelease(module),
        1 => Payload::RebuildAttest(attest(&module)),
        2 => {
            let mut root = draft();
            root.version = 2;
            root.root = keys(Role::Root, &[100], 1);
            Payload::Root(Box::new(signed(&root, &[100, seed])))
        }
        _ => {
            return Leaf::new("other.example/log", &Payload::ModuleRelease(module))
                .unwrap()
                .to_bytes();
        }
    };
    let role = Role::ALL[usize::from(role)];
    match payload {
        Payload::Root(_) => Leaf::new(ORIGIN, &payload).unwrap().to_bytes(),
        _ => said_by(&payload, role, &[seed]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_number_of_leaves_by_single_keys_makes_anything_run(
        attempts in prop::collection::vec((0..4_u8, 0..9_u8, 0..90_u8), 0..12),
    ) {
        let (mut client, mut mirror) = settled();
        for (what, role, seed) in attempts {
            mirror.append(&[attempt(what, role, seed)]);
        }
        follow(&mut client, &mirror, NOW).unwrap();
        prop_assert_eq!(client.may_run(&digest("evil"), NOW), Err(WhyNot::NotReleased(digest("evil"))));
        prop_assert!(runs(&client, NOW));
        prop_assert_eq!(client.root().unwrap().version(), 1);
    }
}
