//! Modules of registries: installed, updated, checked, run and removed.

use serde_json::Value;

use crate::guest::{altered, module, script};
use crate::probe::{Said, add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::{World, path_of};

/// A probe that follows a registry which has released `deep` 1.0.0.
pub(crate) fn offered() -> (Probe, World, Server) {
    let (probe, mut world) = (Probe::new(), World::new());
    world.release(&module("deep", "1.0.0"));
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    (probe, world, server)
}

pub(crate) fn installed() -> (Probe, World, Server) {
    let (probe, world, server) = offered();
    netsonde(&probe, &["install", "deep", "--yes"]).done();
    (probe, world, server)
}

/// `runx` of a script that measures with `deep`.
pub(crate) fn runx(probe: &Probe) -> Said {
    probe.write("script.jsonc", &script("deep"));
    let words = [
        "runx",
        "--location-file",
        "location.jsonc",
        "--script-file",
        "script.jsonc",
    ];
    netsonde(probe, &words)
}

pub(crate) fn report(probe: &Probe) -> Vec<Value> {
    let report = std::fs::read_to_string(probe.path("report.jsonl")).unwrap_or_default();
    report
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_is_installed_is_shown_first_run_and_proven_afterwards() {
    let (probe, world, _server) = offered();
    netsonde(&probe, &["search"])
        .done()
        .says("deep")
        .says("https://git.example/probes");
    netsonde(&probe, &["search", "shallow"])
        .done()
        .says("nothing was found");
    netsonde(&probe, &["install", "deep"]).refused("give --yes");
    assert_eq!(report(&probe).len(), 0);
    let shown = netsonde(&probe, &["install", "deep", "--yes"]).done();
    let module = &netsonde_log::words::Digest::of(&module("deep", "1.0.0")).to_string();
    let shown = [
        module,
        "imports netsonde:probe/",
        "tcp: To connect, read and write.",
        "targets: To go where its steps say.",
        "wall_clock_s 120",
        "leaf 1",
        "leaf 2",
        "commit 0123456789abcdef0123456789abcdef01234567",
    ]
    .iter()
    .fold(shown, |shown, words| shown.says(words));
    drop(shown);
    netsonde(&probe, &["install", "deep", "--yes"])
        .done()
        .says("installed already");
    let listed = netsonde(&probe, &["list", "--json"]).done().out;
    assert!(listed.contains(r#"{"registry":"registry-example"}"#), "{listed}");
    runx(&probe).done();
    let measurements = report(&probe);
    assert_eq!(measurements.len(), 1);
    let annotations = &measurements[0]["annotations"];
    assert_eq!(annotations["netsonde_module_registry"], "registry.example/log");
    assert_eq!(annotations["netsonde_module_index"], "1");
    // Nobody can be asked any more, and all is proven.
    std::fs::remove_dir_all(world.public()).unwrap();
    netsonde(&probe, &["verify"]).done().says("is what was released");
    let why = netsonde(&probe, &["why", "deep"]).done();
    why.says("leaf 1: module.release deep 1.0.0")
        .says("signed as modules by")
        .says("leaf 2: rebuild.attest")
        .says("proven against its checkpoint of 3 leaves")
        .says(&world.root.digest().to_string());
    let why = netsonde(&probe, &["why", "report.jsonl"]).done();
    why.says("module.release deep 1.0.0")
        .says("somebody gave it as a file");
    netsonde(&probe, &["why", "telegram"])
        .done()
        .says("it is in this program");
    netsonde(&probe, &["why", "nothing"]).refused("neither a module of this probe nor a file");
    netsonde(&probe, &["remove", "deep"]).done();
    netsonde(&probe, &["remove", "deep"]).refused("is not installed");
    assert!(
        !netsonde(&probe, &["list", "--json"])
            .done()
            .out
            .contains("registry-example")
    );
    // What it measured is proven still.
    netsonde(&probe, &["why", "report.jsonl"])
        .done()
        .says("module.release deep 1.0.0");
}

#[test]
fn an_update_shows_what_is_asked_for_otherwise() {
    let (probe, mut world, _server) = installed();
    netsonde(&probe, &["update"]).done().says("nothing to update");
    let next = altered("deep", "1.1.0", |manifest| {
        let manifest = manifest.replace(
            "derived = \"To go to the addresses of the names in its steps.\"\n",
            "",
        );
        manifest.replace("wall_clock_s = 120", "wall_clock_s = 60\nconnections = 7")
    });
    world.release(&next);
    netsonde(&probe, &["update"]).refused("give --yes");
    let updated = netsonde(&probe, &["update", "deep", "--yes"]).done();
    updated
        .says("deep: 1.0.0 -> 1.1.0")
        .says("- destinations derived")
        .says("~ budget wall_clock_s: 120 -> 60")
        .says("~ budget connections: 1000 -> 7");
    netsonde(&probe, &["update"]).done().says("nothing to update");
    netsonde(&probe, &["update", "other"]).refused("other is not installed");
    netsonde(&probe, &["install", "deep@1.0.0", "--yes"]).refused("1.0.0 is older");
    let listed = netsonde(&probe, &["search", "--json"]).done().out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed["version"], &listed["installed"]),
        (&"1.1.0".into(), &"1.1.0".into())
    );
}

/// With a terminal for standard input, which `script` of util-linux makes.
#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_somebody_is_asked() {
    use std::io::Write as _;
    let (probe, _world, _server) = offered();
    for (answer, code, words) in [
        ("n", 1, "nothing was installed"),
        ("y", 0, "deep 1.0.0 is installed"),
    ] {
        let command = format!("{} install deep", env!("CARGO_BIN_EXE_netsonde"));
        let mut script = std::process::Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        script.current_dir(probe.folder.path());
        script.envs(
            probe
                .netsonde()
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        script
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let Ok(mut child) = script.spawn() else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED on a terminal: there is no `script` of util-linux here"
            );
            return;
        };
        // Kept open until the end: `script` ends with its input.
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{answer}").unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(
            said.contains("Install it? [y/N]") && said.contains(words),
            "{said}"
        );
    }
}

#[test]
fn a_module_that_one_mirror_has_wrong_is_taken_from_the_next() {
    let (probe, mut world) = (Probe::new(), World::new());
    let wasm = module("deep", "1.0.0");
    world.release(&wasm);
    let server = Server::of(world.public().to_owned());
    let path = path_of("objects", &netsonde_log::words::Digest::of(&wasm));
    server.answer(&path, Answer::Bytes(b"forged".to_vec()));
    add(&probe, &world, &[&server.url, &world.file_url()]).done();
    let said = netsonde(&probe, &["install", "deep", "--yes"]).done();
    said.says("has other bytes than the log says: 6 of them")
        .says("deep 1.0.0 is installed");
}
