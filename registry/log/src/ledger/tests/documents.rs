//! Ledgers that are written down and read back.

use super::*;

fn read(bytes: &[u8]) -> Result<Ledger, DocumentError> {
    Ledger::from_document(first_root().digest(), bytes)
}

/// Leaves of every type, of which some replace others, some hold and some do not.
fn say(what: u8, count: u64) -> Vec<u8> {
    let small = u8::try_from(count % 3).unwrap();
    let version = format!("1.{count}.0");
    let module = module(
        ["signal", "tor", "telegram"][usize::from(small)],
        &version,
        &version,
    );
    let script = Payload::ScriptPublish(publication("daily", &version, count + 1));
    let list = Payload::ListPublish(publication("daily", &version, count + 1));
    let emergency = &seeds(Role::Emergency)[..2];
    match what {
        0 => said(&Payload::ModuleRelease(module), Role::Modules),
        1 => said(&Payload::RebuildAttest(attest(&module)), Role::Rebuild),
        2 => said(&yank(&module), Role::Modules),
        3 => said(&revoke(&module), Role::Emergency),
        4 => said(&script, Role::Scripts),
        5 => said_by(&script, Role::Emergency, emergency),
        6 => said(&list, Role::Lists),
        7 => said(&flags(small == 0, count + 1), Role::Scripts),
        8 => said(&flags(false, count + 1), Role::Emergency),
        9 => said(&Payload::Heartbeat(Heartbeat { time: count }), Role::Snapshot),
        10 => b"junk".to_vec(),
        11 => {
            let mut next = draft();
            next.version = 2 + count % 3;
            root_leaf(&signed(&next, &[0, 1, 2]))
        }
        12 => said_by(&Payload::ModuleRelease(module), Role::Modules, &[90]),
        _ => {
            let kinds = [
                "event.schedule",
                "event.widen",
                "event.cancel",
                "event.close",
                "policy",
            ];
            let kind = kinds[usize::try_from(count).unwrap() % kinds.len()];
            let one_of_each = crate::leaf::tests::one_of_each();
            let payload = one_of_each.iter().find(|payload| payload.kind() == kind).unwrap();
            let role = if kind == "policy" {
                Role::Root
            } else {
                Role::Schedule
            };
            said(payload, role)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_ledger_goes_on_from_its_document_as_if_it_had_read_everything(
        leaves in prop::collection::vec((0..14_u8, 0..6_u64), 1..24),
        at in any::<prop::sample::Index>(),
    ) {
        let leaves: Vec<Vec<u8>> = leaves.iter().map(|(what, count)| say(*what, *count)).collect();
        let (before, after) = leaves.split_at(at.index(leaves.len()));
        let mut whole = ledger();
        for leaf in before {
            let _ = whole.apply(leaf);
        }
        let mut resumed = read(&whole.to_document()).unwrap();
        for leaf in after {
            prop_assert_eq!(resumed.apply(leaf), whole.apply(leaf));
        }
        prop_assert_eq!(resumed.to_document(), whole.to_document());
        for bytes in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
            prop_assert_eq!(resumed.may_run(&digest(bytes), NOW, NOW), whole.may_run(&digest(bytes), NOW, NOW));
        }
        prop_assert_eq!(resumed.script(&name("daily"), 4, 4), whole.script(&name("daily"), 4, 4));
        prop_assert_eq!(resumed.is_switched_on(&name("tor"), 4, 4), whole.is_switched_on(&name("tor"), 4, 4));
    }

    #[test]
    fn no_byte_of_a_document_can_be_another(at in any::<prop::sample::Index>(), byte: u8) {
        let mut ledger = ledger();
        released(&mut ledger, &module("signal", "1.0.0", "bytes"));
        let mut document = ledger.to_document();
        let at = at.index(document.len());
        prop_assume!(document[at] != byte);
        document[at] = byte;
        if let Ok(read) = read(&document) {
            // Where things stand in the log is what a tree of hashes says; what they say is what people signed.
            let digests = |ledger: &Ledger| ledger.releases.keys().copied().collect::<Vec<_>>();
            prop_assert_eq!(digests(&read), digests(&ledger));
        }
    }
}

#[test]
fn a_document_says_this() {
    let document = String::from_utf8(ledger().to_document()).unwrap();
    let root = String::from_utf8(root_leaf(&first_root())).unwrap();
    assert_eq!(
        document,
        format!("{{\"leaves\":[{{\"index\":0,\"leaf\":{root}}}],\"size\":1,\"v\":1}}")
    );
    let empty = Ledger::new(first_root().digest()).to_document();
    assert_eq!(empty, br#"{"leaves":[],"size":0,"v":1}"#);
    assert_eq!(read(&empty).unwrap().size(), 0);
}

#[test]
fn nothing_is_made_up_in_a_document() {
    let mut ledger = ledger();
    released(&mut ledger, &module("signal", "1.0.0", "bytes"));
    let document = String::from_utf8(ledger.to_document()).unwrap();
    let other = digest("evil").to_string();
    let forged = document.replace(&digest("bytes").to_string(), &other);
    assert!(matches!(
        read(forged.as_bytes()),
        Err(DocumentError::Refused { index: 1, .. })
    ));
    // Under another first root nothing of it holds.
    let another = Ledger::from_document(digest("another root"), document.as_bytes());
    assert!(matches!(another, Err(DocumentError::Refused { index: 0, .. })));
}

#[test]
fn a_document_has_the_leaves_that_count_in_their_order_and_no_others() {
    let mut ledger = ledger();
    released(&mut ledger, &module("signal", "1.0.0", "bytes"));
    let document = String::from_utf8(ledger.to_document()).unwrap();
    for (from, to) in [
        ("\"index\":1,", "\"index\":0,"),
        ("\"index\":2,", "\"index\":1,"),
        ("\"size\":3", "\"size\":2"),
    ] {
        let wrong = document.replace(from, to);
        assert_eq!(
            read(wrong.as_bytes()).unwrap_err(),
            DocumentError::NotKept,
            "{from}"
        );
    }
    let unknown = r#",{"index":3,"leaf":{"payload":{"type":"later","v":1},"sigs":[]}}],"size":4"#;
    let wrong = document.replace("],\"size\":3", unknown);
    assert_eq!(read(wrong.as_bytes()).unwrap_err(), DocumentError::NotKept);
    let later = document.replace("\"size\":3,\"v\":1", "\"size\":3,\"v\":2");
    assert_eq!(read(later.as_bytes()).unwrap_err(), DocumentError::Version);
}

#[test]
fn a_damaged_document_says_where() {
    let mut ledger = ledger();
    released(&mut ledger, &module("signal", "1.0.0", "bytes"));
    let document = String::from_utf8(ledger.to_document()).unwrap();
    let size = document.len();
    for (from, to, offset) in [
        ("{\"leaves\"", "{\"leafs\"", 0),
        ("[{\"index\":0", "[{\"index\":00", 20),
        ("[{\"index\":0", "[{\"index\":9007199254740992", 20),
        ("\"size\":3", "\"size\":-3", size - 8),
        ("\"size\":3", "\"size\":3,\"more\":1", size - 7),
    ] {
        let wrong = document.replacen(from, to, 1);
        assert_ne!(wrong, document, "{from}");
        let error = read(wrong.as_bytes()).unwrap_err();
        if to.contains("more") {
            assert_eq!(error, DocumentError::NotKept);
        } else {
            assert_eq!(error, DocumentError::Format { offset }, "{to}");
        }
    }
    for end in 0..size {
        assert!(read(&document.as_bytes()[..end]).is_err(), "{end}");
    }
    let long = vec![b' '; DOCUMENT_LIMIT + 1];
    assert!(matches!(read(&long), Err(DocumentError::TooLong { .. })));
}
