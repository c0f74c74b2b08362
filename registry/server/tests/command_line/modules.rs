//! Modules: proposed, reviewed, signed, attested, released, withdrawn.

use super::{Desk, size};
use netsonde_log::{
    leaf::{Leaf, Payload, RebuildAttest},
    role::Role,
};
use netsonde_registry::{people, proposal::Proposal};
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

/// A registry, an author's source in git, and a program that says of a module what a file beside it says.
struct Workshop {
    desk: Desk,
    netsonde: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        let desk = Desk::begun();
        let source = desk.path("source");
        fs::create_dir_all(source.join("guest/src")).unwrap();
        for (file, text) in [
            (
                "guest/Cargo.toml",
                "[package]\nname = \"guest\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[workspace]\n",
            ),
            (
                "guest/Cargo.lock",
                "version = 4\n\n[[package]]\nname = \"guest\"\nversion = \"1.0.0\"\n",
            ),
            ("guest/src/lib.rs", ""),
            ("guest/nettest.toml", "name = \"guest\"\n"),
        ] {
            fs::write(source.join(file), text).unwrap();
        }
        for line in [
            "init --quiet",
            "add --all",
            "-c user.name=a -c user.email=a@example.org commit --quiet --message first",
        ] {
            let done = Command::new("git")
                .current_dir(&source)
                .args(line.split(' '))
                .status();
            assert!(done.unwrap().success(), "{line}");
        }
        let netsonde = desk.path("netsonde");
        fs::write(
            &netsonde,
            "#!/bin/sh\nfor file in \"$@\"; do :; done\nset -- $(/usr/bin/sha256sum \"$file\")\n\
             /bin/sed \"s/DIGEST/sha256:$1/; s/SIZE/$(/usr/bin/stat -c %s \"$file\")/\" \"$(/usr/bin/dirname \"$0\")/about.json\"\n",
        )
        .unwrap();
        fs::set_permissions(&netsonde, fs::Permissions::from_mode(0o755)).unwrap();
        Self { desk, netsonde }
    }

    /// What is said of the next module.
    fn about(&self, name: &str, version: &str, interfaces: &[&str]) {
        let capabilities: serde_json::Map<_, _> = interfaces
            .iter()
            .map(|interface| ((*interface).to_owned(), "because".into()))
            .collect();
        let report = serde_json::json!({
            "digest": "DIGEST", "size": 0, "passed": true, "findings": [], "suite": [
                {"scenario": "clean", "verdict": "fine", "says": null, "cpu_s": 0.01, "wall_s": 0.5}],
            "suite_skipped": null, "name": name, "version": version, "kind": "nettest",
            "contract": "netsonde:probe@0.1.0", "imports": interfaces, "capabilities": capabilities,
            "destinations": {"targets": "to measure"}, "fixed": [], "budget": {"connections": 5},
            "manifest": format!("name = \"{name}\"\n"),
        });
        let text = report.to_string().replace("\"size\":0", "\"size\":SIZE");
        fs::write(self.desk.path("about.json"), text).unwrap();
    }

    fn propose(&self, bytes: &str) -> String {
        fs::write(self.desk.path("m.wasm"), bytes).unwrap();
        format!(
            "module propose m.wasm --source source/guest --dir registry --netsonde {}",
            self.netsonde.display()
        )
    }

    fn review(&self, id: &str) -> String {
        format!(
            "module review {id} --dir registry --netsonde {}",
            self.netsonde.display()
        )
    }

    /// The one proposal that waits.
    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.desk.path("registry/proposals")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }

    /// Somebody says to have built the same.
    fn attest(&self, who: &str) {
        let file = self.file();
        let proposal = Proposal::parse(&fs::read(&file).unwrap()).unwrap();
        let Payload::ModuleRelease(module) = proposal.leaf().payload().clone() else {
            unreachable!("it proposes a module");
        };
        let attest = RebuildAttest {
            name: module.name,
            version: module.version,
            digest: module.digest,
            source: module.source,
        };
        let key = people::secret(&fs::read_to_string(self.desk.path(who)).unwrap()).unwrap();
        let leaf = Leaf::new(proposal.leaf().log(), &Payload::RebuildAttest(attest)).unwrap();
        let leaf = leaf.signed_by(Role::Rebuild, &key).unwrap();
        fs::write(&file, proposal.attested(leaf).to_bytes().unwrap()).unwrap();
    }

    fn release(&self, module: &str) {
        for key in ["ann.key", "bob.key"] {
            self.desk
                .done(&format!("module sign {module} --key {key} --dir registry"));
        }
        self.attest("eve.key");
        self.desk.done(&format!("module release {module} --dir registry"));
    }
}

#[test]
fn a_module_is_released_when_two_have_signed_and_a_third_has_rebuilt_it() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    let said = desk.done(&workshop.propose("one"));
    for wanted in [
        "imports dns",
        "asks for dns: because",
        "suite clean: fine",
        "no release of guest before",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let said = desk.done(&workshop.review("guest@1.0.0"));
    assert!(
        said.contains("folder guest, with rustc") && said.contains("goes to targets: to measure"),
        "{said}"
    );
    let said = desk.refused("module release guest@1.0.0 --dir registry");
    assert!(said.contains("nobody signed"), "{said}");
    desk.done("module sign guest@1.0.0 --key ann.key --dir registry");
    let said = desk.refused("module release guest@1.0.0 --dir registry");
    assert!(said.contains("signed by 1 of the 2"), "{said}");
    let said = desk.done("module sign guest@1.0.0 --key bob.key --dir registry");
    assert!(said.contains("has to rebuild it"), "{said}");
    let said = desk.refused("module release guest@1.0.0 --dir registry");
    assert!(said.contains("nobody but those who released"), "{said}");
    // Whoever signed it is no third.
    workshop.attest("bob.key");
    let said = desk.refused("module release guest@1.0.0 --dir registry");
    assert!(said.contains("nobody but those who released"), "{said}");
    assert_eq!(size(&desk.path("registry")), 1);
    workshop.attest("eve.key");
    let said = desk.done("module release guest@1.0.0 --dir registry");
    assert!(said.contains("guest@1.0.0 is released: entry 1"), "{said}");
    assert_eq!(size(&desk.path("registry")), 3);
    let said = desk.done("status --dir registry");
    assert!(said.contains("guest@1.0.0  released"), "{said}");
    assert!(!said.contains("waits"), "{said}");
}

#[test]
fn the_next_version_shows_what_it_asks_for_newly() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    desk.done(&workshop.propose("one"));
    workshop.release("guest@1.0.0");
    workshop.about("guest", "1.1.0", &["dns", "tcp"]);
    let said = desk.done(&workshop.propose("two"));
    assert!(
        said.contains("since guest@1.0.0:") && said.contains("+ interface tcp"),
        "{said}"
    );
    assert!(said.contains("asks for more than before"), "{said}");
    workshop.release("guest@1.1.0");
    // Nothing goes back, and nothing is two things.
    workshop.about("guest", "1.0.5", &["dns"]);
    desk.done(&workshop.propose("three"));
    desk.done("module sign guest@1.0.5 --key ann.key --dir registry");
    let said = desk.refused("module sign guest@1.0.5 --key bob.key --dir registry");
    assert!(said.contains("1.1.0"), "{said}");
    fs::remove_file(workshop.file()).unwrap();
    workshop.about("Guest/x", "1.0.0", &["dns"]);
    assert!(desk.refused(&workshop.propose("four")).contains("no report"));
    workshop.about("gu_est", "1.0.0", &["dns"]);
    desk.done(&workshop.propose("five"));
    workshop.release("gu_est@1.0.0");
    workshop.about("gu-est", "1.0.0", &["dns"]);
    let said = desk.refused(&workshop.propose("six"));
    assert!(said.contains("too much like gu_est"), "{said}");
}

#[test]
fn a_proposal_that_says_something_else_than_its_module_is_not_to_be_signed() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    desk.done(&workshop.propose("one"));
    let file = workshop.file();
    let id = file.file_stem().unwrap().to_str().unwrap().to_owned();
    // What the module really imports is found out again, from its bytes.
    workshop.about("guest", "1.0.0", &["dns", "tcp"]);
    let said = desk.refused(&workshop.review(&id));
    assert!(
        said.contains("its capabilities is not that of the module in it"),
        "{said}"
    );
    workshop.about("guest", "1.0.0", &["dns"]);
    desk.done(&workshop.review(&id));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("\"base64\": \"b25l\"", "\"base64\": \"dHdv\""),
    )
    .unwrap();
    let said = desk.refused(&workshop.review(&id));
    assert!(said.contains("the proposal does not have it"), "{said}");
    desk.refused(&format!("module sign {id} --key ann.key --dir registry"));
}

#[test]
fn what_does_not_pass_is_not_proposed() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    let about = fs::read_to_string(desk.path("about.json")).unwrap();
    let failed = about.replace("\"passed\":true", "\"passed\":false").replace(
        "\"findings\":[]",
        "\"findings\":[{\"what\":\"imports\",\"why\":\"wasi:cli\"}]",
    );
    fs::write(desk.path("about.json"), failed).unwrap();
    let line = workshop.propose("one");
    // A program that contradicts itself is not believed.
    assert!(desk.refused(&line).contains("passed is false"));
    let script = fs::read_to_string(&workshop.netsonde).unwrap() + "exit 1\n";
    fs::write(&workshop.netsonde, script).unwrap();
    let output = desk.run(&line);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("finding: imports: wasi:cli"), "{told}");
    assert!(!desk.path("registry/proposals").exists());
    // Nor is what nobody can get again.
    fs::write(desk.path("source/guest/src/lib.rs"), "// changed").unwrap();
    let said = desk.refused(&line);
    assert!(said.contains("source"), "{said}");
}

#[test]
fn a_release_is_withdrawn_by_its_name_its_proposal_or_its_digest() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    desk.done(&workshop.propose("one"));
    let id = workshop.file().file_stem().unwrap().to_str().unwrap().to_owned();
    workshop.release(&id);
    let said = desk.refused("module yank guest@2.0.0 --reason x --dir registry --key ann.key");
    assert!(said.contains("no module guest@2.0.0 is released"), "{said}");
    desk.done("module yank guest@1.0.0 --reason old --dir registry --key ann.key --key bob.key");
    let said = desk.done("status --dir registry");
    assert!(said.contains("yanked by entry 3"), "{said}");
    // One alone stops it in an emergency.
    let said = desk.done(&format!(
        "module revoke {id} --reason hostile --dir registry --key eve.key --emergency"
    ));
    assert!(said.contains("module.revoke guest@1.0.0"), "{said}");
    let said = desk.done("status --dir registry");
    assert!(said.contains("revoked by entry 4"), "{said}");
    let mut reasons = fs::read_dir(desk.path("registry/public/objects")).unwrap();
    assert!(reasons.any(|file| fs::read(file.unwrap().path()).unwrap() == b"hostile\n"));
}

#[test]
fn an_author_without_the_registry_writes_a_file() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    fs::write(desk.path("m.wasm"), "one").unwrap();
    let propose = format!(
        "module propose m.wasm --source source/guest --netsonde {}",
        workshop.netsonde.display()
    );
    desk.refused(&propose);
    desk.done(&format!(
        "{propose} --origin registry.example/log --output p.json"
    ));
    desk.done(&format!(
        "module review p.json --netsonde {}",
        workshop.netsonde.display()
    ));
    desk.done("module sign p.json --key ann.key");
    desk.done("module sign p.json --key bob.key --dir registry");
    // For another log it is worth nothing.
    desk.done(&format!("{propose} --origin other.example/log --output q.json"));
    let said = desk.refused("module sign q.json --key bob.key --dir registry");
    assert!(said.contains("other.example/log"), "{said}");
}

#[test]
fn a_review_shows_no_signature_that_is_none_and_obeys_no_module() {
    let workshop = Workshop::new();
    let desk = &workshop.desk;
    workshop.about("guest", "1.0.0", &["dns"]);
    let about = fs::read_to_string(desk.path("about.json")).unwrap();
    let sly = about.replace("to measure", "to measure\\u001b[3A\\nsigned: everything is fine");
    assert_ne!(sly, about);
    fs::write(desk.path("about.json"), sly).unwrap();
    let said = desk.done(&workshop.propose("one"));
    assert!(!said.contains('\u{1b}') && !said.contains("\nsigned:"), "{said}");
    desk.done("module sign guest@1.0.0 --key ann.key --dir registry");
    workshop.attest("eve.key");
    let said = desk.done(&workshop.review("guest@1.0.0"));
    assert!(
        said.contains("\nsigned: ") && said.contains("\nrebuilt: ") && !said.contains("NOT VALID"),
        "{said}"
    );
    // Signatures that somebody has made up.
    let file = workshop.file();
    let text = fs::read_to_string(&file).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["leaf"]["sigs"][0]["sig"] = "0".repeat(128).into();
    value["attestations"][0]["sigs"][0]["sig"] = "0".repeat(128).into();
    fs::write(&file, value.to_string()).unwrap();
    let said = desk.done(&workshop.review("guest@1.0.0"));
    assert_eq!(said.matches("NOT VALID").count(), 2, "{said}");
    let said = desk.done("status --dir registry");
    assert!(!said.contains("rebuilt by"), "{said}");
    let alone = format!(
        "module review {} --netsonde {}",
        file.display(),
        workshop.netsonde.display()
    );
    assert!(desk.done(&alone).contains("claims to be signed"));
}
