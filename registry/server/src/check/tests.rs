//! Programs in the place of `netsonde` that say this and that. What it says itself is tested with it.

use super::*;
use netsonde_log::words::Digest;
use std::fs;
use tempfile::TempDir;

/// A program that writes `said` and ends with `code`.
fn program(said: &str, code: u8) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netsonde");
    fs::write(folder.path().join("said"), said).unwrap();
    // A shell writes it: were it this process, a child of another thread could have the file open still.
    let script = format!(
        "echo \"$@\" > \"{0}/asked\"; while read -r line; do echo \"$line\"; done < \"{0}/said\"; echo why >&2; exit {code}",
        folder.path().display()
    );
    let written = Command::new("sh")
        .args([
            "-c",
            "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"",
            "sh",
        ])
        .arg(&path)
        .arg(&script)
        .status();
    assert!(written.unwrap().success());
    (folder, path)
}

fn checked(said: &str, code: u8) -> Result<CheckReport, CheckError> {
    let (_folder, program) = program(said, code);
    check(&program, Path::new("one.wasm"), None)
}

fn digest() -> Digest {
    Digest::of(b"one")
}

/// What `netsonde` writes of a module, with these findings.
fn report(passed: bool, findings: &str) -> String {
    format!(
        "{{\"name\":\"robots\",\"version\":\"1.0.0\",\"kind\":\"nettest\",\"digest\":\"{}\",\"size\":3,\
         \"contract\":\"netsonde:probe@0.1.0\",\"imports\":[\"http\"],\"capabilities\":{{\"http\":\"To ask.\"}},\
         \"destinations\":{{\"targets\":\"To go there.\"}},\"fixed\":[],\"budget\":{{\"cpu_s\":20}},\
         \"manifest\":\"name = 'robots'\",\"passed\":{passed},\"findings\":[{findings}],\
         \"suite\":[{{\"scenario\":\"clean\",\"verdict\":\"fine\",\"says\":null,\"cpu_s\":0.1,\"wall_s\":2.5}}],\
         \"suite_skipped\":null}}\n",
        digest()
    )
}

#[test]
fn a_module_that_passes_is_known_whole() {
    let (folder, program) = program(&report(true, ""), 0);
    let suite = Some(Path::new("my suite"));
    let report = check(&program, Path::new("-one.wasm"), suite).unwrap();
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(asked, "--json check --suite my suite -- -one.wasm\n");
    assert_eq!((report.digest, report.size), (digest(), 3));
    let about = report.about.unwrap();
    assert_eq!(
        (about.name.as_str(), about.version.to_string().as_str()),
        ("robots", "1.0.0")
    );
    assert_eq!((about.kind, about.budget["cpu_s"]), (Kind::Nettest, 20));
    assert_eq!(report.suite[0].verdict.as_deref(), Some("fine"));
}

#[test]
fn a_module_that_does_not_pass_says_why() {
    let finding = "{\"what\":\"suite/clean\",\"why\":\"it trapped\"}";
    let known = checked(&report(false, finding), 1).unwrap();
    assert!(!known.passed && known.about.is_some());
    assert_eq!(known.findings[0].to_string(), "suite/clean: it trapped");
    // What is no component has no name.
    let unknown = report(false, finding)
        .replace("\"robots\"", "null")
        .replace("\"1.0.0\"", "null");
    assert_eq!(checked(&unknown, 1).unwrap().about, None);
}

#[test]
fn who_contradicts_himself_is_not_believed() {
    let finding = "{\"what\":\"size\",\"why\":\"it is too large\"}";
    for (said, code) in [
        (report(true, ""), 1),
        (report(false, finding), 0),
        (report(true, finding), 0),
        (report(true, "").replace("\"robots\"", "\"../robots\""), 0),
        (report(true, "").replace("sha256:", "md5:"), 0),
        ("done\n".to_owned(), 0),
    ] {
        let error = checked(&said, code).unwrap_err();
        assert!(matches!(error, CheckError::Malformed { .. }), "{said}: {error}");
        assert!(error.to_string().starts_with("check one.wasm: "), "{error}");
    }
}

#[test]
fn without_a_report_nobody_knows() {
    let error = checked("", 1).unwrap_err().to_string();
    assert!(error.contains("no report") && error.ends_with(": why"), "{error}");
    let error = check(Path::new("/nowhere/netsonde"), Path::new("one.wasm"), None).unwrap_err();
    assert!(error.to_string().contains("start /nowhere/netsonde"), "{error}");
}

#[test]
fn a_script_passes_with_warnings_and_not_with_errors() {
    let line = |severity: &str| {
        format!(
            "{{\"severity\":\"{severity}\",\"file\":\"s.jsonc\",\"line\":3,\"column\":7,\"message\":\"no such key\",\"hint\":null}}\n"
        )
    };
    let checked = |said: &str, code| {
        let (folder, program) = program(said, code);
        let modules = [PathBuf::from("a.wasm"), PathBuf::from("b.wasm")];
        let report = check_script(&program, Path::new("s.jsonc"), &modules);
        let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
        assert_eq!(
            asked,
            "--json check-script --module a.wasm --module b.wasm -- s.jsonc\n"
        );
        report
    };
    assert!(checked("", 0).unwrap().passed);
    assert!(checked(&line("warning"), 0).unwrap().passed);
    let wrong = checked(&(line("warning") + &line("error")), 1).unwrap();
    assert!(!wrong.passed);
    assert_eq!(
        wrong.diagnostics[1].to_string(),
        "s.jsonc:3:7: error: no such key"
    );
    assert!(matches!(checked("", 1), Err(CheckError::NoReport { .. })));
    assert!(matches!(
        checked(&line("error"), 0),
        Err(CheckError::NoReport { .. })
    ));
}

#[test]
fn the_program_that_is_named_is_taken() {
    let given = Path::new("/opt/netsonde");
    assert_eq!(find(Some(given)).unwrap(), given);
}
