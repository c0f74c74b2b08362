//! Following registries: adding, listing, removing.

use serde_json::Value;

use crate::probe::{add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::{DAY, World, draft, now, signed};

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
