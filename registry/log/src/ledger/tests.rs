use super::*;
use crate::leaf::DAY;
use crate::leaf::{
    EventCancel, EventClose, EventWiden, Flags, Heartbeat, LeafError, ModuleRelease, ModuleRevoke,
    ModuleYank, ScriptRevoke, Snapshot,
};
use crate::root::RootError;
use crate::testing::{
    EXPIRES, NOW, attest, digest, draft, first_root, keys, module, name, publication, root_leaf, said,
    said_by, seeds, signed,
};
use proptest::prelude::*;
use std::sync::LazyLock;

mod attacks;
mod documents;
mod times;

/// A ledger under the first root.
fn ledger() -> Ledger {
    static LEDGER: LazyLock<Ledger> = LazyLock::new(|| {
        let mut ledger = Ledger::new(first_root().digest());
        apply(&mut ledger, &root_leaf(&first_root()));
        ledger
    });
    LEDGER.clone()
}

fn released(ledger: &mut Ledger, module: &ModuleRelease) {
    apply(
        ledger,
        &said(&Payload::ModuleRelease(module.clone()), Role::Modules),
    );
    apply(
        ledger,
        &said(&Payload::RebuildAttest(attest(module)), Role::Rebuild),
    );
}

fn apply(ledger: &mut Ledger, leaf: &[u8]) {
    assert_eq!(ledger.apply(leaf), Ok(Effect::InForce));
}

/// Refused, and nothing has changed but the number of leaves.
fn refused(ledger: &mut Ledger, leaf: &[u8]) -> Refused {
    let before = ledger.clone();
    let refused = ledger.apply(leaf).unwrap_err();
    assert_eq!(ledger.kept, before.kept);
    assert_eq!(ledger.size, before.size + 1);
    assert_eq!(ledger.refused().last(), Some((before.size, &refused)));
    refused
}

fn yank(module: &ModuleRelease) -> Payload {
    Payload::ModuleYank(ModuleYank {
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest,
        reason: digest("why"),
    })
}

fn revoke(module: &ModuleRelease) -> Payload {
    Payload::ModuleRevoke(ModuleRevoke {
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest,
        reason: digest("why"),
    })
}

fn flags(on: bool, issued: u64) -> Payload {
    Payload::Flags(Flags {
        nettests: BTreeMap::from([(name("tor"), on)]),
        issued,
        expires: issued + 3600,
    })
}

#[test]
fn a_module_runs_when_it_was_released_and_rebuilt() {
    let mut ledger = ledger();
    let module = module("signal", "1.0.0", "bytes");
    assert_eq!(
        ledger.may_run(&module.digest, NOW, NOW),
        Err(WhyNot::NotReleased(module.digest))
    );
    apply(
        &mut ledger,
        &said(&Payload::ModuleRelease(module.clone()), Role::Modules),
    );
    assert_eq!(
        ledger.may_run(&module.digest, NOW, NOW),
        Err(WhyNot::NotRebuilt(module.digest))
    );
    apply(
        &mut ledger,
        &said(&Payload::RebuildAttest(attest(&module)), Role::Rebuild),
    );
    let release = ledger.may_run(&module.digest, NOW, NOW).unwrap();
    assert_eq!((release.index, ledger.attested(release)), (1, Some(2)));
    assert_eq!(ledger.newest(&module.name, NOW, NOW).unwrap().module, module);
}

#[test]
fn a_module_can_be_rebuilt_before_it_is_released() {
    let mut ledger = ledger();
    let module = module("signal", "1.0.0", "bytes");
    apply(
        &mut ledger,
        &said(&Payload::RebuildAttest(attest(&module)), Role::Rebuild),
    );
    apply(
        &mut ledger,
        &said(&Payload::ModuleRelease(module.clone()), Role::Modules),
    );
    assert!(ledger.may_run(&module.digest, NOW, NOW).is_ok());
}

#[test]
fn a_rebuild_from_another_source_counts_for_nothing() {
    let module = module("signal", "1.0.0", "bytes");
    let mut other = attest(&module);
    other.source.lock = digest("another Cargo.lock");
    let other = said(&Payload::RebuildAttest(other), Role::Rebuild);
    let release = said(&Payload::ModuleRelease(module.clone()), Role::Modules);

    let mut after = ledger();
    apply(&mut after, &release);
    assert!(matches!(
        refused(&mut after, &other),
        Refused::OtherRelease { .. }
    ));

    let mut before = ledger();
    apply(&mut before, &other);
    apply(&mut before, &release);
    for ledger in [before, after] {
        let why = ledger.may_run(&module.digest, NOW, NOW);
        assert_eq!(why, Err(WhyNot::NotRebuilt(module.digest)));
    }
}

#[test]
fn nobody_newly_chooses_a_yanked_module_and_who_has_it_runs_it() {
    let mut ledger = ledger();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| module("signal", version, version));
    released(&mut ledger, &old);
    released(&mut ledger, &new);
    assert_eq!(ledger.newest(&new.name, NOW, NOW).unwrap().module, new);
    apply(&mut ledger, &said(&yank(&new), Role::Modules));
    assert_eq!(ledger.newest(&new.name, NOW, NOW).unwrap().module, old);
    assert!(ledger.may_run(&new.digest, NOW, NOW).is_ok());
    assert_eq!(
        refused(&mut ledger, &said(&yank(&new), Role::Modules)),
        Refused::Already(5)
    );
    apply(&mut ledger, &said(&yank(&old), Role::Emergency));
    let none = ledger.newest(&new.name, NOW, NOW);
    assert_eq!(none, Err(WhyNot::NoneToChoose(new.name.clone())));
    // What was never released can not be yanked.
    let other = module("signal", "1.1.0", "other");
    assert!(matches!(
        refused(&mut ledger, &said(&yank(&other), Role::Modules)),
        Refused::OtherRelease { .. }
    ));
}

#[test]
fn nobody_gets_a_pre_release_without_asking_for_it() {
    let mut ledger = ledger();
    let [stable, candidate] = ["1.3.0", "2.0.0-rc.1"].map(|version| module("signal", version, version));
    released(&mut ledger, &stable);
    released(&mut ledger, &candidate);
    assert_eq!(ledger.newest(&stable.name, NOW, NOW).unwrap().module, stable);
    assert!(ledger.may_run(&candidate.digest, NOW, NOW).is_ok());
}

#[test]
fn the_newest_script_of_a_name_holds() {
    let mut ledger = ledger();
    let say = |bytes: &str, issued| Payload::ScriptPublish(publication("daily", bytes, issued));
    apply(&mut ledger, &said(&say("one", NOW - 10), Role::Scripts));
    apply(&mut ledger, &said(&say("two", NOW), Role::Scripts));
    assert_eq!(
        ledger.script(&name("daily"), NOW, NOW).unwrap().digest,
        digest("two")
    );
    let none = ledger.script(&name("weekly"), NOW, NOW);
    assert_eq!(none, Err(WhyNot::NotPublished(name("weekly"))));
    // It was replaced, so it is no longer kept.
    assert_eq!(ledger.kept.keys().copied().collect::<Vec<_>>(), [0, 2]);
    // Revoked, nothing takes its place.
    let revoke = Payload::ScriptRevoke(ScriptRevoke {
        name: name("daily"),
        digest: digest("two"),
        reason: digest("why"),
    });
    apply(&mut ledger, &said(&revoke, Role::Emergency));
    assert!(matches!(
        ledger.script(&name("daily"), NOW, NOW),
        Err(WhyNot::Revoked { .. })
    ));
    let again = Payload::ScriptPublish(publication("daily", "two", NOW + 1));
    assert!(matches!(
        refused(&mut ledger, &said(&again, Role::Scripts)),
        Refused::Revoked { .. }
    ));
}

#[test]
fn what_is_said_in_an_emergency_is_over_in_a_day_and_hides_nothing() {
    let mut ledger = ledger();
    let mut ordinary = publication("lists/de", "ordinary", NOW);
    ordinary.expires = NOW + 20 * DAY;
    apply(&mut ledger, &said(&Payload::ListPublish(ordinary), Role::Lists));
    let urgent = Payload::ListPublish(publication("lists/de", "urgent", NOW + 60));
    // One can stop; to start it takes two.
    let one = said_by(&urgent, Role::Emergency, &seeds(Role::Emergency)[..1]);
    let needed = Refused::TooFew {
        role: Role::Emergency,
        signed: 1,
        needed: 2,
    };
    assert_eq!(refused(&mut ledger, &one), needed);
    apply(
        &mut ledger,
        &said_by(&urgent, Role::Emergency, &seeds(Role::Emergency)[..2]),
    );
    let list = |now| ledger.list(&name("lists/de"), now, now).unwrap().digest;
    assert_eq!(list(NOW + 60), digest("urgent"));
    assert_eq!(list(NOW + 60 + DAY), digest("ordinary"));
    // What is to hold for longer never does.
    let mut long = publication("lists/de", "long", NOW + 120);
    long.expires += 1;
    let long = Payload::ListPublish(long);
    apply(
        &mut ledger,
        &said_by(&long, Role::Emergency, &seeds(Role::Emergency)[..2]),
    );
    assert_eq!(
        ledger
            .list(&name("lists/de"), NOW + 120, NOW + 120)
            .unwrap()
            .digest,
        digest("ordinary")
    );
}

#[test]
fn in_an_emergency_one_switches_off_and_nobody_on() {
    let mut ledger = ledger();
    let tor = name("tor");
    assert_eq!(ledger.is_switched_on(&tor, NOW, NOW), None);
    apply(&mut ledger, &said(&flags(true, NOW), Role::Scripts));
    assert_eq!(ledger.is_switched_on(&tor, NOW, NOW), Some(true));
    assert_eq!(ledger.is_switched_on(&name("signal"), NOW, NOW), None);
    let on = said_by(&flags(true, NOW + 1), Role::Emergency, &seeds(Role::Emergency));
    assert_eq!(
        refused(&mut ledger, &on),
        Refused::EmergencySwitchesOn(tor.clone())
    );
    apply(&mut ledger, &said(&flags(false, NOW + 1), Role::Emergency));
    assert_eq!(ledger.is_switched_on(&tor, NOW + 1, NOW + 1), Some(false));
    // Neither does a later ordinary one, until that is over.
    apply(&mut ledger, &said(&flags(true, NOW + 10), Role::Scripts));
    assert_eq!(ledger.is_switched_on(&tor, NOW + 10, NOW + 10), Some(false));
    assert_eq!(ledger.is_switched_on(&tor, NOW + 3605, NOW + 3605), Some(true));
    assert_eq!(ledger.is_switched_on(&tor, NOW + 3611, NOW + 3611), None);
}

#[test]
fn an_event_is_scheduled_widened_and_ended_once() {
    let mut ledger = ledger();
    let id = name("event-1");
    let one_of_each = crate::leaf::tests::one_of_each();
    let schedule = one_of_each
        .iter()
        .find(|payload| payload.kind() == "event.schedule")
        .unwrap();
    let widen = |share, issued| {
        Payload::EventWiden(EventWiden {
            id: id.clone(),
            share,
            issued,
            expires: issued + 60,
        })
    };
    let close = Payload::EventClose(EventClose {
        id: id.clone(),
        probes: 7,
    });
    assert_eq!(
        refused(&mut ledger, &said(&close, Role::Adjust)),
        Refused::NoEvent(id.clone())
    );
    apply(&mut ledger, &said(schedule, Role::Schedule));
    assert_eq!(
        refused(&mut ledger, &said(schedule, Role::Schedule)),
        Refused::Already(2)
    );
    apply(&mut ledger, &said(&widen(2000, NOW), Role::Adjust));
    assert!(matches!(
        refused(&mut ledger, &said(&widen(2000, NOW + 1), Role::Adjust)),
        Refused::NotWider { before: 2000, .. }
    ));
    apply(&mut ledger, &said(&widen(3000, NOW + 2), Role::Schedule));
    let event = ledger.event(&id).unwrap();
    assert_eq!(
        event
            .widened
            .as_ref()
            .map(|(index, widen, _)| (*index, widen.share)),
        Some((6, 3000))
    );
    apply(&mut ledger, &said(&close, Role::Adjust));
    assert_eq!(
        refused(&mut ledger, &said(&close, Role::Adjust)),
        Refused::EventIsOver(id)
    );
}

#[test]
fn an_event_can_be_cancelled_before_it_is_scheduled() {
    let mut ledger = ledger();
    let one_of_each = crate::leaf::tests::one_of_each();
    let [schedule, cancel] = ["event.schedule", "event.cancel"]
        .map(|kind| one_of_each.iter().find(|payload| payload.kind() == kind).unwrap());
    apply(&mut ledger, &said(cancel, Role::Emergency));
    assert_eq!(
        refused(&mut ledger, &said(schedule, Role::Schedule)),
        Refused::Already(1)
    );
    let again = Payload::EventCancel(EventCancel {
        id: name("event-1"),
        reason: digest("again"),
    });
    assert_eq!(
        refused(&mut ledger, &said(&again, Role::Schedule)),
        Refused::Already(1)
    );
}

#[test]
fn a_type_that_is_not_known_has_no_effect() {
    let mut ledger = ledger();
    let leaf = br#"{"payload":{"type":"module.praise","v":1},"sigs":[]}"#;
    assert_eq!(
        ledger.apply(leaf),
        Ok(Effect::Unknown("module.praise".to_owned()))
    );
    assert_eq!((ledger.size(), ledger.refusals(), ledger.kept.len()), (2, 0, 1));
}

#[test]
fn of_refused_leaves_the_newest_are_remembered() {
    let mut ledger = ledger();
    for _ in 0..300 {
        assert!(ledger.apply(b"junk").is_err());
    }
    assert_eq!(
        (ledger.size(), ledger.refusals(), ledger.refused().count()),
        (301, 300, 256)
    );
    assert_eq!(ledger.refused().last().unwrap().0, 300);
}
