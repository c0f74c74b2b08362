//! What somebody tries who can append to the log, and who stole one key or another.

use super::*;

#[test]
fn one_stolen_key_releases_nothing() {
    let mut ledger = ledger();
    let module = Payload::ModuleRelease(module("signal", "1.0.0", "evil"));
    let stolen = &seeds(Role::Modules)[..1];
    let too_few = Refused::TooFew {
        role: Role::Modules,
        signed: 1,
        needed: 2,
    };
    assert_eq!(
        refused(&mut ledger, &said_by(&module, Role::Modules, stolen)),
        too_few
    );
}

#[test]
fn the_key_of_the_log_alone_says_nothing() {
    let mut ledger = ledger();
    let module = Payload::ModuleRelease(module("signal", "1.0.0", "evil"));
    assert_eq!(
        refused(&mut ledger, &said_by(&module, Role::Modules, &[])),
        Refused::NotSigned
    );
    // Its seed is no role's.
    let log = said_by(&module, Role::Modules, &[200, 201]);
    assert!(matches!(refused(&mut ledger, &log), Refused::NotInRole { .. }));
}

#[test]
fn one_key_that_signs_twice_counts_once() {
    let mut ledger = ledger();
    let module = Payload::ModuleRelease(module("signal", "1.0.0", "evil"));
    let once = said_by(&module, Role::Modules, &seeds(Role::Modules)[..1]);
    let text = String::from_utf8(once).unwrap();
    let (before, signature) = text.split_once("\"sigs\":[").unwrap();
    let signature = signature.strip_suffix("]}").unwrap();
    let twice = format!("{before}\"sigs\":[{signature},{signature}]}}");
    assert!(matches!(
        refused(&mut ledger, twice.as_bytes()),
        Refused::SignedTwice(_)
    ));
}

#[test]
fn a_role_says_nothing_of_a_more_powerful_ring() {
    for payload in crate::leaf::tests::one_of_each() {
        for role in Role::ALL {
            let mut ledger = ledger();
            let outcome = ledger.apply(&said_by(&payload, role, &seeds(role)));
            let may = match payload.kind() {
                "root" => &[][..],
                "policy" => &[Role::Root],
                "module.release" => &[Role::Modules],
                "module.yank" | "module.revoke" => &[Role::Modules, Role::Emergency],
                "rebuild.attest" => &[Role::Rebuild],
                "script.publish" | "script.revoke" | "flags" => &[Role::Scripts, Role::Emergency],
                "list.publish" => &[Role::Lists, Role::Emergency],
                "event.schedule" => &[Role::Schedule],
                "event.widen" | "event.close" => &[Role::Schedule, Role::Adjust],
                "event.cancel" => &[Role::Schedule, Role::Adjust, Role::Emergency],
                _ => &[Role::Snapshot],
            };
            let is_wrong_role = matches!(outcome, Err(Refused::WrongRole { .. } | Refused::SignedOutside));
            assert_eq!(
                !is_wrong_role,
                may.contains(&role),
                "{} by {role}",
                payload.kind()
            );
        }
    }
}

#[test]
fn a_signature_in_one_role_is_none_in_another() {
    // One person with two roles, so that only the role tells.
    let mut both = draft();
    both.roles
        .insert(Role::Emergency, keys(Role::Emergency, &seeds(Role::Scripts), 1));
    let root = signed(&both, &[0, 1, 2]);
    let mut ledger = Ledger::new(root.digest());
    apply(&mut ledger, &root_leaf(&root));
    let by_scripts = said_by(&flags(false, NOW), Role::Scripts, &seeds(Role::Scripts)[..2]);
    let relabelled = String::from_utf8(by_scripts.clone())
        .unwrap()
        .replace("\"scripts\"", "\"emergency\"");
    assert!(matches!(
        refused(&mut ledger, relabelled.as_bytes()),
        Refused::BadSignature { .. }
    ));
    apply(&mut ledger, &by_scripts);
}

#[test]
fn signatures_in_two_roles_do_not_add_up() {
    let mut ledger = ledger();
    let payload = flags(false, NOW);
    let scripts = String::from_utf8(said_by(&payload, Role::Scripts, &seeds(Role::Scripts)[..1])).unwrap();
    let emergency =
        String::from_utf8(said_by(&payload, Role::Emergency, &seeds(Role::Emergency)[..1])).unwrap();
    let signature = emergency.split_once("\"sigs\":[").unwrap().1;
    let mixed = format!("{},{signature}", scripts.strip_suffix("]}").unwrap());
    assert_eq!(
        refused(&mut ledger, mixed.as_bytes()),
        Refused::TwoRoles(Role::Scripts, Role::Emergency)
    );
}

#[test]
fn a_leaf_of_another_log_says_nothing_here() {
    let mut ledger = ledger();
    let payload = Payload::ModuleRelease(module("signal", "1.0.0", "for tests only"));
    let mut leaf = crate::leaf::Leaf::new("staging.example/log", &payload).unwrap();
    for seed in seeds(Role::Modules) {
        leaf = leaf
            .signed_by(Role::Modules, &crate::testing::secret(seed))
            .unwrap();
    }
    let other = Refused::OtherLog("staging.example/log".to_owned());
    assert_eq!(refused(&mut ledger, &leaf.to_bytes()), other);
}

#[test]
fn who_released_a_module_does_not_attest_it() {
    // One person with two roles.
    let mut both = draft();
    both.roles
        .insert(Role::Rebuild, keys(Role::Rebuild, &seeds(Role::Modules), 1));
    let root = signed(&both, &[0, 1, 2]);
    let module = module("signal", "1.0.0", "bytes");
    let [first, second, third] = seeds(Role::Modules)[..] else {
        panic!("three have the role")
    };
    let release = said_by(
        &Payload::ModuleRelease(module.clone()),
        Role::Modules,
        &[first, second],
    );
    let own = said_by(&Payload::RebuildAttest(attest(&module)), Role::Rebuild, &[first]);
    let others = said_by(&Payload::RebuildAttest(attest(&module)), Role::Rebuild, &[third]);

    let mut after = Ledger::new(root.digest());
    apply(&mut after, &root_leaf(&root));
    apply(&mut after, &release);
    assert!(matches!(
        refused(&mut after, &own),
        Refused::OwnAttestation { .. }
    ));

    let mut before = Ledger::new(root.digest());
    apply(&mut before, &root_leaf(&root));
    apply(&mut before, &own);
    apply(&mut before, &release);
    for mut ledger in [after, before] {
        let why = ledger.may_run(&module.digest, NOW, NOW);
        assert_eq!(why, Err(WhyNot::NotRebuilt(module.digest)));
        apply(&mut ledger, &others);
        assert!(ledger.may_run(&module.digest, NOW, NOW).is_ok());
    }
}

#[test]
fn other_bytes_do_not_take_a_name_and_version() {
    let mut ledger = ledger();
    released(&mut ledger, &module("signal", "1.0.0", "bytes"));
    let other = Payload::ModuleRelease(module("signal", "1.0.0", "other bytes"));
    assert!(matches!(
        refused(&mut ledger, &said(&other, Role::Modules)),
        Refused::OtherBytes { .. }
    ));
    let again = Payload::ModuleRelease(module("signal", "1.0.0", "bytes"));
    assert_eq!(
        refused(&mut ledger, &said(&again, Role::Modules)),
        Refused::Already(1)
    );
}

#[test]
fn the_same_bytes_do_not_take_another_name() {
    let mut ledger = ledger();
    released(&mut ledger, &module("signal", "1.0.0", "bytes"));
    for (name, version) in [("telegram", "1.0.0"), ("signal", "1.0.1")] {
        let other = Payload::ModuleRelease(module(name, version, "bytes"));
        assert!(matches!(
            refused(&mut ledger, &said(&other, Role::Modules)),
            Refused::OtherName { .. }
        ));
    }
}

#[test]
fn versions_do_not_go_down() {
    let mut ledger = ledger();
    released(&mut ledger, &module("signal", "1.2.0", "new"));
    for version in ["1.1.9", "1.2.0-rc.1", "0.1.0"] {
        let lower = Payload::ModuleRelease(module("signal", version, "old"));
        assert!(matches!(
            refused(&mut ledger, &said(&lower, Role::Modules)),
            Refused::Downgrade { .. }
        ));
    }
    // Nor by yanking or revoking the higher one.
    apply(
        &mut ledger,
        &said(&revoke(&module("signal", "1.2.0", "new")), Role::Emergency),
    );
    let lower = Payload::ModuleRelease(module("signal", "1.1.9", "old"));
    assert!(matches!(
        refused(&mut ledger, &said(&lower, Role::Modules)),
        Refused::Downgrade { .. }
    ));
}

#[test]
fn what_was_revoked_never_comes_back() {
    let mut ledger = ledger();
    let [old, bad] = ["1.0.0", "1.1.0"].map(|version| module("signal", version, version));
    released(&mut ledger, &old);
    let release = said(&Payload::ModuleRelease(bad.clone()), Role::Modules);
    let rebuilt = said(&Payload::RebuildAttest(attest(&bad)), Role::Rebuild);
    apply(&mut ledger, &release);
    apply(&mut ledger, &rebuilt);
    // One is enough to stop it.
    apply(&mut ledger, &said(&revoke(&bad), Role::Emergency));
    let index = ledger.size() - 1;
    let digest = bad.digest;
    let gone = Err(WhyNot::Revoked { digest, index });
    assert_eq!(ledger.may_run(&digest, NOW, NOW), gone);
    assert_eq!(ledger.newest(&bad.name, NOW, NOW).unwrap().module, old);
    // Replayed, and under other names and versions.
    let final_word = Refused::Revoked { digest, index };
    assert_eq!(refused(&mut ledger, &release), final_word);
    assert_eq!(refused(&mut ledger, &rebuilt), final_word);
    for (name, version) in [("signal", "9.0.0"), ("telegram", "1.0.0")] {
        let again = Payload::ModuleRelease(module(name, version, "1.1.0"));
        assert_eq!(refused(&mut ledger, &said(&again, Role::Modules)), final_word);
    }
    assert_eq!(ledger.may_run(&digest, NOW, NOW), gone);
}

#[test]
fn what_was_revoked_before_it_was_released_never_is() {
    let mut ledger = ledger();
    let module = module("signal", "1.0.0", "bytes");
    apply(&mut ledger, &said(&revoke(&module), Role::Emergency));
    let release = said(&Payload::ModuleRelease(module), Role::Modules);
    assert!(matches!(
        refused(&mut ledger, &release),
        Refused::Revoked { index: 1, .. }
    ));
}

#[test]
fn what_was_replaced_can_not_be_put_back() {
    let policy = |issued| {
        Payload::Policy(RegistryPolicy {
            issued,
            ..RegistryPolicy::default()
        })
    };
    let snapshot = |size| {
        Payload::Snapshot(Snapshot {
            size,
            root: crate::tree::Hash::EMPTY,
            digest: digest("ledger"),
        })
    };
    let beat = |time| Payload::Heartbeat(Heartbeat { time });
    let script = |issued: u64| Payload::ScriptPublish(publication("daily", &issued.to_string(), issued));
    let list = |issued: u64| Payload::ListPublish(publication("daily", &issued.to_string(), issued));
    let cases: [(&dyn Fn(u64) -> Payload, Role); 6] = [
        (&policy, Role::Root),
        (&snapshot, Role::Snapshot),
        (&beat, Role::Snapshot),
        (&script, Role::Scripts),
        (&list, Role::Lists),
        (&|issued| flags(true, issued), Role::Scripts),
    ];
    for (say, role) in cases {
        let mut ledger = ledger();
        let [old, new] = [1, 2].map(|count| said(&say(count), role));
        apply(&mut ledger, &old);
        apply(&mut ledger, &new);
        let replayed = |before, after| Refused::Replayed { before, after };
        let in_force = [
            ledger.heartbeat(),
            ledger.snapshot().map(|snapshot| snapshot.size),
        ];
        assert!(in_force.into_iter().flatten().all(|count| count == 2), "{role}");
        assert_eq!(refused(&mut ledger, &old), replayed(2, 1), "{role}");
        assert_eq!(refused(&mut ledger, &new), replayed(2, 2), "{role}");
    }
}

#[test]
fn another_first_root_is_not_followed() {
    let mut forged = draft();
    forged.root = keys(Role::Root, &[100, 101, 102], 1);
    let forged = signed(&forged, &[100]);
    let mut ledger = Ledger::new(first_root().digest());
    // Before the root nobody has a say.
    let early = said(&flags(true, NOW), Role::Scripts);
    assert_eq!(ledger.apply(&early), Err(Refused::NoRoot));
    let refused = ledger.apply(&root_leaf(&forged)).unwrap_err();
    assert!(matches!(refused, Refused::OtherFirstRoot { .. }));
    assert_eq!(ledger.valid_root(NOW), Err(WhyNot::NoRoot));
    apply(&mut ledger, &root_leaf(&first_root()));
}

#[test]
fn a_first_root_that_too_few_signed_is_not_followed_although_it_is_trusted() {
    let root = signed(&draft(), &[0, 1]);
    let refused = Ledger::new(root.digest()).apply(&root_leaf(&root));
    assert!(matches!(
        refused,
        Err(Refused::Root(RootError::TooFew { signed: 2, .. }))
    ));
}

#[test]
fn a_root_that_the_last_one_did_not_sign_is_not_followed() {
    let mut ledger = ledger();
    let mut swapped = draft();
    swapped.version = 2;
    swapped.root = keys(Role::Root, &[100, 101, 102], 1);
    let refusal = refused(&mut ledger, &root_leaf(&signed(&swapped, &[100, 101, 102])));
    let too_few = RootError::TooFew {
        next: 2,
        version: 1,
        signed: 0,
        threshold: 3,
    };
    assert_eq!(refusal, Refused::Root(too_few));
    // Nor the one in force again, or one that was.
    let again = refused(&mut ledger, &root_leaf(&first_root()));
    assert!(matches!(again, Refused::Root(RootError::Version { .. })));
}

#[test]
fn who_lost_a_role_has_no_say_any_more() {
    let mut ledger = ledger();
    let before = said(
        &Payload::ModuleRelease(module("signal", "1.0.0", "old")),
        Role::Modules,
    );
    let withheld = said(
        &Payload::ModuleRelease(module("signal", "1.1.0", "new")),
        Role::Modules,
    );
    apply(&mut ledger, &before);
    let mut next = draft();
    next.version = 2;
    next.roles
        .insert(Role::Modules, keys(Role::Modules, &[110, 111], 2));
    next.roles.remove(&Role::Adjust);
    apply(&mut ledger, &root_leaf(&signed(&next, &[0, 1, 2])));
    assert_eq!(ledger.root().unwrap().version(), 2);
    assert!(matches!(
        refused(&mut ledger, &withheld),
        Refused::NotInRole { .. }
    ));
    let widen = EventWiden {
        id: name("event-1"),
        share: 1,
        issued: 1,
        expires: 2,
    };
    let adjust = said(&Payload::EventWiden(widen), Role::Adjust);
    assert_eq!(refused(&mut ledger, &adjust), Refused::NobodyHas(Role::Adjust));
    // What was said while they had it still holds.
    assert!(ledger.released(&digest("old")).is_some());
}

#[test]
fn an_oversized_leaf_is_read_past() {
    let mut ledger = ledger();
    let long = vec![b' '; 65_536];
    assert!(matches!(
        refused(&mut ledger, &long),
        Refused::Leaf(LeafError::Json(_))
    ));
    released(&mut ledger, &module("signal", "1.0.0", "bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_altered_leaf_has_no_effect(at in any::<prop::sample::Index>(), byte: u8) {
        let release = said(&Payload::ModuleRelease(module("signal", "1.0.0", "bytes")), Role::Modules);
        let at = at.index(release.len());
        prop_assume!(release[at] != byte);
        let mut altered = release;
        altered[at] = byte;
        let mut ledger = ledger();
        prop_assert_ne!(ledger.apply(&altered), Ok(Effect::InForce));
        prop_assert_eq!(ledger.releases().count(), 0);
    }

    #[test]
    fn no_bytes_stop_the_reading(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
        let mut ledger = ledger();
        for leaf in &leaves {
            prop_assert!(ledger.apply(leaf).is_err());
        }
        prop_assert_eq!(ledger.size(), 1 + leaves.len() as u64);
    }
}
