//! Real measurements of OONI, of all ages, in `../shared/fixtures/measurements`; where they are not there, the tests say so
//! and check nothing.

use netsonde_data::check::{Finding, Severity, check_text};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::{fs, path::PathBuf};

/// Everything that is against the format in some sample, and why we stand by it.
const REFUSED: [(&str, &str, &str); 2] = [
    (
        "http_host_0.2.4",
        "test_keys.requests[0].request.headers.Host",
        "the probe sent no Host and wrote null as its value; df-001 has only texts and bytes",
    ),
    (
        "openvpn_0.1.1",
        "probe_asn",
        "AS0001, from a network made up for the sample; backends refuse zeros before the number",
    ),
];

/// What is found in each sample, by its nettest and version.
fn findings() -> BTreeMap<String, Vec<Finding>> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/measurements"
    ));
    let Ok(entries) = fs::read_dir(&folder) else {
        // Written, not printed: of a test that passes libtest shows nothing that is printed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no samples in {}", folder.display());
        return BTreeMap::new();
    };
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy();
        let (_, name) = name.split_once("__").unwrap();
        (name.to_owned(), check_text(&fs::read_to_string(&path).unwrap()))
    };
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

#[test]
fn nothing_but_what_we_stand_by_is_refused() {
    let findings = findings();
    let errors: Vec<String> = findings
        .iter()
        .flat_map(|(name, findings)| findings.iter().map(move |finding| (name, finding)))
        .filter(|(_, finding)| finding.severity == Severity::Error)
        .map(|(name, finding)| format!("{name}: {}", finding.path))
        .collect();
    let refused: Vec<String> = REFUSED
        .iter()
        .map(|(name, path, _)| format!("{name}: {path}"))
        .collect();
    assert!(findings.is_empty() || errors == refused, "{errors:#?}");
}

#[test]
fn the_newest_measurements_need_no_note() {
    let findings = findings();
    for name in [
        "web_connectivity_0.5.28",
        "simplequicping_0.2.0",
        "echcheck_0.2.0",
    ] {
        if let Some(findings) = findings.get(name) {
            assert_eq!(findings, &[], "{name}");
        }
    }
}

/// Each field that is noted, with the reason, and the samples that have it so. If this fails and the new text is right, put
/// it in the place of the old.
#[test]
fn each_difference_of_older_measurements_is_explained() {
    let mut explained: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, findings) in findings() {
        for finding in findings
            .iter()
            .filter(|finding| finding.severity == Severity::Note)
        {
            let Finding {
                path, wanted, source, ..
            } = finding;
            let why = finding.why.map(|why| format!("; {why}")).unwrap_or_default();
            let line = format!("{source} {}: {wanted}{why}", without_indices(path));
            explained.entry(line).or_default().insert(name.clone());
        }
    }
    let mut text = String::new();
    for (line, names) in &explained {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        text.extend([line, "\n    ", &names.join(", "), "\n"]);
    }
    if text.is_empty() {
        return;
    }
    let expected = include_str!("samples.txt");
    if text != expected {
        let actual = concat!(env!("CARGO_TARGET_TMPDIR"), "/samples.txt");
        fs::write(actual, &text).unwrap();
        panic!("what is found is not what tests/check/samples.txt has, but {actual}");
    }
}

/// `queries[3]` and `targets.0fded903` are one of their kind.
fn without_indices(path: &str) -> String {
    let mut kind = String::new();
    let mut quoted = false;
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '"' => quoted = !quoted,
            '[' if !quoted => {
                inside = true;
                kind.push('[');
            }
            ']' if !quoted => inside = false,
            _ => {}
        }
        if !inside {
            kind.push(letter);
        }
    }
    let names = kind.split('.').map(|name| {
        let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { "[]" } else { name }
    });
    names.collect::<Vec<_>>().join(".").replace(".[]", "[]")
}
