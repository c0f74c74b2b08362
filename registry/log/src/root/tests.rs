use super::*;
use crate::canonical::{Problem, Unfit};
use crate::keys::LogSecret;
use crate::testing::{EXPIRES, draft, first_root, keys, secret, signed};
use proptest::prelude::*;

/// The first root, with one text in it replaced by another.
fn with(from: &str, to: &str) -> Result<Root, RootError> {
    let text = first_root().document().to_string();
    assert!(text.contains(from), "{from} in {text}");
    Root::parse(text.replacen(from, to, 1).as_bytes())
}

#[test]
fn a_root_that_enough_signed_is_read_back_as_it_was_made() {
    let root = first_root();
    assert_eq!((root.version(), root.expires()), (1, EXPIRES));
    assert_eq!(root.log(), &draft().log);
    for role in Role::ALL {
        assert_eq!(
            root.role(role),
            Some(draft().roles.get(&role).unwrap_or(&draft().root))
        );
    }
    assert_eq!(root.check_first(), Ok(()));
    // However its JSON is written, it is the same.
    let pretty: serde_json::Value = serde_json::from_str(&root.document().to_string()).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    assert_eq!(Root::parse(pretty.as_bytes()), Ok(root));
}

#[test]
fn a_first_root_is_signed_by_its_own_threshold() {
    let root = signed(&draft(), &[0, 1]);
    let too_few = RootError::TooFew {
        next: 1,
        version: 1,
        signed: 2,
        threshold: 3,
    };
    assert_eq!(root.check_first(), Err(too_few));
    assert_eq!(signed(&draft(), &[0, 1, 4]).check_first(), Ok(()));
}

#[test]
fn the_next_root_is_signed_by_both_sets() {
    let first = first_root();
    let mut next = draft();
    next.version = 2;
    // Two of the five are replaced.
    next.root = keys(Role::Root, &[2, 3, 4, 5, 6], 3);
    assert_eq!(first.check_next(&signed(&next, &[2, 3, 4])), Ok(()));
    assert_eq!(first.check_next(&signed(&next, &[0, 1, 2, 3, 5])), Ok(()));
    for (seeds, version, signers) in [
        (&[2, 5, 6][..], 1, 1),
        (&[0, 1, 2], 2, 1),
        (&[], 1, 0),
        (&[2, 3], 1, 2),
    ] {
        let refused = first.check_next(&signed(&next, seeds));
        let too_few = RootError::TooFew {
            next: 2,
            version,
            signed: signers,
            threshold: 3,
        };
        assert_eq!(refused, Err(too_few), "{seeds:?}");
    }
}

#[test]
fn no_version_is_left_out_or_given_twice() {
    let first = first_root();
    for version in [1, 3, 9_007_199_254_740_991] {
        let mut next = draft();
        next.version = version;
        let refused = first.check_next(&signed(&next, &[0, 1, 2]));
        let expected = RootError::Version {
            version: 1,
            next: version,
        };
        assert_eq!(refused, Err(expected));
    }
}

#[test]
fn a_root_of_another_log_does_not_follow() {
    let mut next = draft();
    next.version = 2;
    next.log.origin = "other.example/log".to_owned();
    next.log.log = LogSecret::new("other.example/log", &[201; 32]).unwrap().public();
    let refused = first_root().check_next(&signed(&next, &[0, 1, 2]));
    assert!(matches!(refused, Err(RootError::OtherLog { .. })), "{refused:?}");
}

#[test]
fn one_key_counts_once_whatever_it_is_called() {
    let key = secret(0).public();
    let id = key.id().to_string();
    // The same key a second time, under an id that an extra field would give it elsewhere.
    let second = "f".repeat(64);
    let listed = format!("\"{second}\":{}", key.to_value());
    let refused = with("\"keys\":{", &format!("\"keys\":{{{listed},"));
    assert_eq!(refused, Err(RootError::KeyTwice(key)));
    // With the extra field it is no key.
    let extra = key
        .to_value()
        .to_string()
        .replacen('{', "{\"comment\":\"two\",", 1);
    let refused = with("\"keys\":{", &format!("\"keys\":{{\"{second}\":{extra},"));
    assert!(matches!(refused, Err(RootError::Field(_))), "{refused:?}");
    // Under an id that is not its own.
    let refused = with(&format!("\"{id}\":{{"), &format!("\"{second}\":{{"));
    assert!(matches!(refused, Err(RootError::KeyId { .. })), "{refused:?}");
    // Twice in a role.
    let refused = with("\"keyids\":[", &format!("\"keyids\":[\"{id}\",\"{id}\","));
    assert!(
        matches!(refused, Err(RootError::TwiceInRole { .. })),
        "{refused:?}"
    );
    // Two signatures.
    let refused = with(
        "\"signatures\":[",
        &format!(
            "\"signatures\":[{{\"keyid\":\"{id}\",\"sig\":\"{}\"}},",
            "0".repeat(128)
        ),
    );
    assert!(matches!(refused, Err(RootError::SignedTwice(_))), "{refused:?}");
    // When it is made.
    let refused = RoleKeys::new(Role::Root, &[key, key], 2);
    assert_eq!(refused, Err(RootError::KeyTwice(key)));
}

#[test]
fn one_witness_counts_once_whatever_it_is_called() {
    let mut twice = draft();
    twice.log.witnesses = vec![
        crate::keys::WitnessSecret::new("one.example", &[9; 32])
            .unwrap()
            .public(),
        crate::keys::WitnessSecret::new("two.example", &[9; 32])
            .unwrap()
            .public(),
    ];
    let refused = twice.unsigned();
    assert!(
        matches!(refused, Err(RootError::Log(PolicyError::Twice(..)))),
        "{refused:?}"
    );
}

#[test]
fn thresholds_and_quorums_are_such_as_can_be_met() {
    let key = secret(1).public();
    for threshold in [0, 2, u64::MAX] {
        let refused = RoleKeys::new(Role::Modules, &[key], threshold);
        assert!(matches!(refused, Err(RootError::Threshold { .. })), "{threshold}");
    }
    for (witnesses, quorum, is_right) in [
        (3, 0, false),
        (3, 4, false),
        (3, 3, true),
        (0, 1, false),
        (0, 0, true),
    ] {
        let mut asks = draft();
        asks.log.witnesses.truncate(witnesses);
        asks.log.quorum = quorum;
        assert_eq!(asks.unsigned().is_ok(), is_right, "{quorum} of {witnesses}");
    }
}

#[test]
fn a_signature_by_somebody_without_a_say_is_not_passed_over() {
    let root = first_root().signed_by(&secret(99)).unwrap();
    assert_eq!(
        root.check_first(),
        Err(RootError::NotASigner(secret(99).public().id()))
    );
}

#[test]
fn a_root_that_was_altered_is_not_the_one_that_was_signed() {
    for (from, to) in [
        ("\"version\":1,", "\"version\":2,"),
        ("\"threshold\":3", "\"threshold\":1"),
        ("\"expires\":\"2028-", "\"expires\":\"2029-"),
        ("\"quorum\":2", "\"quorum\":1"),
        ("\"spec_version\":\"1.0.31\"", "\"spec_version\":\"1.0.32\""),
    ] {
        let refused = with(from, to).unwrap().check_first();
        assert!(
            matches!(refused, Err(RootError::BadSignature(_))),
            "{from}: {refused:?}"
        );
    }
}

#[test]
fn what_other_clients_would_not_read_is_refused_here_too() {
    for (from, to) in [
        ("\"_type\":\"root\"", "\"_type\":\"targets\""),
        ("\"1.0.31\"", "\"1.0\""),
        ("\"1.0.31\"", "\"2.0.0\""),
        ("\"consistent_snapshot\":true", "\"consistent_snapshot\":false"),
        ("\"consistent_snapshot\":true,", ""),
        ("Z\",\"keys\"", ".000Z\",\"keys\""),
        ("\"version\":1,", "\"version\":0,"),
        ("\"timestamp\":", "\"mirrors\":"),
        (
            "\"timestamp\":{",
            "\"modules\":{\"keyids\":[],\"threshold\":1},\"timestamp\":{",
        ),
        ("\"x-log\":{", "\"x-log\":{\"more\":1,"),
        ("\"version\":1,", "\"comment\":1,\"version\":1,"),
        (
            "\"x-roles\":{",
            "\"x-roles\":{\"root\":{\"keyids\":[],\"threshold\":1},",
        ),
    ] {
        assert!(with(from, to).is_err(), "{from} -> {to}");
    }
}

#[test]
fn what_a_later_version_adds_is_read_over() {
    let keys = first_root()
        .role(Role::Modules)
        .unwrap()
        .keys()
        .next()
        .unwrap()
        .id();
    let role = format!("\"x-roles\":{{\"auditors\":{{\"keyids\":[\"{keys}\"],\"threshold\":1}},");
    assert!(with("\"x-roles\":{", &role).is_ok());
    assert!(with("\"x-log\":{", "\"x-later\":{\"a\":[1]},\"x-log\":{").is_ok());
    // What it has of the form of a role is still held to it.
    let role = role.replace("\"threshold\":1", "\"threshold\":2");
    assert!(with("\"x-roles\":{", &role).is_err());
}

#[test]
fn an_error_says_where() {
    let error = with("\"threshold\":3", "\"threshold\":\"3\"").unwrap_err();
    let RootError::Field(misfit) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(misfit.path, "signed.roles.root.threshold");
    assert_eq!(misfit.problem, Unfit::Kind("a number"));
    let error = Root::parse(&vec![b' '; LIMITS.bytes + 1]).unwrap_err();
    assert!(matches!(error, RootError::Json(error) if matches!(error.problem, Problem::TooLong { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_byte_of_a_root_can_be_another(at in any::<prop::sample::Index>(), byte: u8) {
        let first = first_root();
        let mut bytes = first.document().to_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(root) = Root::parse(&bytes) {
            // What is left is another way to write the same.
            prop_assert!(root.check_first().is_err() || root == first);
        }
    }
}
