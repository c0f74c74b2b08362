//! Which script runs: by check-in, from what is kept, and what is in the program.

use serde_json::Value;

use crate::guest::{module, script};
use crate::probe::{Said, add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::{World, now, path_of};

/// A probe that follows a registry which has released `deep` and has two scripts that use it, under this name.
fn following() -> (Probe, World, Server) {
    let (probe, mut world) = (Probe::new(), World::new());
    world.release(&module("deep", "1.0.0"));
    world.script("online", &script("deep"));
    world.script("offline", &(script("deep") + "\n"));
    probe.write("settings.toml", "[registry]\nring0 = true\n");
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    (probe, world, server)
}

fn run(probe: &Probe) -> Said {
    // The script in the program measures what is on the internet: of it, nothing is run here.
    let words = [
        "run",
        "--location-file",
        "location.jsonc",
        "--settings-file",
        "settings.toml",
    ];
    let more = ["--only-nettest", "deep"];
    netsonde(probe, &[&words[..], &more[..]].concat())
}

fn report(probe: &Probe) -> Vec<Value> {
    let report = std::fs::read_to_string(probe.path("report.jsonl")).unwrap_or_default();
    report
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_online_script_is_run_with_a_module_that_it_names_and_all_is_proven() {
    let (probe, world, _server) = following();
    let said = netsonde(&probe, &["checkin", "--json", "--settings-file", "settings.toml"]).done();
    let said: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&said["how"], &said["script"]),
        (&"online".into(), &"online".into())
    );
    assert_eq!(
        said["nettests"][0]["state"],
        "1.0.0 is fetched from registry-example"
    );
    run(&probe)
        .done()
        .says("fetched deep 1.0.0")
        .says("runs the online script: `online` of registry-example");
    let measurements = report(&probe);
    assert_eq!(measurements.len(), 1);
    let annotations = &measurements[0]["annotations"];
    assert_eq!(annotations["netsonde_script_source"], "online");
    assert_eq!(annotations["netsonde_registry"], "registry.example/log");
    assert_eq!(annotations["netsonde_script_index"], "3");
    assert_eq!(annotations["netsonde_module_index"], "1");
    std::fs::remove_dir_all(world.public()).unwrap();
    let why = netsonde(&probe, &["why", "report.jsonl"]).done();
    why.says("script.publish online")
        .says("signed as scripts by")
        .says("module.release deep 1.0.0");
    netsonde(&probe, &["checkin", "--json"])
        .done()
        .says("installed from registry-example");
}

#[test]
fn a_module_that_is_not_installed_is_skipped_unless_the_settings_allow_ring_0() {
    let (probe, _world, server) = following();
    probe.write("settings.toml", "");
    run(&probe).done().says("deep");
    assert_eq!(report(&probe).len(), 0);
    let module = path_of(
        "objects",
        &netsonde_log::words::Digest::of(&module("deep", "1.0.0")),
    );
    assert!(!server.asked().contains(&module));
    let said = netsonde(&probe, &["checkin"]).done();
    said.says("the settings do not allow ring 0: netsonde install deep");
}

#[test]
fn without_the_registry_the_probe_falls_back_step_by_step_and_says_so() {
    let (probe, mut world) = (Probe::new(), World::new());
    world.release(&module("deep", "1.0.0"));
    // The online script holds for a few seconds more, the offline one for longer.
    world.script_until("online", &script("deep"), now() + 8);
    let begun = std::time::Instant::now();
    world.script("offline", &(script("deep") + "\n"));
    probe.write("settings.toml", "[registry]\nring0 = true\n");
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    run(&probe).done().says("runs the online script:");
    // Gone.
    server.answer("log/checkpoint", Answer::Status(503));
    if begun.elapsed().as_secs() < 5 {
        run(&probe)
            .done()
            .says("status 503")
            .says("runs the online script of the last check-in: `online`");
    }
    std::thread::sleep(std::time::Duration::from_secs(9).saturating_sub(begun.elapsed()));
    let said = run(&probe).done();
    said.says(
        "not the online script of the last check-in of registry-example: what was said of online held until",
    )
    .says("runs the offline script of the last check-in: `offline`");
    let last = report(&probe).pop().unwrap();
    assert_eq!(last["annotations"]["netsonde_script_source"], "offline");
    // A stale mirror is no better than none, and no worse.
    server.be_honest();
    world.sign(now() - 3600);
    run(&probe)
        .done()
        .says("it is frozen")
        .says("runs the offline script of the last check-in");
    // Both are gone from the disk too.
    std::fs::remove_file(probe.path("registries/registry-example/checkin.json")).unwrap();
    let said = run(&probe).done().says("there was none");
    said.says("runs the script in this program");
}

#[test]
fn a_script_that_was_revoked_or_replaced_is_not_gone_on_with() {
    let (probe, mut world, server) = following();
    run(&probe).done();
    let digest = netsonde_log::words::Digest::of(script("deep").as_bytes());
    // Its successor can not be had: what was kept does not hold any more all the same.
    let next = world.script("online", &(script("deep") + "\n\n"));
    server.answer(&path_of("scripts", &next), Answer::Bytes(b"forged".to_vec()));
    let said = run(&probe).done();
    said.says("has other bytes than the log says")
        .says("a newer one was published since, which is not here")
        .says("runs the offline script");
    server.be_honest();
    let revoke = netsonde_log::leaf::ScriptRevoke {
        name: "online".parse().unwrap(),
        digest: next,
        reason: digest,
    };
    let revoke = netsonde_log::leaf::Payload::ScriptRevoke(revoke);
    world.say(&revoke, netsonde_log::role::Role::Emergency);
    let said = run(&probe).done();
    said.says("was revoked by leaf").says("runs the offline script");
}

#[test]
fn a_module_that_was_withdrawn_between_check_in_and_run_is_not_run() {
    let (probe, mut world, _server) = following();
    run(&probe).done();
    assert_eq!(report(&probe).len(), 1);
    netsonde(&probe, &["checkin"])
        .done()
        .says("installed from registry-example");
    world.revoke_digest(
        "deep".parse().unwrap(),
        netsonde_log::words::Digest::of(&module("deep", "1.0.0")),
    );
    run(&probe).done().says("has revoked it for good");
    assert_eq!(report(&probe).len(), 1);
}

#[test]
fn the_table_chooses_by_what_the_probe_is_and_nobody_is_told_what_that_is() {
    let (probe, mut world, server) = following();
    world.script("italy", &(script("deep") + "\n\n\n"));
    let table = r#"{"v": 1, "rules": [{"if": {"run_type": ["timed"]}, "online": "online"},
        {"if": {"probe_cc": ["IT"], "probe_asn": ["AS137"]}, "online": "italy", "offline": "offline"}]}"#;
    world.table(table);
    let said = netsonde(&probe, &["checkin", "--location-file", "location.jsonc"]).done();
    said.says("`italy` of registry-example (rule 2, leaf 5");
    let said = netsonde(
        &probe,
        &[
            "checkin",
            "--location-file",
            "location.jsonc",
            "--run-mode",
            "timed",
        ],
    );
    said.done().says("`online` of registry-example (rule 1");
    let said = netsonde(&probe, &["checkin"]).done();
    said.says("it has none for this probe");
    for path in server.asked() {
        let known = ["log/", "roots/", "snapshot", "scripts/", "lists/", "objects/"];
        assert!(
            known.iter().any(|known| path.starts_with(known)) && !path.contains('?'),
            "{path}"
        );
    }
}

#[test]
fn a_script_that_can_not_be_read_here_is_no_reason_not_to_measure() {
    let (probe, mut world, _server) = following();
    world.script("online", "{}");
    let said = run(&probe)
        .done()
        .says("it can not be read here: line 1: a script must have");
    said.says("runs the offline script");
    assert_eq!(report(&probe).len(), 1);
}

#[test]
fn a_probe_that_follows_nobody_runs_what_is_in_it() {
    let probe = Probe::new();
    probe.write("settings.toml", "");
    run(&probe).done().says("runs the script in this program");
    let said = netsonde(&probe, &["checkin", "--json"]).done();
    let said: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said["how"], "built-in");
    for nettest in said["nettests"].as_array().unwrap() {
        assert_eq!(nettest["state"], "preinstalled", "{nettest}");
    }
}
