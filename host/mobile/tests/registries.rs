//! Following a registry from an app, which has no command line.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::path::Path;
use std::process::Command;

use netsonde_mobile::App;
use serde_json::{Value, json};

/// Make a registry in a folder. The digest of its first root is returned.
fn registry(folder: &Path) -> String {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(support::helper());
        let output = command.args(arguments).current_dir(folder).output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    run(&["key", "new", "ann"]);
    let said = run(&[
        "root",
        "init",
        "--dir",
        "registry",
        "--origin",
        "registry.example/log",
        "--key",
        "ann.pub",
        "--sign",
        "ann.key",
    ]);
    let digest = said.split_whitespace().find(|word| word.starts_with("sha256:"));
    digest.unwrap().to_owned()
}

fn json(text: Result<String, impl std::fmt::Debug>) -> Value {
    serde_json::from_str(&text.unwrap()).unwrap()
}

#[test]
fn a_registry_is_followed_listed_asked_and_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let digest = registry(folder.path());
    let url = format!("file://{}/registry/public/", folder.path().display());
    let settings = json!({
        "state_dir": folder.path().join("state"),
        "location": {"ipv4": {"probe_ip": "130.192.91.211", "probe_asn": 137, "probe_cc": "IT"}},
    });
    let (app, settings) = (App::new(), settings.to_string());
    let follow = |digest: &str| {
        let registry = json!({"url": url, "root_sha256": digest, "name": "here"});
        app.follow_registry(&settings, &registry.to_string())
    };

    let another = format!("sha256:{}", "0".repeat(64));
    assert!(follow(&another).is_err(), "nobody has that root");
    assert_eq!(json(app.registries(&settings)), json!([]));

    let followed = json(follow(&digest));
    assert_eq!(followed["name"], "here");
    assert_eq!(followed["log"], "registry.example/log");
    assert_eq!(followed["root"], digest.as_str());
    let again = follow(&digest).unwrap_err().to_string();
    assert!(again.contains("here"), "{again}");
    let listed = json(app.registries(&settings));
    assert_eq!(listed[0]["name"], "here");
    assert_eq!(listed.as_array().unwrap().len(), 1);

    let answer = json(app.check_in(&settings));
    assert_eq!(answer["how"], "built-in", "it has no script");
    assert!(answer["passed_over"].to_string().contains("here"), "{answer}");

    let gone = json(app.unfollow_registry(&settings, "here"));
    assert_eq!(gone, json!({"name": "here"}));
    assert_eq!(json(app.registries(&settings)), json!([]));
}
