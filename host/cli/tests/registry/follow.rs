//! Following registries: adding, listing, removing.

use serde_json::Value;

use crate::guest::{module, script};
use crate::probe::{add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::{DAY, World, draft, now, path_of, signed};

#[test]
fn nothing_is_followed_without_a_root_that_somebody_compared() {
    let (probe, world) = (Probe::new(), World::new());
    let server = Server::of(world.public().to_owned());
    let said = netsonde(&probe, &["registry", "add", &server.url]);
    said.refused("nothing is followed without --root")
        .says(&world.root.digest().to_string())
        .says("registry.example/log");
    assert_eq!(netsonde(&probe, &["registry", "list", "--json"]).done().out, "");
}

#[test]
fn a_registry_is_added_listed_and_removed() {
    let (probe, world) = (Probe::new(), World::new());
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url])
        .done()
        .says("registry-example");
    let listed = netsonde(&probe, &["registry", "list", "--json"]).done().out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["name"], "registry-example");
    assert_eq!(listed["log"], "registry.example/log");
    assert_eq!(listed["leaves"], 1);
    assert_eq!(listed["root"], world.root.digest().to_string());
    assert_eq!(listed["urls"], serde_json::json!([server.url]));
    netsonde(&probe, &["registry", "list"])
        .done()
        .says("registry.example/log");
    add(&probe, &world, &[&server.url]).refused("followed already, as registry-example");
    netsonde(&probe, &["registry", "remove", "nobody"]).refused("netsonde registry list");
    netsonde(&probe, &["registry", "remove", &server.url]).done();
    assert_eq!(netsonde(&probe, &["registry", "list", "--json"]).done().out, "");
    assert_eq!(
        std::fs::read_dir(probe.path("registries")).unwrap().count(),
        1,
        "the lock"
    );
}

#[test]
fn a_root_in_a_file_and_a_registry_in_a_folder_are_as_good() {
    let (probe, world) = (Probe::new(), World::new());
    let root = world.public().join("roots/1.json");
    let url = world.file_url();
    let words = [
        "registry",
        "add",
        &url,
        "--name",
        "ours",
        "--root",
        root.to_str().unwrap(),
    ];
    netsonde(&probe, &words).done().says("ours is followed");
    netsonde(&probe, &["registry", "remove", "ours"]).done();
}

#[test]
fn names_and_addresses_that_are_none_are_refused() {
    let (probe, world) = (Probe::new(), World::new());
    let (url, root) = (world.file_url(), world.root.digest().to_string());
    for name in ["../registries", "a/b", "..", "lock", "A"] {
        let words = ["registry", "add", &url, "--root", &root, "--name", name];
        netsonde(&probe, &words).refused("is no name for a registry");
    }
    let added = netsonde(&probe, &["registry", "add", "ftp://x.example/", "--root", &root]);
    assert_eq!(added.code, 2, "{}", added.err);
    let added = netsonde(&probe, &["registry", "add", &url, "--root", "sha256:12"]);
    added.refused("is no digest");
}

#[test]
fn a_mirror_helps_where_the_first_address_is_down() {
    let (probe, world) = (Probe::new(), World::new());
    let down = Server::of(world.public().to_owned());
    down.answer("roots/1.json", Answer::Status(503));
    let said = add(&probe, &world, &[&down.url, &world.file_url()]).done();
    said.says("status 503");
}

#[test]
fn a_file_that_one_mirror_has_wrong_is_taken_from_the_next() {
    let (probe, mut world) = (Probe::new(), World::new());
    world.script("online", "{}");
    let damaged = Server::of(world.public().to_owned());
    damaged.answer("log/tile/entries/000.p/2", Answer::Bytes(b"forged".to_vec()));
    let said = add(&probe, &world, &[&damaged.url, &world.file_url()]).done();
    said.says("tile/entries/000.p/2 can not be read").says("2 leaves");
}
#[test]
fn a_new_root_is_followed_when_the_keys_of_the_log_change() {
    let (probe, mut world) = (Probe::new(), World::new());
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    let mut next = draft(now() + 200 * DAY);
    next.version = 2;
    next.log.witnesses = Vec::new();
    next.log.quorum = 0;
    world.publish_root(&signed(&next));
    world.sign_alone();
    netsonde(&probe, &["checkin"]).done();
    let listed = netsonde(&probe, &["registry", "list", "--json"]).done().out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed["root_version"], &listed["leaves"]),
        (&2.into(), &2.into())
    );
}

#[test]
fn a_long_log_is_begun_at_its_snapshot_and_is_read_whole_where_that_is_no_good() {
    let mut world = World::new();
    world.release(&module("deep", "1.0.0"));
    world.beat(600);
    let document = path_of("objects", &world.snapshot());
    world.script("online", &script("deep"));
    let leaves = |probe: &Probe| -> Value {
        let listed = netsonde(probe, &["registry", "list", "--json"]).done().out;
        serde_json::from_str::<Value>(&listed).unwrap()["leaves"].clone()
    };
    let (probe, server) = (Probe::new(), Server::of(world.public().to_owned()));
    add(&probe, &world, &[&server.url]).done();
    assert!(!server.asked().iter().any(|path| path == "log/tile/entries/000"));
    assert_eq!(leaves(&probe), 605);
    netsonde(&probe, &["install", "deep", "--yes"]).done();
    netsonde(&probe, &["why", "deep"])
        .done()
        .says("module.release deep 1.0.0");
    // A document that leaves something out has another digest; one that is gone is no reason not to follow.
    for answer in [
        Answer::Bytes(b"{\"leaves\":[],\"size\":0,\"v\":1}".to_vec()),
        Answer::Status(404),
    ] {
        let (probe, server) = (Probe::new(), Server::of(world.public().to_owned()));
        server.answer(&document, answer);
        add(&probe, &world, &[&server.url]).done();
        assert!(server.asked().iter().any(|path| path == "log/tile/entries/000"));
        assert_eq!(leaves(&probe), 605);
    }
}

#[test]
fn what_is_damaged_on_the_disk_is_read_again_and_the_floor_stays() {
    let (probe, mut world) = (Probe::new(), World::new());
    world.script("online", &script("urlgetter"));
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    let folder = probe.path("registries/registry-example");
    for damage in ["ledger.json", "checkpoint"] {
        std::fs::write(folder.join(damage), b"damaged").unwrap();
        netsonde(&probe, &["checkin"])
            .done()
            .says("runs the online script:");
    }
    // Nobody can use the damage to show an older log.
    std::fs::write(folder.join("ledger.json"), b"damaged").unwrap();
    let older = World::new();
    let older = format!("file://{}", older.public().display());
    let record = std::fs::read_to_string(folder.join("registry.json")).unwrap();
    std::fs::write(folder.join("registry.json"), record.replace(&server.url, &older)).unwrap();
    netsonde(&probe, &["checkin"])
        .refused("no address has fresh news")
        .says("may have stopped what would run");
    // What may be in it is not known any more: nothing runs as if there was no registry.
    std::fs::write(folder.join("registry.json"), b"damaged").unwrap();
    netsonde(&probe, &["list"]).refused("add the registry again");
}

#[test]
fn nobody_waits_for_the_mirrors_of_another_and_the_first_to_have_read_counts() {
    let (probe, world) = (Probe::new(), World::new());
    let silent = Server::of(world.public().to_owned());
    silent.answer("roots/1.json", Answer::Silent);
    let (root, url) = (world.root.digest().to_string(), world.file_url());
    let words = ["registry", "add", &silent.url, "--mirror", &url, "--root", &root];
    let mut waiting = crate::probe::command(&probe, &words);
    waiting.stderr(std::process::Stdio::piped());
    let mut waiting = waiting.spawn().unwrap();
    while silent.asked().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    add(&probe, &world, &[&url]).done();
    assert!(waiting.try_wait().unwrap().is_none(), "the other still waits");
    let said = waiting.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(err.contains("followed already, as registry-example"), "{err}");
    netsonde(&probe, &["registry", "list"])
        .done()
        .says("registry.example/log");
}

#[test]
fn several_at_once_do_each_other_no_harm() {
    let (probe, mut world) = (Probe::new(), World::new());
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    for count in 0..3 {
        world.script("online", &(script("urlgetter") + &"\n".repeat(count)));
        let many: Vec<_> = (0..4)
            .map(|_| {
                let mut command = crate::probe::command(&probe, &["checkin"]);
                command
                    .stderr(std::process::Stdio::piped())
                    .stdout(std::process::Stdio::null());
                command.spawn().unwrap()
            })
            .collect();
        for child in many {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && said.contains("runs the online script:"),
                "{said}"
            );
        }
    }
    netsonde(&probe, &["registry", "list"])
        .done()
        .says("registry.example/log");
}
