//! What is on the disk when the program is stopped between two files.

#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use netsonde_feed::registries::Addition;
use netsonde_feed::{AddError, Feed, Getter, Patience, Registries};
use netsonde_log::client::{Floor, Trust};
use netsonde_log::root::Root;
use support::{log, now};

/// Follow the log in a folder.
fn add(own: &Path, files: &Path, root: Root) -> Result<(Registries, Feed), AddError> {
    let getter = Getter::new("netsonde-test", b"", Patience::default()).unwrap();
    let registries = Registries::new(own.to_owned(), getter);
    let addition = Addition {
        trust: Trust::Root(Box::new(root)),
        mirrors: vec![format!("file://{}", files.display()).parse().unwrap()],
        name: None,
    };
    let (feed, _) = registries.add(addition, now())?;
    Ok((registries, feed))
}

fn follow(own: &Path, files: &Path, root: Root) -> (Registries, Feed) {
    add(own, files, root).unwrap()
}

#[test]
fn the_ledger_is_never_ahead_of_its_floor() {
    let (files, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = log(files.path(), 3);
    let (registries, mut feed) = follow(own.path(), files.path(), root);
    let folder = feed.folder().to_owned();
    let (ledger, aside) = (folder.join("ledger.json"), folder.join("aside"));
    log(files.path(), 5);
    // A folder of its name is in the way: everything before the ledger is written, and it is not.
    fs::rename(&ledger, &aside).unwrap();
    fs::create_dir_all(ledger.join("in the way")).unwrap();
    feed.refresh(now()).unwrap_err();
    let floor: Floor = fs::read_to_string(folder.join("floor")).unwrap().parse().unwrap();
    assert_eq!(floor.tree.size(), 5);
    fs::remove_dir_all(&ledger).unwrap();
    fs::rename(&aside, &ledger).unwrap();
    let mut feed = registries.all().unwrap().remove(0).unwrap();
    assert_eq!(feed.client().ledger().size(), 3);
    feed.check_read().unwrap();
    feed.refresh(now()).unwrap();
    assert_eq!(feed.client().ledger().size(), 5);
}

#[test]
fn who_has_lost_the_ledger_does_not_write_over_that_of_another() {
    let (files, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = log(files.path(), 3);
    let (registries, feed) = follow(own.path(), files.path(), root);
    let ledger = feed.folder().join("ledger.json");
    let whole = fs::read(&ledger).unwrap();
    fs::write(&ledger, b"").unwrap();
    let mut lost = registries.all().unwrap().remove(0).unwrap();
    lost.check_read().unwrap_err();
    // Another has read it again, and here nobody can be asked.
    fs::write(&ledger, &whole).unwrap();
    fs::remove_dir_all(files.path()).unwrap();
    lost.refresh(now()).unwrap();
    lost.check_read().unwrap();
    assert_eq!(fs::read(&ledger).unwrap(), whole);
}

#[test]
fn what_was_removed_is_not_made_anew_by_who_was_at_work_in_it() {
    let (files, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = log(files.path(), 3);
    let (registries, mut feed) = follow(own.path(), files.path(), root.clone());
    let turn = feed.turn().unwrap();
    let (removing, name) = (registries.clone(), feed.name().to_owned());
    let removing = std::thread::spawn(move || removing.remove(&name));
    std::thread::sleep(Duration::from_millis(200));
    // Whoever has the turn writes to the end.
    feed.keep("installed.json", b"{}").unwrap();
    assert!(!removing.is_finished());
    drop(turn);
    removing.join().unwrap().unwrap();
    feed.keep_object(b"module").unwrap_err();
    feed.keep("installed.json", b"{}").unwrap_err();
    feed.refresh(now()).unwrap_err();
    let left = fs::read_dir(own.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    follow(own.path(), files.path(), root);
}

#[test]
fn a_folder_that_is_no_registry_is_not_taken() {
    let (files, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = log(files.path(), 1);
    let theirs = own.path().join("registry-example/theirs");
    fs::create_dir_all(&theirs).unwrap();
    let error = add(own.path(), files.path(), root).unwrap_err().to_string();
    assert!(error.contains("move it away"), "{error}");
    assert!(theirs.exists());
}
