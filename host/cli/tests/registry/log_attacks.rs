//! Whoever serves the log lies about it: each lie has its own error, and what was believed before stays.

use std::path::Path;
use std::time::{Duration, Instant};

use netsonde_log::leaf::Payload;
use netsonde_log::role::Role;

use crate::guest::{module, script};
use crate::probe::{add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::{DAY, World, attest, draft, now, said_by, seeds, signed};

/// A probe that follows a registry with a few leaves.
fn following() -> (Probe, World, Server) {
    let (probe, mut world) = (Probe::new(), World::new());
    world.script("online", &script("urlgetter"));
    world.script("offline", "{}");
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    (probe, world, server)
}

/// What a check-in says of the registry; a script that is in the program is always left.
fn refused(probe: &Probe, words: &str) {
    let said = netsonde(probe, &["checkin"]).done();
    said.says(words).says("no address has fresh news");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_log_that_was_rolled_back_is_refused() {
    let (probe, mut world, _server) = following();
    let before = tempfile::tempdir().unwrap();
    copy(world.public(), before.path());
    world.script("other", "{}");
    netsonde(&probe, &["checkin"]).done();
    copy(before.path(), world.public());
    refused(&probe, "the log has 3 leaves, and had 4: it was rolled back");
}

#[test]
fn a_frozen_log_begins_nothing() {
    let (probe, world, _server) = following();
    world.sign(now() - 3600);
    refused(&probe, "it is frozen");
}

#[test]
fn a_forked_log_is_refused_although_log_and_witness_signed_it() {
    let (probe, world, _server) = following();
    let mut other = World::new();
    for script in ["a", "b", "c", "d"] {
        other.script(script, "{}");
    }
    copy(other.public(), world.public());
    refused(&probe, "the first 3 leaves of the log are others than they were");
}

#[test]
fn who_stole_the_key_of_the_log_has_no_witness() {
    let (probe, mut world, _server) = following();
    world.script("other", "{}");
    world.sign_alone();
    refused(&probe, "was seen by 0 of the witnesses, wanted 1");
}

#[test]
fn a_root_that_is_over_is_not_followed() {
    let (probe, world) = (Probe::new(), World::with(&signed(&draft(now() - DAY))));
    add(&probe, &world, &[&world.file_url()]).refused("root 1 has expired");
}

#[test]
fn a_swapped_root_is_refused() {
    let (probe, world) = (Probe::new(), World::new());
    let other = signed(&draft(now() + 20 * DAY));
    world.write("roots/1.json", other.document().to_string().as_bytes());
    let refused = add(&probe, &world, &[&world.file_url()]);
    refused.refused("it is of another log, or forged");
}

#[test]
fn a_root_that_is_handed_out_and_not_in_the_log_is_refused() {
    let (probe, world, _server) = following();
    let mut next = draft(now() + 200 * DAY);
    next.version = 2;
    next.log.witnesses = Vec::new();
    next.log.quorum = 0;
    // Both owners signed it, and the log says nothing of it.
    world.write("roots/2.json", signed(&next).document().to_string().as_bytes());
    world.sign_alone();
    refused(&probe, "the log has no root 2");
}

#[test]
fn a_next_root_that_one_owner_signed_is_refused() {
    let (probe, world, _server) = following();
    let mut next = draft(now() + 200 * DAY);
    next.version = 2;
    let [first, _] = seeds(Role::Root);
    let next = next
        .unsigned()
        .unwrap()
        .signed_by(&crate::world::secret(first))
        .unwrap();
    world.write("roots/2.json", next.document().to_string().as_bytes());
    world.sign_alone();
    refused(&probe, "is signed by 1 of the 2");
}

#[test]
fn files_without_end_packed_moved_or_damaged_are_refused() {
    let (probe, mut world, server) = following();
    world.script("other", "{}");
    let bundle = "log/tile/entries/000.p/4";
    for (answer, words) in [
        (
            Answer::Endless,
            "it is longer than the 262148 bytes that it can have",
        ),
        (Answer::Gzip(vec![0x1f; 200]), "packed it (gzip)"),
        (Answer::Status(302), "sends elsewhere (status 302)"),
        (Answer::Status(404), "there is none"),
        (Answer::Bytes(vec![0; 5]), "can not be read"),
        // An entry that says to be longer than what follows.
        (Answer::Bytes(vec![0xff; 200]), "can not be read"),
    ] {
        server.answer(bundle, answer);
        refused(&probe, words);
    }
    server.answer("log/checkpoint", Answer::Endless);
    refused(&probe, "it is longer than the");
    server.be_honest();
    netsonde(&probe, &["registry", "list"]).done().says("3");
    netsonde(&probe, &["checkin"])
        .done()
        .says("runs the online script");
}

#[test]
fn a_mirror_that_falls_silent_is_left_for_the_next() {
    let (probe, world) = (Probe::new(), World::new());
    let silent = Server::of(world.public().to_owned());
    silent.answer("roots/1.json", Answer::Silent);
    let begun = Instant::now();
    let said = add(&probe, &world, &[&silent.url, &world.file_url()]).done();
    said.says("it is too slow");
    assert!(begun.elapsed() < Duration::from_secs(25));
}

#[test]
fn a_mirror_that_is_behind_does_not_take_back_what_the_other_said() {
    let (probe, mut world) = (Probe::new(), World::new());
    let stale = tempfile::tempdir().unwrap();
    copy(world.public(), stale.path());
    world.script("online", "{}");
    let stale = format!("file://{}", stale.path().display());
    add(&probe, &world, &[&world.file_url(), &stale]).done();
    std::fs::remove_dir_all(world.public()).unwrap();
    refused(&probe, "it was rolled back");
}

#[test]
fn leaves_that_the_wrong_people_signed_have_no_effect() {
    let module = module("deep", "1.0.0");
    let [first, second] = seeds(Role::Modules);
    let [script, _] = seeds(Role::Scripts);
    let twice = |leaf: Vec<u8>| {
        // The one signature, listed a second time: no key counts twice.
        let mut leaf: serde_json::Value = serde_json::from_slice(&leaf).unwrap();
        let signature = leaf["sigs"][0].clone();
        leaf["sigs"].as_array_mut().unwrap().push(signature);
        leaf.to_string().into_bytes()
    };
    let release = |world: &World| Payload::ModuleRelease(world.released(&module));
    let mut one = World::new();
    one.append(said_by(&release(&one), Role::Modules, &[first]));
    let mut same = World::new();
    same.append(twice(said_by(&release(&same), Role::Modules, &[first])));
    let mut role = World::new();
    role.append(said_by(&release(&role), Role::Scripts, &[script, script + 1]));
    let mut nobody = World::new();
    nobody.append(said_by(&release(&nobody), Role::Modules, &[first, 250]));
    for mut world in [one, same, role, nobody] {
        let released = world.released(&module);
        world.say(&Payload::RebuildAttest(attest(&released)), Role::Rebuild);
        let probe = Probe::new();
        add(&probe, &world, &[&world.file_url()]).done();
        let refused = netsonde(&probe, &["install", "deep", "--yes"]);
        refused.refused("the log has nothing of the name deep");
    }
    // Whoever signed the release is not who has rebuilt it.
    let mut world = World::new();
    let released = world.released(&module);
    world.append(said_by(&release(&world), Role::Modules, &[first, second]));
    let probe = Probe::new();
    add(&probe, &world, &[&world.file_url()]).done();
    netsonde(&probe, &["install", "deep", "--yes"]).refused("nobody but those who released");
    world.say(&Payload::RebuildAttest(attest(&released)), Role::Rebuild);
    netsonde(&probe, &["install", "deep", "--yes"]).done();
}
