//! Whatever the bytes are, reading them ends, and what is said about them can be shown.

use netsonde_script::{MAX_DEPTH, parse, parse_locations};
use proptest::prelude::*;

use crate::vocabulary::vocabulary;

const VALID: &str = r#"// A script with something of everything.
{
    "instructions": [
        { "run": "ui:draw_card@v1", "with": { "suite_name": "im" } },
        { "run": "ui:set_progress_bar@v1", "with": { "initial_value": 0, "max_value": 0.5 } },
        { "run": "nettest:run@v1", "with": {
            "nettest_name": "telegram", "suite_name": "im", "report_id": "x", "annotations": { "a": "b" },
            "feature_flags": { "c": true }, "test_helpers": { "d": [{ "address": "e", "type": "f", "front": "g" }] },
            "targets": [
                { "run": "http-address@v1", "with": { "tags": ["h"], "ip_address": "149.154.175.50", "port": 80 } },
                { "id": "i", "run": "https-domain@v1", "with": { "domain": "é😀", "port": 443, "x509_certs": ["\u00e9\n"] } },
            ],
        } },
        { "run": "nettest:run@v1", "with": { "nettest_name": "urlgetter", "targets": [
            { "input": "https://example.com/", "options": { "HTTPHost": "x" }, "attributes": { "y": [null, -1.5e3] } },
        ] } },
    ],
    "v": 2,
}
"#;

/// Read bytes as everything they could be, and show what is wrong with them.
fn digest(bytes: &[u8]) {
    let diagnostics = match parse("script.jsonc", bytes, &vocabulary()) {
        Ok(parsed) => parsed.warnings,
        Err(diagnostics) => {
            assert!(diagnostics.errors() > 0, "a script was refused without a reason");
            diagnostics
        }
    };
    assert!(
        diagnostics
            .iter()
            .is_sorted_by_key(|one| (one.line(), one.column()))
    );
    let plain = diagnostics.render(false);
    assert!(!plain.contains('\u{1b}'), "an escape got through: {plain:?}");
    diagnostics.render(true);
    if let Err(diagnostics) = parse_locations("location.jsonc", bytes) {
        diagnostics.render(false);
    }
}

/// A piece of JSON, whole or not.
fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "//",
            "/*",
            "*/",
            "\n",
            "\r",
            "\\",
            "null",
            "true",
            "-",
            "1e400",
            "0x1",
            "'",
            "\u{feff}",
            "\u{a0}",
            "\"run\":",
            "\"with\":",
            "\"targets\":",
            "\"tags\":",
            "\"id\":",
            "\"v\":",
            "\"commands\":",
            "\"run_command\":",
            "\"nettest:run@v1\"",
            "\"url\":",
            "\"options\":",
            "\"\\ud800\"",
            "3",
            "\"\"",
            "\u{1b}[31m",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_digested(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        digest(&bytes);
    }

    #[test]
    fn any_tokens_are_digested(tokens in prop::collection::vec(token(), 0..60)) {
        digest(tokens.concat().as_bytes());
    }

    #[test]
    fn a_script_with_some_bytes_replaced_is_digested(
        edits in prop::collection::vec((0..VALID.len(), any::<u8>()), 1..6),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (at, byte) in edits {
            bytes[at] = byte;
        }
        digest(&bytes);
    }

    #[test]
    fn a_script_with_a_piece_replaced_is_digested(
        start in 0..VALID.len(), length in 0..80_usize, piece in token(),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, piece.into_bytes());
        digest(&bytes);
    }

    #[test]
    fn every_beginning_of_a_script_is_digested(end in 0..VALID.len()) {
        digest(&VALID.as_bytes()[..end]);
    }
}

#[test]
fn the_script_that_is_mutated_is_valid() {
    parse("script.jsonc", VALID.as_bytes(), &vocabulary()).unwrap();
}

#[test]
fn nesting_is_refused_beyond_the_limit_and_never_overflows_the_stack() {
    let nested = |depth: usize| {
        format!(
            r#"{{ "instructions": [], "v": 2, "x": {}{} }}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let errors = |text: &str| {
        parse("script.jsonc", text.as_bytes(), &vocabulary()).map_or_else(|wrong| wrong.errors(), |_| 0)
    };
    assert_eq!(errors(&nested(MAX_DEPTH - 1)), 0);
    assert_eq!(errors(&nested(MAX_DEPTH)), 1);
    assert_eq!(errors(&nested(1_000_000)), 1);
    assert_eq!(errors(&"{\"a\":".repeat(1_000_000)), 1);
    // Brackets in strings and comments do not nest.
    let text = format!(
        r#"{{ "instructions": [], "v": 2 /* {0} */, "x": "{0}" }} // {0}"#,
        "[".repeat(1000)
    );
    assert_eq!(errors(&text), 0);
}
