use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    bytes: 4096,
    depth: 8,
};

fn problem(text: &str) -> (usize, Problem) {
    let error = Value::parse(text.as_bytes(), LIMITS).unwrap_err();
    (error.offset, error.problem)
}

#[test]
fn what_is_written_in_another_way_is_read_and_written_in_one() {
    let text =
        " {\"b\" : [ 1 ,\t-2, true,false , null ],\n\"a\\u002fb\":\"\\/ \\\" \\\\ \\u007e\" , \"-\":{}} ";
    let value = Value::parse(text.as_bytes(), LIMITS).unwrap();
    let canonical = r#"{"-":{},"a/b":"/ \" \\ ~","b":[1,-2,true,false,null]}"#;
    assert_eq!(value.to_string(), canonical);
    assert_eq!(
        Value::parse_canonical(canonical.as_bytes(), LIMITS).unwrap(),
        value
    );
}

#[test]
fn what_canonical_documents_do_not_have_is_refused_where_it_stands() {
    for (text, offset, expected) in [
        ("", 0, Problem::Cut),
        (r#"{"a":1"#, 6, Problem::Cut),
        (r#""a"#, 2, Problem::Cut),
        ("tru", 3, Problem::Cut),
        ("-", 1, Problem::Cut),
        ("1 2", 2, Problem::Trailing),
        ("[1,]", 3, Problem::Unexpected(b']')),
        (r#"{"a":1,}"#, 7, Problem::Unexpected(b'}')),
        ("+1", 0, Problem::Unexpected(b'+')),
        ("NaN", 0, Problem::Unexpected(b'N')),
        (r#"["é"]"#, 2, Problem::Character(0xc3)),
        ("\"\n\"", 1, Problem::Character(10)),
        (r#""\u00e9""#, 1, Problem::Character(0xe9)),
        (r#""\u000a""#, 1, Problem::Character(10)),
        (r#""\n""#, 1, Problem::Escape),
        (r#""\u12""#, 1, Problem::Escape),
        (r#""\u+123""#, 1, Problem::Escape),
        (r#"{"A":1}"#, 1, Problem::Key),
        (r#"{"":1}"#, 1, Problem::Key),
        (r#"{"a\"b":1}"#, 1, Problem::Key),
        (r#"{"a":1,"a":2}"#, 7, Problem::DuplicateKey("a".to_owned())),
        ("1.5", 1, Problem::NotInteger),
        ("1e3", 1, Problem::NotInteger),
        ("-0", 0, Problem::Integer),
        ("01", 0, Problem::Integer),
        ("9007199254740992", 0, Problem::Integer),
        ("-9007199254740992", 0, Problem::Integer),
        ("99999999999999999999999", 0, Problem::Integer),
        ("[[[[[[[[[1]]]]]]]]]", 8, Problem::TooDeep { limit: 8 }),
    ] {
        assert_eq!(problem(text), (offset, expected), "{text}");
    }
    let long = vec![b' '; LIMITS.bytes + 1];
    assert!(matches!(
        Value::parse(&long, LIMITS).unwrap_err().problem,
        Problem::TooLong { .. }
    ));
    for text in ["9007199254740991", "-9007199254740991", "0", "[[[[[[[[1]]]]]]]]"] {
        assert_eq!(Value::parse(text.as_bytes(), LIMITS).unwrap().to_string(), text);
    }
}

#[test]
fn a_document_written_in_another_way_is_not_canonical() {
    for (text, offset) in [
        (r#"{"a": 1}"#, 5),
        (r#"{"b":1,"a":2}"#, 2),
        (r#"["\/"]"#, 2),
        ("1 ", 1),
        (r#"["\u0061"]"#, 2),
    ] {
        let error = Value::parse_canonical(text.as_bytes(), LIMITS).unwrap_err();
        let problem = Problem::NotCanonical;
        assert_eq!(error, ParseError { offset, problem }, "{text}");
    }
}

pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-LARGEST..=LARGEST).prop_map(Value::Integer),
        "[ -~]{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z0-9_.:/@-]{1,8}", inner, 0..6).prop_map(Value::Object),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_written_in_one_way_and_read_back(value in any_value()) {
        let limits = Limits { bytes: usize::MAX, depth: 16 };
        let bytes = value.to_bytes();
        prop_assert_eq!(Value::parse_canonical(&bytes, limits), Ok(value));
    }

    #[test]
    fn other_readers_of_json_read_the_same(value in any_value()) {
        let text = value.to_string();
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Its maps are sorted, and its printing has no spaces: for these documents that is the canonical form.
        prop_assert_eq!(theirs.to_string(), text);
    }

    #[test]
    fn no_two_sequences_of_bytes_are_one_canonical_document(value in any_value(), at in any::<prop::sample::Index>(), byte: u8) {
        let limits = Limits { bytes: usize::MAX, depth: 16 };
        let mut bytes = value.to_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert_ne!(Value::parse_canonical(&bytes, limits), Ok(value));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Value::parse(&bytes, LIMITS);
    }
}
