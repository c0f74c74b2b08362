//! Bounds, obstacles, and many at once.

use std::fs;

use super::*;

fn kept(root: &Path, module: &str) -> Kept {
    Kept {
        root: Some(root.into()),
        module: module.to_owned(),
    }
}

fn text(result: Result<impl std::fmt::Debug, KeptError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn what_is_kept_is_found_replaced_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("above").join("state");
    let telegram = kept(&root, "nettest-telegram");
    assert_eq!(telegram.get("a").unwrap(), None);
    assert_eq!(telegram.keys().unwrap(), Vec::<String>::new());
    telegram.remove("a").unwrap();
    assert!(!root.exists(), "asking makes no folder");
    telegram.set("b", b"one").unwrap();
    telegram.set("a.1_x-y", &[0, 255]).unwrap();
    telegram.set("b", b"").unwrap();
    // Another start of the probe.
    let telegram = kept(&root, "nettest-telegram");
    assert_eq!(telegram.keys().unwrap(), ["a.1_x-y", "b"]);
    assert_eq!(telegram.get("b").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(telegram.get("a.1_x-y").unwrap().as_deref(), Some(&[0, 255][..]));
    telegram.remove("b").unwrap();
    telegram.remove("b").unwrap();
    assert_eq!(telegram.get("b").unwrap(), None);
    assert_eq!(
        kept(&root, "mini-nettest-telegram").keys().unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn what_is_no_key_reaches_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let telegram = kept(&root, "nettest-telegram");
    let long = "x".repeat(KEY + 1);
    for key in [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "c:",
        "a\0b",
        "A",
        "é",
        " ",
        long.as_str(),
    ] {
        for said in [
            text(telegram.get(key)),
            text(telegram.set(key, b"x")),
            text(telegram.remove(key)),
        ] {
            assert_eq!(said, KeptError::Key.to_string(), "{key:?}");
        }
    }
    assert!(!root.exists());
    for key in ["..", ".", "nul", "a.", "-", "new", "lock", &long[..KEY]] {
        telegram.set(key, key.as_bytes()).unwrap();
        assert_eq!(telegram.get(key).unwrap().as_deref(), Some(key.as_bytes()));
    }
    assert_eq!(telegram.keys().unwrap().len(), 8);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
}

#[test]
fn a_module_keeps_so_much_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let telegram = kept(dir.path(), "nettest-telegram");
    let largest = vec![7; VALUE];
    assert!(text(telegram.set("x", &vec![7; VALUE + 1])).contains("this one has 65537"));
    for number in 0..16 {
        telegram.set(&number.to_string(), &largest).unwrap();
    }
    assert!(text(telegram.set("one-more", b"x")).contains("1048577"));
    telegram.set("one-more", b"").unwrap();
    telegram.set("3", &largest).unwrap();
    telegram.set("3", b"short").unwrap();
    telegram.set("one-more", b"x").unwrap();
    // Another module has a bound of its own.
    kept(dir.path(), "nettest-signal").set("x", &largest).unwrap();
}

#[test]
fn many_at_once_keep_no_more_than_one_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let refused: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let telegram = kept(dir.path(), "nettest-telegram");
                scope.spawn(move || {
                    let set = |number: usize| telegram.set(&format!("{writer}-{number}"), &[1; 100]);
                    let refused = (0..50).map(set).filter_map(Result::err);
                    let refused: Vec<_> = refused.collect();
                    assert!(refused.iter().all(|error| matches!(error, KeptError::Values)));
                    refused.len()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let telegram = kept(dir.path(), "nettest-telegram");
    let keys = telegram.keys().unwrap();
    assert_eq!((keys.len(), refused), (VALUES, 6 * 50 - VALUES));
    for key in keys {
        assert_eq!(telegram.get(&key).unwrap(), Some(vec![1; 100]));
    }
}

#[test]
fn whoever_reads_gets_one_value_or_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let telegram = kept(dir.path(), "nettest-telegram");
    telegram.set("x", &[0; 5000]).unwrap();
    std::thread::scope(|scope| {
        for value in 1..4_u8 {
            let telegram = telegram.clone();
            scope.spawn(move || (0..10).for_each(|_| telegram.set("x", &[value; 5000]).unwrap()));
        }
        for _ in 0..300 {
            let value = telegram.get("x").unwrap().unwrap();
            assert!(value.len() == 5000 && value.iter().all(|byte| *byte == value[0]));
        }
    });
}

#[test]
fn a_folder_that_was_deleted_is_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let telegram = kept(&root, "nettest-telegram");
    telegram.set("x", b"y").unwrap();
    for folder in [root.join("nettest-telegram"), root.clone()] {
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(telegram.get("x").unwrap(), None);
        telegram.set("x", b"y").unwrap();
        assert_eq!(telegram.keys().unwrap(), ["x"]);
    }
}

#[test]
fn what_a_dead_process_left_is_replaced_and_what_is_foreign_stays() {
    let dir = tempfile::tempdir().unwrap();
    let telegram = kept(dir.path(), "nettest-telegram");
    telegram.set("x", b"y").unwrap();
    let folder = dir.path().join("nettest-telegram");
    fs::write(folder.join(NEW), b"half a val").unwrap();
    for foreign in ["notes.txt", "key-UPPER.bin", "key-.bin", "key-x"] {
        fs::write(folder.join(foreign), vec![0; 2 << 20]).unwrap();
    }
    fs::create_dir(folder.join("key-folder.bin")).unwrap();
    telegram.set("z", b"z").unwrap();
    assert_eq!(telegram.keys().unwrap(), ["x", "z"]);
    assert!(!folder.join(NEW).exists() && folder.join("notes.txt").exists());
    assert_eq!(text(telegram.get("folder")), KeptError::Foreign.to_string());
    assert!(text(telegram.set("folder", b"x")).starts_with("put the value in its place: "));
    assert!(!folder.join(NEW).exists(), "nothing half-written stays");
    fs::write(folder.join("key-huge.bin"), vec![0; VALUE + 1]).unwrap();
    assert_eq!(text(telegram.get("huge")), KeptError::Foreign.to_string());
    telegram.set("huge", b"small").unwrap();
    assert_eq!(telegram.get("huge").unwrap().as_deref(), Some(&b"small"[..]));
}

/// Obstacles that stop root too.
#[test]
fn what_can_not_be_written_is_said_and_what_was_there_stays() {
    assert_eq!(
        text(
            Kept {
                root: None,
                module: "nettest-telegram".to_owned()
            }
            .set("x", b"y")
        ),
        KeptError::Nowhere.to_string()
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"a file of the user's").unwrap();
    assert!(
        text(kept(&file, "nettest-telegram").set("x", b"y"))
            .starts_with("create the folder of all modules: ")
    );
    assert!(text(kept(&file, "nettest-telegram").get("x")).starts_with("open the module's folder: "));
    assert!(text(kept(dir.path(), "file").set("x", b"y")).starts_with("open the module's folder: "));
    assert!(
        text(kept(dir.path(), &"x".repeat(300)).set("x", b"y")).starts_with("create the module's folder: ")
    );
    assert_eq!(fs::read(&file).unwrap(), b"a file of the user's");

    let telegram = kept(dir.path(), "nettest-telegram");
    telegram.set("x", b"y").unwrap();
    let folder = dir.path().join("nettest-telegram");
    fs::create_dir(folder.join(NEW)).unwrap();
    assert!(text(telegram.set("x", b"z")).starts_with("create a file for the value: "));
    assert_eq!(telegram.get("x").unwrap().as_deref(), Some(&b"y"[..]));
    fs::remove_file(folder.join(LOCK)).unwrap();
    fs::create_dir(folder.join(LOCK)).unwrap();
    assert!(text(telegram.set("x", b"z")).starts_with("open the lock of the module's folder: "));
}

#[test]
fn who_writes_waits_for_who_writes() {
    let dir = tempfile::tempdir().unwrap();
    let telegram = kept(dir.path(), "nettest-telegram");
    telegram.set("x", b"y").unwrap();
    let held = lock(&telegram.open().unwrap().unwrap(), Instant::now()).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| telegram.set("x", b"z"));
        std::thread::sleep(LOOK * 10);
        assert!(!writer.is_finished());
        assert_eq!(
            telegram.get("x").unwrap().as_deref(),
            Some(&b"y"[..]),
            "reading waits for nobody"
        );
        drop(held);
        writer.join().unwrap().unwrap();
    });
    assert_eq!(telegram.get("x").unwrap().as_deref(), Some(&b"z"[..]));
}

#[test]
fn many_that_write_do_not_wait_one_after_the_other_for_who_never_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let telegram = kept(dir.path(), "nettest-telegram");
    telegram.set("x", b"y").unwrap();
    let _held = lock(&telegram.open().unwrap().unwrap(), Instant::now()).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3).map(|_| scope.spawn(|| telegram.set("x", b"z"))).collect();
        for writer in writers {
            assert_eq!(text(writer.join().unwrap()), KeptError::Busy.to_string());
        }
    });
    let took = begun.elapsed();
    assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_and_others_can_not_look() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let dir = tempfile::tempdir().unwrap();
    let (root, secret) = (dir.path().join("state"), dir.path().join("secret"));
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("key-x.bin"), b"secret").unwrap();
    let telegram = kept(&root, "nettest-telegram");
    telegram.set("y", b"y").unwrap();
    for folder in [&root, &root.join("nettest-telegram")] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    symlink(secret.join("key-x.bin"), root.join("nettest-telegram/key-x.bin")).unwrap();
    assert_eq!(text(telegram.get("x")), KeptError::Foreign.to_string());
    telegram.set("x", b"mine").unwrap();
    assert_eq!(telegram.get("x").unwrap().as_deref(), Some(&b"mine"[..]));
    assert_eq!(fs::read(secret.join("key-x.bin")).unwrap(), b"secret");
    symlink(&secret, root.join("nettest-signal")).unwrap();
    let signal = kept(&root, "nettest-signal");
    assert!(text(signal.get("x")).starts_with("open the module's folder: "));
    assert!(text(signal.set("x", b"z")).starts_with("open the module's folder: "));
    assert_eq!(fs::read(secret.join("key-x.bin")).unwrap(), b"secret");
}
