//! A monitor: says what is new in a log, and what is wrong with it.

use super::Desk;
use netsonde_registry::folder::Sequencer;
use std::{fs, path::Path, process::Command};

/// A table by which nobody runs anything.
const TABLE: &str = "{\"v\":1,\"rules\":[]}";

struct Watched {
    desk: Desk,
    line: String,
}

impl Watched {
    fn new() -> Self {
        let desk = Desk::begun();
        let url = format!("file:{}", desk.path("registry/public").display());
        let line = format!("monitor {url} --dir seen --root registry/roots/1.json");
        Self { desk, line }
    }

    fn is_well(&self) -> String {
        self.desk.done(&self.line)
    }

    fn alarms(&self) -> String {
        self.desk.refused(&self.line)
    }

    fn copy(&self, from: &str, to: &str) {
        let _ = fs::remove_dir_all(self.desk.path(to));
        let done = Command::new("cp")
            .current_dir(self.desk.path(""))
            .args(["-r", from, to])
            .status();
        assert!(done.unwrap().success());
    }
}

#[test]
fn what_is_new_is_told_with_who_signed_it() {
    let watched = Watched::new();
    let said = watched.is_well();
    assert!(
        said.contains("entry 0: root 1") && said.contains("all is well with 1 entries"),
        "{said}"
    );
    watched
        .desk
        .done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    watched
        .desk
        .done("snapshot publish --dir registry --key ann.key --key bob.key");
    let said = watched.is_well();
    assert!(
        said.contains("entry 1: flags telegram=off, signed by") && said.contains(" as scripts"),
        "{said}"
    );
    assert!(said.contains("entry 2: snapshot of 2 entries"), "{said}");
    // Another one, which begins late, reads everything nevertheless.
    let late = watched.line.replace("--dir seen", "--dir late");
    let said = watched.desk.done(&late);
    assert!(said.contains("entry 0") && said.contains("entry 2"), "{said}");
}

#[test]
fn a_log_that_was_rolled_back_is_alarming() {
    let watched = Watched::new();
    watched.copy("registry/public", "before");
    watched
        .desk
        .done("flags set telegram=off --dir registry --key ann.key --key bob.key");
    watched.is_well();
    watched.copy("before", "registry/public");
    let said = watched.alarms();
    assert!(said.contains("ALARM") && said.contains("rolled back"), "{said}");
}

#[test]
fn an_entry_that_nobody_signed_is_alarming() {
    let watched = Watched::new();
    let mut log = Sequencer::open(&watched.desk.path("registry"), 1).unwrap();
    log.append(&[b"nonsense"], 1).unwrap();
    let said = watched.alarms();
    assert!(said.contains("entry 1 has no effect"), "{said}");
}

#[test]
fn something_that_is_named_and_not_served_is_alarming() {
    let watched = Watched::new();
    fs::write(watched.desk.path("list.json"), TABLE).unwrap();
    watched
        .desk
        .done("list publish list.json --name check-in --dir registry --key ann.key --key bob.key");
    watched.is_well();
    let lists = watched.desk.path("registry/public/lists");
    let file = fs::read_dir(&lists).unwrap().next().unwrap().unwrap().path();
    let altered = |bytes: Option<&[u8]>| {
        let _ = fs::remove_file(&file);
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).unwrap();
        }
        watched.alarms()
    };
    assert!(altered(None).contains("there is none"));
    assert!(altered(Some(b"{\"v\":1,\"rules\":[]}  ")).contains("ALARM"));
    assert!(altered(Some(b"{\"v\":2,\"rules\":[]}")).contains("other bytes"));
    fs::write(&file, TABLE).unwrap();
    watched.is_well();
}

#[test]
fn a_registry_that_is_not_the_trusted_one_is_alarming() {
    let watched = Watched::new();
    let other = Watched::new();
    let root = other.desk.path("registry/roots/1.json");
    let line = watched
        .line
        .replace("registry/roots/1.json", &root.display().to_string());
    let said = watched.desk.refused(&line);
    assert!(said.contains("ALARM"), "{said}");
    assert!(!Path::new(&watched.desk.path("seen/registry.example")).exists());
}

#[test]
fn what_is_missing_is_alarming_each_time() {
    use netsonde_feed::{Getter, Patience};
    use netsonde_log::{client::Trust, root::Root};
    use netsonde_registry::monitor::Monitor;
    let watched = Watched::new();
    let registry = watched.desk.path("registry");
    fs::write(watched.desk.path("list.json"), TABLE).unwrap();
    watched
        .desk
        .done("list publish list.json --name check-in --dir registry --key ann.key --key bob.key");
    let lists = registry.join("public/lists");
    let file = fs::read_dir(&lists).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&file).unwrap();
    let root = Root::parse(&fs::read(registry.join("public/roots/1.json")).unwrap()).unwrap();
    let mut monitor = Monitor::new(
        watched.desk.path("seen"),
        Getter::new("test", b"", Patience::default()).unwrap(),
        Trust::Root(Box::new(root)),
        format!("file:{}", registry.join("public").display())
            .parse()
            .unwrap(),
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for _ in 0..2 {
        assert_eq!(monitor.look(now).unwrap().alarms.len(), 1);
    }
    fs::write(&file, TABLE).unwrap();
    assert!(monitor.look(now).unwrap().alarms.is_empty());
    // What was seen of one registry is not taken for what was seen of another.
    let line = watched.line.replace("registry/public", "elsewhere");
    assert!(watched.desk.refused(&line).contains("another address"));
}
