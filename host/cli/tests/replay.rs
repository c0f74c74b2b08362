//! `runx --record` in the lab, `replay` outside of it: the binary, with every preinstalled guest.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use support::{Probe, assert_exit, nettest, scenario};

/// Runs that use every preinstalled guest; None where there is no lab.
fn recorded() -> Option<Probe> {
    let probe = Probe::new();
    let mini = |name: &str, with: Value| json!({"run": format!("{name}@v1"), "with": with});
    let minis = [
        mini("dns-lookup", json!({"domain": "example.com"})),
        mini(
            "tcp-connect-address",
            json!({"ip_address": "149.154.175.50", "port": 443}),
        ),
        mini("tcp-connect-domain", json!({"domain": "example.org", "port": 80})),
        mini(
            "http-address",
            json!({"ip_address": "149.154.175.50", "http_method": "POST", "tags": ["mini_nettest:dc"]}),
        ),
        mini(
            "http-domain",
            json!({"domain": "example.com", "tags": ["mini_nettest:web"]}),
        ),
        mini(
            "https-domain",
            json!({"domain": "web.telegram.org", "tls_server_name": "web.telegram.org"}),
        ),
        mini(
            "http3-domain",
            json!({"domain": "example.org", "tls_server_name": "example.org"}),
        ),
        mini("dns-lookup", json!({"domain": "nowhere.invalid"})),
    ];
    let runs = [
        nettest("telegram", &json!({"suite_name": "im", "targets": minis})),
        nettest(
            "urlgetter",
            &json!({"suite_name": "experimental", "targets": [
                {"input": "https://example.com/", "options": {}},
                {"input": "tcpconnect://8.8.8.8:1", "options": {}},
            ]}),
        ),
        nettest(
            "web_connectivity",
            &json!({"suite_name": "websites", "targets": [{"input": "http://example.com/"}]}),
        ),
        // One mini nettest is enough for each of the others.
        nettest("whatsapp", &json!({"suite_name": "im", "targets": [minis[0]]})),
        nettest("signal", &json!({"suite_name": "im", "targets": [minis[0]]})),
        nettest(
            "facebook_messenger",
            &json!({"suite_name": "im", "targets": [minis[0]]}),
        ),
    ];
    let script = probe.script(&json!(runs));
    let output = probe.runx_in_lab(&scenario("clean"), &script, &["--record", "recorded"])?;
    assert_exit(&output, 0);
    Some(probe)
}

fn replay(probe: &Probe, more: &[&str]) -> Output {
    probe
        .netsonde()
        .args(["replay", "recorded"])
        .args(more)
        .output()
        .unwrap()
}

fn folders(probe: &Probe) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(probe.path("recorded"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

/// The first transcript of the URL, and its lines.
fn urlgetter(probe: &Probe) -> (PathBuf, Vec<Value>) {
    let path = folders(probe)[1].join("nettest.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    (
        path,
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn write(path: &Path, lines: &[Value]) {
    let text: String = lines
        .iter()
        .flat_map(|line| [line.to_string(), "\n".to_owned()])
        .collect();
    fs::write(path, text).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_preinstalled_guest_replays_identically() {
    let Some(probe) = recorded() else { return };
    for again in 0..5 {
        let output = replay(&probe, &[]);
        assert_exit(&output, 0);
        let printed = String::from_utf8(output.stdout.clone()).unwrap();
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed.len(), 7, "replay {again}: {}", said(&output));
        for (line, (folder, measurement)) in printed.iter().zip(folders(&probe).iter().zip(probe.report())) {
            assert_eq!(*line, fs::read_to_string(folder.join("test_keys.json")).unwrap());
            assert_eq!(
                serde_json::from_str::<Value>(line).unwrap(),
                measurement["test_keys"]
            );
        }
    }
    let mut modules = BTreeSet::new();
    for folder in folders(&probe) {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                let text = fs::read_to_string(&path).unwrap();
                let head: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
                modules.insert(head["module"].as_str().unwrap().to_owned());
            }
        }
    }
    let preinstalled = netsonde_preinstalled::GUESTS
        .iter()
        .map(|guest| guest.name.to_owned());
    assert_eq!(modules, preinstalled.collect(), "each guest was recorded");

    let json = replay(&probe, &["--json"]);
    assert_exit(&json, 0);
    for line in String::from_utf8(json.stdout).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["identical"], true);
        assert!(event["calls"].as_u64().unwrap() > 2, "{event}");
    }
}

#[test]
fn what_differs_is_named() {
    let Some(probe) = recorded() else { return };
    let (path, lines) = urlgetter(&probe);
    let original = fs::read(&path).unwrap();

    // An answer that was another: the guest connects to what it is told.
    let mut flipped = lines.clone();
    let call = flipped
        .iter()
        .find(|line| line["name"] == "types.[method]dns-answer.addresses")
        .unwrap()["call"]
        .clone();
    let answer = flipped.iter_mut().find(|line| line["answer"] == call).unwrap();
    answer["value"] = json!(["203.0.113.7"]);
    write(&path, &flipped);
    let output = replay(&probe, &[]);
    assert_exit(&output, 5);
    let text = said(&output);
    assert_eq!(text.matches("test keys differ").count(), 0, "said once: {text}");
    for part in [
        "tcp.connect",
        "differs",
        "expected \"23.192.228.80:443\"",
        "got      \"203.0.113.7:443\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("0001-telegram: identical"), "{text}");

    // A guest that is another: it spells a header in another way.
    fs::write(&path, &original).unwrap();
    let guest = netsonde_preinstalled::GUESTS
        .iter()
        .find(|guest| guest.name == "urlgetter")
        .unwrap();
    let mut wasm = guest.wasm.to_vec();
    let at = wasm
        .windows(14)
        .position(|window| window == b"en-US,en;q=0.9")
        .expect("the header is in the module");
    wasm[at..at + 2].copy_from_slice(b"tr");
    fs::write(probe.path("changed.wasm"), wasm).unwrap();
    let output = replay(&probe, &["--module", "changed.wasm"]);
    assert_exit(&output, 5);
    let text = said(&output);
    for part in [
        "http-request.header",
        "en-US,en;q=0.9",
        "tr-US,en;q=0.9",
        "is not the one that was recorded",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    // A transcript that is another at its end, and ones that are damaged.
    let mut shorter = lines.clone();
    shorter.truncate(lines.len() - 1);
    write(&path, &shorter);
    let output = replay(&probe, &[]);
    assert_exit(&output, 1);
    assert!(
        said(&output).contains("nettest.jsonl: it has no last line"),
        "{}",
        said(&output)
    );
    let half = original.len() / 2;
    fs::write(&path, &original[..half]).unwrap();
    assert_exit(&replay(&probe, &[]), 1);
    fs::write(&path, b"\xff\xfe").unwrap();
    assert_exit(&replay(&probe, &[]), 1);
    fs::remove_file(folders(&probe)[1].join("run.json")).unwrap();
    let output = replay(&probe, &[]);
    assert_exit(&output, 1);
    // One that can not be read keeps nobody from the others.
    for part in [
        "0001-telegram: identical",
        "read recording recorded/0002-urlgetter: it has no run.json: the run was interrupted",
        "0003-urlgetter: identical",
    ] {
        assert!(said(&output).contains(part), "{part}: {}", said(&output));
    }
    let output = replay(&probe, &["--json"]);
    assert_exit(&output, 1);
    let events = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let words: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    let mut expected = ["replayed"; 7];
    expected[1] = "unreadable";
    assert_eq!(words, expected);
}

/// Nobody but a user makes recordings like these, or somebody who sends them to a user.
#[test]
fn recordings_made_by_hand_are_not_believed() {
    let probe = Probe::new();
    let recording = |name: &str, instances: Value, transcript: &str| {
        let folder = probe.path("recorded").join(name);
        fs::create_dir_all(&folder).unwrap();
        let facts = json!({
            "recording": 1, "nettest_name": "x", "module": {"name": "x", "version": "0.1.0", "sha256": ""},
            "input": null, "started_at": "", "runtime": 0.0, "software": "", "error": null,
            "probe_addresses": [], "observations": {}, "instances": instances,
        });
        fs::write(folder.join("run.json"), facts.to_string()).unwrap();
        fs::write(folder.join("test_keys.json"), "{}").unwrap();
        fs::write(folder.join("nettest.jsonl"), transcript).unwrap();
        folder
    };
    fs::write(probe.path("secret.jsonl"), "a secret").unwrap();
    recording("1", json!(["nettest", "../../secret"]), "");
    recording("2", json!([]), "");
    let head = json!({"transcript": 1, "module": "\u{1b}[2Jx\u{202e}", "sha256": "", "argument": "{}"});
    recording(
        "3",
        json!(["nettest"]),
        &format!("{head}\n{{\"end\":{{\"stopped\":\"x\"}}}}\n"),
    );
    let endless = recording("4", json!(["nettest"]), "");
    #[cfg(unix)]
    {
        fs::remove_file(endless.join("run.json")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", endless.join("run.json")).unwrap();
    }
    let output = replay(&probe, &[]);
    assert_exit(&output, 1);
    let said = said(&output);
    for part in [
        "read recording recorded/1/run.json: no transcript can have the name \"../../secret\"",
        "read recording recorded/2/run.json: it names no transcript of the nettest",
        "replay recorded/3: ",
        "\\u{1b}[2Jx\\u{202e}",
        "read recorded/4/run.json: it is no file",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        !said.contains('\u{1b}') && !said.contains("secret.jsonl"),
        "{said}"
    );
}

#[test]
fn a_folder_with_something_in_it_is_not_recorded_to() {
    let probe = Probe::new();
    let script = probe.script(&json!([]));
    fs::create_dir(probe.path("full")).unwrap();
    fs::write(probe.path("full/file"), b"").unwrap();
    let output = probe.runx(&script).args(["--record", "full"]).output().unwrap();
    assert_exit(&output, 1);
    assert!(
        said(&output).contains("record to full: it is not empty"),
        "{}",
        said(&output)
    );
    let output = probe.netsonde().args(["replay", "nowhere"]).output().unwrap();
    assert_exit(&output, 1);
    assert!(
        said(&output).contains("look for recordings in nowhere"),
        "{}",
        said(&output)
    );
}
