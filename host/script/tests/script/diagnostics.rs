//! Every `diagnostics/NAME.jsonc` is a script, and `NAME.txt` beside it is what a person reads about it.
//!
//! `UPDATE_EXPECTED=1 cargo test -p netsonde-script` writes the expected files anew; read the difference before
//! committing it.

use std::fs;
use std::path::{Path, PathBuf};

use netsonde_script::{Diagnostics, Severity, Vocabulary, parse};

use crate::vocabulary::vocabulary;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/script/diagnostics")
}

fn all(text: &[u8], name: &str) -> Diagnostics {
    match parse(name, text, &vocabulary()) {
        Ok(parsed) => parsed.warnings,
        Err(diagnostics) => diagnostics,
    }
}

#[test]
fn every_script_gets_the_diagnostics_that_lie_beside_it() {
    let mut differing = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonc") {
            continue;
        }
        seen += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let rendered = all(&fs::read(&path).unwrap(), name).render(false);
        let expected_path = path.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected_path, &rendered).unwrap();
        } else if fs::read_to_string(&expected_path).unwrap_or_default() != rendered {
            differing.push(format!("{name} now gives:\n\n{rendered}"));
        }
    }
    assert!(seen >= 20, "only {seen} scripts in {}", folder().display());
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let diagnostics = all(
        &fs::read(folder().join("many-at-once.jsonc")).unwrap(),
        "script.jsonc",
    );
    let coloured = diagnostics.render(true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    let mut rest = coloured.chars();
    while let Some(char) = rest.next() {
        if char == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(char);
        }
    }
    assert_eq!(plain, diagnostics.render(false));
}

#[test]
fn the_terminal_escapes_of_a_script_do_not_reach_the_terminal() {
    let script = "{ \"instructions\": [{ \"run\": \"\\u001b[31mred\" }], /* \u{1b}[31m */ \"v\": 2, \"\u{202e}x\": 1 }";
    let rendered = all(script.as_bytes(), "script.jsonc").render(false);
    assert!(!rendered.contains(['\u{1b}', '\u{202e}']), "{rendered}");
    assert!(rendered.contains("[31mred"));
}

#[test]
fn what_is_wrong_can_be_read_by_a_program() {
    let text = b"{\n\t\"instructions\": [],\n\t\"v\": 7\n}";
    let diagnostics = parse("script.jsonc", text, &Vocabulary::new()).unwrap_err();
    let [only] = diagnostics.iter().collect::<Vec<_>>()[..] else {
        panic!("{diagnostics}")
    };
    assert_eq!(
        (only.severity(), only.line(), only.column()),
        (Severity::Error, 3, 7)
    );
    assert_eq!(text.get(only.span()), Some(&b"7"[..]));
    assert!(only.message().contains("version 7"));
    assert_eq!(only.hint(), Some("it reads version 2 only"));
}

#[test]
fn a_column_counts_characters() {
    let diagnostics = all(
        "{ \"é€😀\": 1, \"v\": 3, \"instructions\": [] }".as_bytes(),
        "script.jsonc",
    );
    let error = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.severity() == Severity::Error)
        .unwrap();
    assert_eq!((error.line(), error.column()), (1, 18));
}

#[test]
fn of_very_many_errors_the_first_are_shown_and_the_rest_counted() {
    let script = format!("{{\"instructions\": [{}], \"v\": 2}}", "1, ".repeat(5000));
    let diagnostics = all(script.as_bytes(), "script.jsonc");
    assert_eq!((diagnostics.errors(), diagnostics.iter().count()), (5000, 200));
    assert!(diagnostics.render(false).ends_with("… and 4800 more errors\n"));
}

#[test]
fn a_file_that_is_too_large_is_not_looked_at() {
    let script = vec![b' '; netsonde_script::MAX_SIZE + 1];
    let diagnostics = all(&script, "script.jsonc");
    assert_eq!(diagnostics.errors(), 1);
    assert!(
        diagnostics.render(false).contains("16777217 bytes"),
        "{diagnostics}"
    );
}

#[test]
fn a_line_with_very_many_errors_is_counted_once() {
    let script = format!("{{\"instructions\": [{}], \"v\": 2}}", "\"é\", ".repeat(300));
    let diagnostics = all(script.as_bytes(), "script.jsonc");
    let columns: Vec<usize> = diagnostics
        .iter()
        .take(3)
        .map(netsonde_script::Diagnostic::column)
        .collect();
    assert_eq!(columns, [19, 24, 29]);
    assert!(diagnostics.render(false).contains("the line is long"));
}
