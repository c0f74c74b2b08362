use super::*;
use crate::canonical::Problem;
use crate::testing::{
    NOW, ORIGIN, attest, digest, first_root, module, name, publication, root_leaf, said, secret, seeds,
};
use crate::tree::Hash;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One of each type.
pub(crate) fn one_of_each() -> Vec<Payload> {
    let module = module("web_connectivity", "1.4.2", "module");
    let (digest, reason) = (module.digest, digest("reason"));
    let (version, id) = (module.version.clone(), name("event-1"));
    let selector = Selector {
        countries: vec!["DE".parse().unwrap()],
        asns: vec![64_500],
        platforms: vec![name("android")],
        networks: Vec::new(),
        abilities: Vec::new(),
    };
    vec![
        Payload::Root(Box::new(first_root())),
        Payload::Policy(RegistryPolicy::default()),
        Payload::RebuildAttest(attest(&module)),
        Payload::ModuleYank(ModuleYank {
            name: module.name.clone(),
            version: version.clone(),
            digest,
            reason,
        }),
        Payload::ModuleRevoke(ModuleRevoke {
            name: module.name.clone(),
            version,
            digest,
            reason,
        }),
        Payload::ModuleRelease(module),
        Payload::ScriptPublish(publication("daily", "script", NOW)),
        Payload::ScriptRevoke(ScriptRevoke {
            name: name("daily"),
            digest,
            reason,
        }),
        Payload::ListPublish(publication("lists/de", "list", NOW)),
        Payload::Flags(Flags {
            nettests: BTreeMap::from([(name("signal"), false), (name("tor"), true)]),
            issued: NOW,
            expires: NOW + 1,
        }),
        Payload::EventSchedule(EventSchedule {
            id: id.clone(),
            script: digest,
            selector,
            mode: Mode::Sampled,
            share: 1000,
            max_probes: 50,
            start: NOW,
            end: NOW + 1,
            spread: 60,
            issued: NOW - 1,
        }),
        Payload::EventWiden(EventWiden {
            id: id.clone(),
            share: 2000,
            issued: NOW,
            expires: NOW + 1,
        }),
        Payload::EventCancel(EventCancel {
            id: id.clone(),
            reason,
        }),
        Payload::EventClose(EventClose { id, probes: 49 }),
        Payload::Snapshot(Snapshot {
            size: 17,
            root: Hash::of_entry(b"leaf"),
            digest,
        }),
        Payload::Heartbeat(Heartbeat { time: NOW }),
    ]
}

#[test]
fn every_type_is_written_and_read_back() {
    for payload in one_of_each() {
        let leaf = Leaf::new(ORIGIN, &payload).unwrap();
        let leaf = leaf.signed_by(Role::Modules, &secret(1)).unwrap();
        let bytes = leaf.to_bytes();
        let kind = payload.kind();
        assert!(
            String::from_utf8(bytes.clone())
                .unwrap()
                .contains(&format!("\"type\":\"{kind}\"")),
            "{kind}"
        );
        assert_eq!(leaf.payload(), &payload, "{kind}");
        assert_eq!(leaf.log(), ORIGIN, "{kind}");
        assert_eq!(Leaf::parse(&bytes), Ok(leaf), "{kind}");
    }
}

#[test]
fn a_leaf_is_written_like_this() {
    let leaf = Leaf::new(ORIGIN, &Payload::Heartbeat(Heartbeat { time: NOW })).unwrap();
    let text =
        r#"{"payload":{"log":"registry.example/log","time":1800000000,"type":"heartbeat","v":1},"sigs":[]}"#;
    assert_eq!(String::from_utf8(leaf.to_bytes()).unwrap(), text);
    let signed = r#"DSSEv1 48 application/vnd.netsonde.leaf+json;role=snapshot 73 {"log":"registry.example/log","time":1800000000,"type":"heartbeat","v":1}"#;
    assert_eq!(
        String::from_utf8(leaf.signed_bytes(Role::Snapshot)).unwrap(),
        signed
    );
    let leaf = leaf.signed_by(Role::Snapshot, &secret(1)).unwrap();
    let signature = &leaf.signatures()[0];
    assert!(signature.is_of(&secret(1).public(), &leaf));
    assert!(!signature.is_of(&secret(2).public(), &leaf));
}

#[test]
fn a_field_too_many_or_too_few_in_a_known_type_is_refused() {
    for payload in one_of_each() {
        let text = String::from_utf8(Leaf::new(ORIGIN, &payload).unwrap().to_bytes()).unwrap();
        let more = text.replacen("\"type\":", "\"toomuch\":1,\"type\":", 1);
        let error = Leaf::parse(more.as_bytes()).unwrap_err();
        let LeafError::Field(misfit) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(misfit.path, "payload.toomuch", "{}", payload.kind());
        let less = text.replacen("\"log\":\"registry.example/log\",", "", 1);
        assert!(Leaf::parse(less.as_bytes()).is_err(), "{}", payload.kind());
    }
}

#[test]
fn a_type_or_version_that_is_not_known_is_kept_as_unknown() {
    for text in [
        r#"{"payload":{"more":[{}],"type":"module.praise","v":1},"sigs":[]}"#,
        r#"{"payload":{"type":"module.revoke","v":2},"sigs":[]}"#,
    ] {
        let leaf = Leaf::parse(text.as_bytes()).unwrap();
        assert!(matches!(leaf.payload(), Payload::Unknown { .. }), "{text}");
        assert_eq!(leaf.to_bytes(), text.as_bytes());
    }
}

#[test]
fn what_can_not_be_is_refused() {
    let wrong = |from: &str, to: &str| {
        let found = one_of_each().iter().any(|payload| {
            let text = String::from_utf8(Leaf::new(ORIGIN, payload).unwrap().to_bytes()).unwrap();
            let other = text.replacen(from, to, 1);
            assert!(other == text || Leaf::parse(other.as_bytes()).is_err(), "{other}");
            other != text
        });
        assert!(found, "{from}");
    };
    wrong("\"expires\":1800000001", "\"expires\":1800000000");
    wrong("\"end\":1800000001", "\"end\":1800000000");
    wrong("\"share\":1000", "\"share\":0");
    wrong("\"share\":1000", "\"share\":1000001");
    wrong("\"countries\":[\"DE\"]", "\"countries\":[\"de\"]");
    wrong("\"mode\":\"sampled\"", "\"mode\":\"all\"");
    wrong("\"repo\":\"https://git.example/probes\"", "\"repo\":\"\"");
    wrong("\"version\":\"1.4.2\"", "\"version\":\"1.4.2+b1\"");
    wrong("\"size\":70590", "\"size\":-1");
    wrong("\"refuse\":7776000", "\"refuse\":1");
    wrong("\"sigs\":[]", "\"sigs\":{}");
    wrong("sha256:", "sha512:");
}

#[test]
fn a_leaf_that_is_too_long_is_refused() {
    let mut long = module("long", "1.0.0", "long");
    long.contract = "c".repeat(LIMITS.bytes);
    let error = Leaf::new(ORIGIN, &Payload::ModuleRelease(long)).unwrap_err();
    assert!(matches!(error, LeafError::Json(error) if matches!(error.problem, Problem::TooLong { .. })));
}

#[test]
fn what_can_not_be_read_back_can_not_be_made() {
    let mut foreign = module("m", "1.0.0", "m");
    foreign.contract = "contrat signé".to_owned();
    assert!(Leaf::new(ORIGIN, &Payload::ModuleRelease(foreign)).is_err());
    assert!(Leaf::new(ORIGIN, &Payload::Heartbeat(Heartbeat { time: u64::MAX })).is_err());
}

#[test]
fn signing_again_with_one_key_leaves_one_signature() {
    let leaf = Leaf::new(ORIGIN, &Payload::Heartbeat(Heartbeat { time: NOW })).unwrap();
    let once = leaf.signed_by(Role::Snapshot, &secret(1)).unwrap();
    assert_eq!(once.signed_by(Role::Snapshot, &secret(1)), Ok(once));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_byte_of_a_signed_leaf_can_be_another(which in 0..16_usize, at in any::<prop::sample::Index>(), byte: u8) {
        let payload = &one_of_each()[which];
        let original = match payload {
            Payload::Root(root) => root_leaf(root),
            _ => said(payload, Role::Modules),
        };
        let mut bytes = original.clone();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(leaf) = Leaf::parse(&bytes) {
            let keys: Vec<RoleKey> = seeds(Role::Modules).into_iter().map(|seed| secret(seed).public()).collect();
            let is_right = |signature: &LeafSignature| {
                let key = keys.iter().find(|key| key.id() == signature.keyid);
                key.is_some_and(|key| signature.is_of(key, &leaf))
            };
            match leaf.payload() {
                Payload::Root(root) => prop_assert!(root.check_first().is_err() || leaf.log() != ORIGIN),
                _ => prop_assert!(!leaf.signatures().iter().all(is_right)),
            }
        }
    }
}
