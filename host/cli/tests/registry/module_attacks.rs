//! Modules that something is wrong with: none of them is installed, and none runs.

use serde_json::Value;

use crate::guest::{module, script};
use crate::modules::{installed, offered, report, runx};
use crate::probe::{add, netsonde};
use crate::server::Answer;
use crate::support::Probe;
use crate::world::{World, path_of};

fn say(world: &mut World, release: &netsonde_log::leaf::ModuleRelease) {
    use netsonde_log::leaf::Payload;
    use netsonde_log::role::Role;
    world.say(&Payload::ModuleRelease(release.clone()), Role::Modules);
    world.say(
        &Payload::RebuildAttest(crate::world::attest(release)),
        Role::Rebuild,
    );
}

#[test]
fn bytes_that_are_not_those_of_the_log_are_not_installed() {
    let (probe, mut world, server) = offered();
    let wasm = module("deep", "1.0.0");
    let path = path_of("objects", &netsonde_log::words::Digest::of(&wasm));
    let mut other = wasm.clone();
    *other.last_mut().unwrap() ^= 1;
    for (answer, words) in [
        (Answer::Bytes(other), "has other bytes than the log says"),
        (
            Answer::Bytes(module("deep", "1.0.1")),
            "has other bytes than the log says",
        ),
        (
            Answer::Bytes(wasm[1..].to_vec()),
            "has other bytes than the log says",
        ),
        (Answer::Endless, "it is longer than the"),
        (Answer::Gzip(wasm.clone()), "packed it (gzip)"),
        (Answer::Status(410), "it was withdrawn"),
        (Answer::Status(302), "sends elsewhere"),
    ] {
        server.answer(&path, answer);
        netsonde(&probe, &["install", "deep", "--yes"]).refused(words);
    }
    server.be_honest();
    // A release of bytes that call themselves otherwise, or ask for more than was reviewed.
    let mut release = world.released(&module("other", "2.0.0"));
    release.name = "deep".parse().unwrap();
    say(&mut world, &release);
    netsonde(&probe, &["install", "deep", "--yes"]).refused("the name is other in them, and deep in the log");
    let mut release = world.released(&module("deep", "3.0.0"));
    release
        .capabilities
        .interfaces
        .retain(|interface| interface != "tcp");
    say(&mut world, &release);
    netsonde(&probe, &["install", "deep", "--yes"]).refused("the list of interfaces is");
    let mut release = world.released(&module("deep", "3.1.0"));
    release.manifest = netsonde_log::words::Digest::of(b"what was reviewed");
    say(&mut world, &release);
    netsonde(&probe, &["install", "deep", "--yes"]).refused("the SHA-256 of the manifest is");
    let mut release = world.released(&module("deep", "4.0.0"));
    release.capabilities.budget.insert("wall_clock_s".to_owned(), 5);
    say(&mut world, &release);
    netsonde(&probe, &["install", "deep", "--yes"]).refused("the budget is wall_clock_s 120 in them");
}

#[test]
fn names_that_are_paths_are_no_names() {
    let (probe, _world, server) = offered();
    let asked = server.asked().len();
    for name in [
        "../deep",
        "/deep",
        "deep/../../x",
        "deep@sha256:../x",
        "deep@../1",
        "C:\\deep",
    ] {
        let refused = netsonde(&probe, &["install", name, "--yes"]);
        assert_eq!(refused.code, 1, "{name}: {}", refused.err);
    }
    assert_eq!(server.asked().len(), asked, "nothing was asked for");
}

#[test]
fn what_was_revoked_does_not_run_although_it_is_installed() {
    let (probe, mut world, _server) = installed();
    runx(&probe).done();
    assert_eq!(report(&probe).len(), 1);
    let release = world.released(&module("deep", "1.0.0"));
    world.revoke(&release);
    // Without asking anybody the probe does not know; any news tells it.
    netsonde(&probe, &["checkin"]).done();
    runx(&probe).done().says("has revoked it for good, in leaf 3");
    assert_eq!(report(&probe).len(), 1);
    netsonde(&probe, &["verify"])
        .says("NOT VERIFIED")
        .says("was revoked by leaf 3");
    netsonde(&probe, &["why", "deep"]).says("REVOKED by registry-example in leaf 3");
    // Said again by all who may, it is refused still.
    say(&mut world, &release);
    netsonde(&probe, &["install", "deep", "--yes"]).refused("was revoked by leaf 3, for good");
    runx(&probe).done().says("has revoked it");
    assert_eq!(report(&probe).len(), 1);
}

#[test]
fn a_registry_stops_modules_that_are_not_its_own() {
    let (probe, mut world) = (Probe::new(), World::new());
    let guest = netsonde_preinstalled::GUESTS
        .iter()
        .find(|guest| guest.name == "telegram")
        .unwrap();
    world.revoke_digest(
        "telegram".parse().unwrap(),
        netsonde_log::words::Digest::of(guest.wasm),
    );
    let own = module("own", "1.0.0");
    world.revoke_digest("own".parse().unwrap(), netsonde_log::words::Digest::of(&own));
    world.flag("signal", false);
    std::fs::write(probe.path("own.wasm"), &own).unwrap();
    add(&probe, &world, &[&world.file_url()]).done();
    let nettest = |name: &str| crate::support::nettest(name, &serde_json::json!({"suite_name": "im"}));
    let mut script: Value = serde_json::from_str(&script("own")).unwrap();
    let instructions = script["instructions"].as_array_mut().unwrap();
    instructions.extend(["telegram", "signal"].map(nettest));
    probe.write("script.jsonc", &script.to_string());
    let words = [
        "runx",
        "--location-file",
        "location.jsonc",
        "--script-file",
        "script.jsonc",
        "--module",
        "own.wasm",
    ];
    netsonde(&probe, &words)
        .done()
        .says("module `own` does not run: the registry registry-example has revoked it")
        .says("module `telegram` does not run")
        .says("has switched `signal` off");
    assert_eq!(report(&probe).len(), 0);
}

#[test]
fn nothing_is_installed_by_old_news() {
    let (probe, world, _server) = offered();
    world.sign(crate::world::now() - 3600);
    let refused = netsonde(&probe, &["install", "deep", "--yes"]);
    refused.refused("has fresh news").says("it is frozen");
}

#[test]
fn damaged_bytes_on_the_disk_do_not_run() {
    let (probe, _world, _server) = installed();
    let digest = netsonde_log::words::Digest::of(&module("deep", "1.0.0"));
    let path = probe
        .path("registries/registry-example")
        .join(path_of("objects", &digest));
    let mut wasm = std::fs::read(&path).unwrap();
    *wasm.last_mut().unwrap() ^= 1;
    std::fs::write(&path, wasm).unwrap();
    netsonde(&probe, &["verify", "deep"]).says("are gone, or are others: install it again");
    runx(&probe).done();
    assert_eq!(report(&probe).len(), 0);
    netsonde(&probe, &["remove", "deep"]).done();
    netsonde(&probe, &["install", "deep", "--yes"]).done();
    runx(&probe).done();
    assert_eq!(report(&probe).len(), 1);
}

#[test]
fn proofs_that_were_altered_prove_nothing() {
    let (probe, _world, _server) = installed();
    let digest = netsonde_log::words::Digest::of(&module("deep", "1.0.0"));
    let hex = path_of("proofs", &digest) + ".json";
    let path = probe.path("registries/registry-example").join(hex);
    let proofs = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"index\":1", "\"index\":2"),
        ("index 1", "index 2"),
        ("\"leaf\":\"ey", "\"leaf\":\"eY"),
    ] {
        assert!(proofs.contains(from));
        std::fs::write(&path, proofs.replace(from, to)).unwrap();
        let said = netsonde(&probe, &["why", "deep"]);
        assert_eq!(said.code, 1, "{}", said.out);
        said.says("NOT PROVEN");
        assert_eq!(netsonde(&probe, &["verify"]).code, 1);
    }
}

#[test]
fn what_is_installed_runs_as_long_as_the_root_is_valid_and_there_is_news() {
    use crate::world::{draft, now, signed};
    let wasm = module("deep", "1.0.0");
    let over = World::with(&signed(&draft(now() + 8)));
    let (mut late, mut over) = (World::new(), over);
    // No day at all without news, of which there is some until in a few seconds.
    let mut release = late.released(&wasm);
    release.max_offline_days = 0;
    say(&mut late, &release);
    late.sign(now() + 5);
    over.release(&wasm);
    let refused = [(late, "runs for 0"), (over, "root 1 has expired")].map(|(world, words)| {
        let probe = Probe::new();
        add(&probe, &world, &[&world.file_url()]).done();
        netsonde(&probe, &["install", "deep", "--yes"]).done();
        (probe, words)
    });
    std::thread::sleep(std::time::Duration::from_secs(9));
    for (probe, words) in refused {
        runx(&probe).done().says(words);
        assert_eq!(report(&probe).len(), 0);
        netsonde(&probe, &["verify"]).says("NOT VERIFIED").says(words);
    }
}
