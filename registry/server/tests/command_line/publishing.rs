//! Scripts, lists and flags: signed by one after another, published with the last signature that is wanted.

use super::{Desk, rotating::walked, size};
use std::fs;

/// A program that finds nothing wrong with any script, or something with each.
#[cfg(unix)]
fn checker(desk: &Desk, passes: bool) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let (name, body) = if passes {
        ("yes", "exit 0\n")
    } else {
        (
            "no",
            "echo '{\"severity\":\"error\",\"file\":\"s\",\"line\":2,\"column\":3,\"message\":\"no such thing\",\"hint\":null}'\nexit 1\n",
        )
    };
    let path = desk.path(name);
    fs::write(&path, format!("#!/bin/sh\n{body}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("--netsonde {}", path.display())
}

/// The id of the one proposal that waits.
fn waiting(desk: &Desk) -> String {
    let mut files = fs::read_dir(desk.path("registry/proposals")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
#[cfg(unix)]
fn a_script_is_published_when_two_have_signed() {
    let desk = Desk::begun();
    let yes = checker(&desk, true);
    fs::write(desk.path("s.jsonc"), "{\"instructions\": []}\n").unwrap();
    let publish = "script publish s.jsonc --name online --dir registry";
    let said = desk.done(&format!("{publish} --key ann.key {yes}"));
    assert!(said.contains("1 of the 2"), "{said}");
    assert_eq!(size(&desk.path("registry")), 1);
    let id = waiting(&desk);
    assert!(said.contains(&id), "{said}");
    let said = desk.done("status --dir registry");
    assert!(
        said.contains(&format!("waits: {id} script.publish online")),
        "{said}"
    );
    // The same hand twice is one hand, and a stranger's is none.
    desk.done(&format!("script sign {id} --key ann.key --dir registry"));
    assert_eq!(size(&desk.path("registry")), 1);
    desk.done("key new mallory");
    let said = desk.refused(&format!("script sign {id} --key mallory.key --dir registry"));
    assert!(said.contains("does not have the role scripts"), "{said}");
    // Carried to the machine with the key, and back.
    let file = desk.path(&format!("registry/proposals/{id}.json"));
    fs::rename(&file, desk.path("carried.json")).unwrap();
    desk.done("script sign carried.json --key bob.key");
    assert_eq!(size(&desk.path("registry")), 1);
    let said = desk.done("script sign carried.json --key bob.key --dir registry");
    assert!(said.contains("entry 1 of the log"), "{said}");
    assert!(!desk.path("carried.json").exists());
    let served: Vec<_> = fs::read_dir(desk.path("registry/public/scripts"))
        .unwrap()
        .collect();
    assert_eq!(served.len(), 1);
    let said = desk.done("status --dir registry");
    assert!(
        said.contains("online") && said.contains("published, holds for"),
        "{said}"
    );
    // With both keys at hand, at once; and withdrawn by one, for good.
    fs::write(desk.path("t.jsonc"), "{\"instructions\": [ ]}\n").unwrap();
    let said = desk.done(&format!(
        "script publish t.jsonc --name other --days 3 --dir registry --key ann.key --key bob.key {yes}"
    ));
    assert!(said.contains("entry 2 of the log"), "{said}");
    let said = desk.done("script revoke other --reason mistake --dir registry --key eve.key --emergency");
    assert!(said.contains("entry 3 of the log"), "{said}");
    let said = desk.refused(&format!(
        "script publish t.jsonc --name again --dir registry --key ann.key --key bob.key {yes}"
    ));
    assert!(said.contains("revoked"), "{said}");
}

#[test]
#[cfg(unix)]
fn a_script_that_does_not_pass_is_not_published() {
    let desk = Desk::begun();
    let no = checker(&desk, false);
    fs::write(desk.path("s.jsonc"), "nonsense").unwrap();
    let line =
        format!("script publish s.jsonc --name online --dir registry --key ann.key --key bob.key {no}");
    let output = desk.run(&line);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("s.jsonc:2:3: error: no such thing"), "{told}");
    assert_eq!(size(&desk.path("registry")), 1);
    assert!(!desk.path("registry/proposals").exists());
    assert!(!desk.path("registry/public/scripts").exists());
}

#[test]
fn a_table_that_means_nothing_is_not_published() {
    let desk = Desk::begun();
    let line = "list publish table.json --name check-in --dir registry --key ann.key --key bob.key";
    fs::write(
        desk.path("table.json"),
        r#"{"v": 1, "rules": [{"if": {"city": ["Rome"]}}]}"#,
    )
    .unwrap();
    let said = desk.refused(line);
    assert!(said.contains("city"), "{said}");
    fs::write(
        desk.path("table.json"),
        r#"{"v": 1, "rules": [{"online": "websites"}]}"#,
    )
    .unwrap();
    let said = desk.done(line);
    assert!(said.contains("websites, which is not published"), "{said}");
    assert_eq!(size(&desk.path("registry")), 2);
}

#[test]
#[cfg(unix)]
fn a_list_is_checked_as_the_part_of_a_script_that_it_is() {
    let desk = Desk::begun();
    fs::write(desk.path("list.jsonc"), "{}\n").unwrap();
    let line = "list publish list.jsonc --name sites --dir registry --key ann.key --key bob.key";
    let output = desk.run(&format!("{line} {}", checker(&desk, false)));
    assert!(!output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    // The place is the one in the list.
    assert!(told.contains("list.jsonc:1:3: error: no such thing"), "{told}");
    assert_eq!(size(&desk.path("registry")), 1);
    desk.done(&format!("{line} {}", checker(&desk, true)));
    assert_eq!(size(&desk.path("registry")), 2);
}

#[test]
fn flags_go_on_until_they_are_unset() {
    let desk = Desk::begun();
    desk.done("flags set telegram=off ndt=on --dir registry --key ann.key --key bob.key");
    // What is said later is newer, and seconds are what it is told by.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    desk.done("flags set ndt=unset whatsapp=off --dir registry --key ann.key --key bob.key");
    let said = desk.done("status --dir registry");
    assert!(said.contains("telegram is switched off, holds"), "{said}");
    assert!(said.contains("whatsapp is switched off"), "{said}");
    assert!(!said.contains("ndt"), "{said}");
    // In an emergency one is enough to switch off, and nobody can switch on.
    let said = desk.done("flags set signal=off --dir registry --key eve.key --emergency");
    assert!(said.contains("entry 3"), "{said}");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let said = desk.refused("flags set telegram=on --dir registry --key eve.key --emergency");
    assert!(said.contains("emergency"), "{said}");
}

#[test]
fn what_is_no_proposal_is_not_signed() {
    let desk = Desk::begun();
    let said = desk.refused("script sign 1234 --key ann.key --dir registry");
    assert!(said.contains("no proposal 1234"), "{said}");
    let said = desk.refused("script sign 1234 --key ann.key");
    assert!(said.contains("--dir"), "{said}");
    fs::write(desk.path("p.json"), "{}").unwrap();
    let said = desk.refused("script sign p.json --key ann.key");
    assert!(said.contains("it is no proposal"), "{said}");
}

#[test]
fn a_snapshot_is_what_a_late_client_begins_with() {
    use netsonde_log::{
        client::{Client, Trust},
        root::Root,
    };
    let desk = Desk::begun();
    desk.done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    desk.done("snapshot publish --dir registry --key ann.key");
    let id = waiting(&desk);
    let said = desk.done(&format!("snapshot sign {id} --key bob.key --dir registry"));
    assert!(
        said.contains("snapshot of 2 entries: entry 2 of the log"),
        "{said}"
    );
    let registry = desk.path("registry");
    let document = fs::read_dir(registry.join("public/objects"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let document = fs::read(document.path()).unwrap();
    let root = Root::parse(&fs::read(registry.join("public/roots/1.json")).unwrap()).unwrap();
    let mut client = Client::new(Trust::Root(Box::new(root)), None).unwrap();
    let checkpoint = fs::read(registry.join("public/log/checkpoint")).unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let advance = client.start(&document, &checkpoint, now).unwrap();
    client.accept(walked(&registry, advance)).unwrap();
    assert_eq!(
        client.is_switched_on(&"telegram".parse().unwrap(), now),
        Some(false)
    );
}

#[test]
fn what_holds_for_longer_than_it_may_is_not_published() {
    let desk = Desk::begun();
    let said = desk.refused("flags set ndt=off --days 31 --dir registry --key ann.key --key bob.key");
    assert!(said.contains("30 at most"), "{said}");
    // Twice in a second is one after the other.
    desk.done("flags set ndt=off --dir registry --key ann.key --key bob.key");
    desk.done("flags set dash=off --dir registry --key ann.key --key bob.key");
    assert_eq!(size(&desk.path("registry")), 3);
}

#[test]
fn whoever_wrote_the_file_does_not_choose_what_is_signed_or_how() {
    let desk = Desk::begun();
    desk.done("flags set ndt=off --dir registry");
    let id = waiting(&desk);
    let said = desk.refused(&format!("script sign {id} --key ann.key --dir registry"));
    assert!(said.contains("netsonde-registry flags sign"), "{said}");
    // A file of the same name in this folder is not meant.
    fs::write(desk.path(&id), "nonsense").unwrap();
    // A signature that somebody has made up brings nobody into another role.
    let file = desk.path(&format!("registry/proposals/{id}.json"));
    let text = fs::read_to_string(&file).unwrap();
    let zeros = |count| "0".repeat(count);
    let made_up = format!(
        "\"sigs\": [{{\"keyid\": \"{}\", \"role\": \"emergency\", \"sig\": \"{}\"}}]",
        zeros(64),
        zeros(128)
    );
    fs::write(&file, text.replace("\"sigs\": []", &made_up)).unwrap();
    let said = desk.refused(&format!("flags sign {id} --key ann.key --dir registry"));
    assert!(
        said.contains("all have to sign in one role (--emergency)"),
        "{said}"
    );
    fs::write(&file, text).unwrap();
    let said = desk.done(&format!("flags sign {id} --key ann.key --dir registry"));
    assert!(
        said.contains("registry.example/log as scripts: flags ndt=off"),
        "{said}"
    );
}

#[test]
#[cfg(unix)]
fn two_who_sign_at_once_have_both_signed() {
    for _ in 0..5 {
        let desk = Desk::begun();
        desk.done("flags set ndt=off --dir registry");
        let id = waiting(&desk);
        std::thread::scope(|scope| {
            for key in ["ann.key", "bob.key"] {
                let (desk, id) = (&desk, &id);
                scope.spawn(move || desk.done(&format!("flags sign {id} --key {key} --dir registry")));
            }
        });
        assert_eq!(size(&desk.path("registry")), 2);
    }
}
