//! What a registry has stopped stays stopped, whatever becomes of the files in which the probe keeps that.

use std::fs;

use netsonde_log::words::Digest;

use crate::guest::{module, script};
use crate::modules::report;
use crate::probe::{Said, add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::World;

const FOLDER: &str = "registries/registry-example";

/// A probe with a file of a module that the registry which it follows has revoked.
fn revoked() -> (Probe, World, Server) {
    let (probe, mut world) = (Probe::new(), World::new());
    let own = module("own", "1.0.0");
    world.revoke_digest("own".parse().unwrap(), Digest::of(&own));
    fs::write(probe.path("own.wasm"), &own).unwrap();
    probe.write("script.jsonc", &script("own"));
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    (probe, world, server)
}

/// `runx` of the script that measures with it.
fn runx(probe: &Probe) -> Said {
    let inputs = [
        "--location-file",
        "location.jsonc",
        "--script-file",
        "script.jsonc",
    ];
    let words = [&["runx", "--module", "own.wasm"][..], &inputs[..]].concat();
    netsonde(probe, &words)
}

#[test]
fn without_its_ledger_nothing_runs_until_the_log_was_read_again() {
    let (probe, _world, server) = revoked();
    let ledger = probe.path(FOLDER).join("ledger.json");
    let whole = fs::read(&ledger).unwrap();
    for damage in [Some(&whole[..whole.len() / 2]), Some(&[][..]), None] {
        match damage {
            Some(damage) => fs::write(&ledger, damage).unwrap(),
            None => fs::remove_file(&ledger).unwrap(),
        }
        server.answer("log/checkpoint", Answer::Status(503));
        let run = ["run", "--location-file", "location.jsonc"];
        // More than once: what is not known any more does not become known by having been asked for.
        for said in [
            runx(&probe),
            netsonde(&probe, &run),
            netsonde(&probe, &["checkin"]),
            runx(&probe),
        ] {
            said.refused("may have stopped what would run")
                .says("status 503")
                .says(probe.path(FOLDER).to_str().unwrap())
                .says("netsonde registry remove registry-example");
        }
        server.be_honest();
        runx(&probe).done().says("has revoked it for good, in leaf 1");
    }
    assert_eq!(report(&probe).len(), 0);
}

#[test]
fn a_floor_that_can_not_be_read_is_not_taken_for_none() {
    let (probe, world, server) = revoked();
    let floor = probe.path(FOLDER).join("floor");
    for damage in [Some("netsonde floor 1\n"), Some(""), None] {
        match damage {
            Some(damage) => fs::write(&floor, damage).unwrap(),
            None => fs::remove_file(&floor).unwrap(),
        }
        for said in [
            runx(&probe),
            netsonde(&probe, &["checkin"]),
            netsonde(&probe, &["list"]),
        ] {
            said.refused("how far the log of the registry registry-example was read")
                .says(floor.to_str().unwrap())
                .says("netsonde registry remove registry-example");
        }
        netsonde(&probe, &["registry", "remove", "registry-example"]).done();
        add(&probe, &world, &[&server.url]).done();
        runx(&probe).done().says("has revoked it for good, in leaf 1");
    }
    assert_eq!(report(&probe).len(), 0);
}

#[test]
fn a_ledger_behind_its_floor_still_stops_and_lets_nothing_run() {
    let (probe, mut world, server) = revoked();
    world.release(&module("deep", "1.0.0"));
    netsonde(&probe, &["install", "deep", "--yes"]).done();
    let ledger = probe.path(FOLDER).join("ledger.json");
    let before = fs::read(&ledger).unwrap();
    world.script("online", "{}");
    netsonde(&probe, &["checkin"]).done();
    fs::write(&ledger, before).unwrap();
    server.answer("log/checkpoint", Answer::Status(503));
    runx(&probe).done().says("has revoked it for good, in leaf 1");
    crate::modules::runx(&probe)
        .done()
        .says("registry-example does not let it run");
    assert_eq!(report(&probe).len(), 0);
    server.be_honest();
    netsonde(&probe, &["checkin"]).done();
    crate::modules::runx(&probe).done();
    assert_eq!(report(&probe).len(), 1);
}
