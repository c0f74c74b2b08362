//! What holds when.

use super::*;
use crate::leaf::{EventSchedule, ScriptRevoke};

fn with_module() -> (Ledger, Digest) {
    let mut ledger = ledger();
    let module = module("signal", "1.0.0", "bytes");
    released(&mut ledger, &module);
    (ledger, module.digest)
}

#[test]
fn nothing_holds_under_a_root_that_is_over() {
    let (mut ledger, module) = with_module();
    let mut script = publication("daily", "script", EXPIRES - 10);
    script.expires = EXPIRES + 10;
    apply(&mut ledger, &said(&Payload::ScriptPublish(script), Role::Scripts));
    apply(&mut ledger, &said(&flags(true, EXPIRES - 10), Role::Scripts));
    let (version, expires) = (1, EXPIRES);
    let over = WhyNot::RootExpired { version, expires };
    assert!(ledger.may_run(&module, EXPIRES - 1, EXPIRES - 1).is_ok());
    assert_eq!(ledger.may_run(&module, EXPIRES, EXPIRES), Err(over.clone()));
    assert_eq!(ledger.script(&name("daily"), EXPIRES, EXPIRES), Err(over));
    assert_eq!(
        ledger.is_switched_on(&name("tor"), EXPIRES - 1, EXPIRES - 1),
        Some(true)
    );
    assert_eq!(ledger.is_switched_on(&name("tor"), EXPIRES, EXPIRES), None);
    // A root that follows brings it back, also after the end of the one before.
    let mut next = draft();
    next.version = 2;
    next.expires = EXPIRES * 2;
    apply(&mut ledger, &root_leaf(&signed(&next, &[0, 1, 2])));
    assert!(ledger.may_run(&module, EXPIRES, EXPIRES).is_ok());
}

#[test]
fn a_module_runs_for_so_long_without_news() {
    let (mut ledger, module) = with_module();
    let limit = 90 * DAY;
    assert!(ledger.may_run(&module, NOW, NOW + limit).is_ok());
    let too_long = |limit| {
        Err(WhyNot::TooLongOffline {
            digest: module,
            age: limit + 1,
            limit,
        })
    };
    assert_eq!(ledger.may_run(&module, NOW, NOW + limit + 1), too_long(limit));
    // The policy can shorten that for all.
    let policy = RegistryPolicy {
        issued: 1,
        offline_days: 7,
        ..RegistryPolicy::default()
    };
    apply(&mut ledger, &said(&Payload::Policy(policy.clone()), Role::Root));
    assert_eq!(ledger.policy(), policy);
    assert_eq!(ledger.may_run(&module, NOW, NOW + 7 * DAY + 1), too_long(7 * DAY));
}

#[test]
fn a_script_holds_from_when_it_is_issued_until_it_expires() {
    let mut ledger = ledger();
    let mut script = publication("daily", "script", NOW);
    script.expires = NOW + 30 * DAY;
    apply(
        &mut ledger,
        &said(&Payload::ScriptPublish(script.clone()), Role::Scripts),
    );
    let ask = |now| ledger.script(&name("daily"), now, now);
    let ahead = RegistryPolicy::default().freshness.ahead;
    assert_eq!(
        ask(NOW - ahead - 1),
        Err(WhyNot::NotYet {
            name: name("daily"),
            issued: NOW
        })
    );
    assert_eq!(ask(NOW - ahead), Ok(&script));
    assert_eq!(ask(script.expires - 1), Ok(&script));
    let expires = script.expires;
    let name = name("daily");
    assert_eq!(ask(expires), Err(WhyNot::Expired { name, expires }));
}

#[test]
fn a_script_that_is_to_hold_for_too_long_does_not_hold_at_all() {
    let mut ledger = ledger();
    let mut script = publication("daily", "script", NOW);
    script.expires = NOW + 30 * DAY + 1;
    apply(&mut ledger, &said(&Payload::ScriptPublish(script), Role::Scripts));
    let refused = ledger.script(&name("daily"), NOW, NOW);
    assert!(matches!(refused, Err(WhyNot::LivesTooLong { .. })), "{refused:?}");
}

#[test]
fn what_is_switched_off_stays_so_whatever_else_does_not_hold() {
    let mut ledger = ledger();
    let tor = name("tor");
    let mut long = BTreeMap::from([(tor.clone(), false)]);
    let say = |nettests: &BTreeMap<_, _>, issued| {
        Payload::Flags(Flags {
            nettests: nettests.clone(),
            issued,
            expires: EXPIRES + DAY,
        })
    };
    let issued = EXPIRES - DAY / 2;
    apply(&mut ledger, &said(&say(&long, issued), Role::Emergency));
    // Before it was said by this clock, after the root is over, by old news.
    for now in [issued - 10 * DAY, issued, EXPIRES + 1, issued + DAY - 1] {
        assert_eq!(
            ledger.is_switched_on(&tor, issued - 20 * DAY, now),
            Some(false),
            "{now}"
        );
    }
    // For as long as can be said in an emergency, and no longer.
    assert_eq!(ledger.is_switched_on(&tor, issued, issued + DAY), None);
    // On is another thing.
    long.insert(tor.clone(), true);
    let mut on = self::ledger();
    apply(&mut on, &said(&say(&long, EXPIRES - 40 * DAY), Role::Scripts));
    assert_eq!(
        on.is_switched_on(&tor, EXPIRES - 40 * DAY, EXPIRES - 40 * DAY),
        None
    );
}

/// An event from one minute after its scheduling, for an hour.
fn event(id: &str, issued: u64) -> EventSchedule {
    let one_of_each = crate::leaf::tests::one_of_each();
    let scheduled = one_of_each.into_iter().find_map(|payload| match payload {
        Payload::EventSchedule(event) => Some(event),
        _ => None,
    });
    EventSchedule {
        id: name(id),
        issued,
        start: issued + 60,
        end: issued + 3660,
        ..scheduled.unwrap()
    }
}

#[test]
fn an_event_holds_until_it_ends_and_no_longer_than_a_week() {
    let mut ledger = ledger();
    let short = event("short", NOW);
    let mut long = event("long", NOW);
    long.end = NOW + 7 * DAY + 1;
    for event in [&short, &long] {
        apply(
            &mut ledger,
            &said(&Payload::EventSchedule(event.clone()), Role::Schedule),
        );
    }
    let order = |id: &str, now| ledger.order(&name(id), now, now).map(|order| order.share);
    assert_eq!(order("short", NOW), Ok(1000));
    assert!(matches!(order("short", NOW - 3600), Err(WhyNot::NotYet { .. })));
    assert!(matches!(order("short", short.end), Err(WhyNot::Expired { .. })));
    assert!(matches!(order("long", NOW), Err(WhyNot::LivesTooLong { .. })));
    assert_eq!(order("other", NOW), Err(WhyNot::NotPublished(name("other"))));
    // By old news nothing begins.
    let frozen = ledger.order(&name("short"), NOW, NOW + 1000);
    assert!(matches!(frozen, Err(WhyNot::Frozen { .. })));
}

#[test]
fn an_event_is_widened_for_a_day_by_who_adjusts_and_ends_when_it_is_cancelled() {
    let mut ledger = ledger();
    let mut scheduled = event("event-1", NOW);
    scheduled.end = NOW + 3 * DAY;
    apply(
        &mut ledger,
        &said(&Payload::EventSchedule(scheduled), Role::Schedule),
    );
    let widen = |share, issued, life| {
        Payload::EventWiden(EventWiden {
            id: name("event-1"),
            share,
            issued,
            expires: issued + life,
        })
    };
    let share = |ledger: &Ledger, now| ledger.order(&name("event-1"), now, now).unwrap().share;
    apply(&mut ledger, &said(&widen(2000, NOW, DAY), Role::Adjust));
    assert_eq!(share(&ledger, NOW), 2000);
    assert_eq!(share(&ledger, NOW + DAY), 1000);
    apply(&mut ledger, &said(&widen(3000, NOW + 1, DAY + 1), Role::Adjust));
    assert_eq!(share(&ledger, NOW + 1), 1000);
    apply(&mut ledger, &said(&widen(4000, NOW + 2, 2 * DAY), Role::Schedule));
    assert_eq!(share(&ledger, NOW + 2 + DAY), 4000);
    let cancel = Payload::EventCancel(EventCancel {
        id: name("event-1"),
        reason: digest("why"),
    });
    apply(&mut ledger, &said(&cancel, Role::Emergency));
    assert!(matches!(
        ledger.order(&name("event-1"), NOW, NOW),
        Err(WhyNot::Ended { index: 5, .. })
    ));
}

#[test]
fn an_event_of_many_probes_needs_a_second_signature() {
    let mut ledger = ledger();
    let [few, many, signed] = ["few", "many", "signed"].map(|id| {
        let mut event = event(id, NOW);
        event.max_probes = if id == "few" { 999 } else { 1000 };
        Payload::EventSchedule(event)
    });
    apply(&mut ledger, &said(&few, Role::Schedule));
    apply(&mut ledger, &said(&many, Role::Schedule));
    apply(
        &mut ledger,
        &said_by(&signed, Role::Schedule, &seeds(Role::Schedule)[..2]),
    );
    let order = |id: &str| ledger.order(&name(id), NOW, NOW);
    assert!(order("few").is_ok() && order("signed").is_ok());
    let (id, probes, cap) = (name("many"), 1000, 999);
    assert_eq!(order("many"), Err(WhyNot::BeyondCap { id, probes, cap }));
}

#[test]
fn a_script_stands_without_fresh_news_until_it_expires_or_is_revoked() {
    let mut ledger = ledger();
    let script = publication("daily", "script", NOW);
    let index = ledger.size();
    apply(
        &mut ledger,
        &said(&Payload::ScriptPublish(script.clone()), Role::Scripts),
    );
    let later = NOW + DAY - 1;
    assert!(matches!(
        ledger.script(&name("daily"), NOW, later),
        Err(WhyNot::Frozen { .. })
    ));
    assert_eq!(ledger.standing_script(&name("daily"), NOW, later), Ok(&script));
    assert_eq!(ledger.script_leaf(&script), Some(index));
    assert!(ledger.leaf(index).is_some());
    let expires = NOW + DAY;
    assert_eq!(
        ledger.standing_script(&name("daily"), NOW, expires),
        Err(WhyNot::Expired {
            name: name("daily"),
            expires
        })
    );
    // The clock can not be set back to when it held.
    assert!(matches!(
        ledger.standing_script(&name("daily"), expires, NOW),
        Err(WhyNot::ClockBehind { .. })
    ));
    assert!(matches!(
        ledger.standing_script(&name("daily"), NOW, EXPIRES),
        Err(WhyNot::RootExpired { .. })
    ));
    let revoke = Payload::ScriptRevoke(ScriptRevoke {
        name: name("daily"),
        digest: script.digest,
        reason: digest("why"),
    });
    apply(&mut ledger, &said(&revoke, Role::Emergency));
    assert!(matches!(
        ledger.standing_script(&name("daily"), NOW, NOW),
        Err(WhyNot::Revoked { .. })
    ));
}
