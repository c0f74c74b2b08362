//! What holds when.

use super::*;

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
