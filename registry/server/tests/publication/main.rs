//! The README's way from an author's source to a measurement and back, typed as it stands there.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Above the commands.
const HEADING: &str = "## A registry in twelve commands";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The commands of the README.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let section = readme.split(HEADING).nth(1).unwrap();
    let block = section
        .split("```sh\n")
        .nth(2)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    block.lines().map(str::to_owned).collect()
}

/// The folder with `netsonde`, `netsonde-guest` and `netsonde-registry`. `cargo test --workspace` has built the first; the second is
/// built for no test.
fn programs() -> PathBuf {
    let registry = Path::new(env!("CARGO_BIN_EXE_netsonde-registry"));
    let folder = registry.parent().unwrap();
    let mut packages = vec!["netsonde-guest-tool"];
    if !folder.join("netsonde").exists() {
        packages.push("netsonde");
    }
    for package in packages {
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--locked",
            "--quiet",
            "--package",
            package,
            "--target-dir",
        ]);
        build.arg(folder.parent().unwrap()).current_dir(workspace());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "build {package}");
    }
    folder.to_owned()
}

/// A clone of what is committed: authors publish nothing else.
fn clone(place: &Path) -> Option<PathBuf> {
    if !workspace().join(".git").exists() {
        return None;
    }
    let clone = place.join("clone");
    let done = Command::new("git")
        .args(["clone", "--quiet", "--shared"])
        .arg(workspace())
        .arg(&clone)
        .status();
    assert!(done.unwrap().success(), "clone the workspace");
    Some(clone)
}

/// Why there can be no lab here, if there can be none.
fn no_lab() -> Option<String> {
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "true"])
        .output();
    let as_root = Command::new("unshare").args(["--net", "true"]).output();
    let works = |output: std::io::Result<Output>| output.is_ok_and(|output| output.status.success());
    if works(output) || works(as_root) {
        return None;
    }
    assert!(
        env::var_os("NETSONDE_REQUIRE_LAB").is_none_or(|value| value != "1"),
        "NETSONDE_REQUIRE_LAB=1, and there is no lab here"
    );
    Some("it needs network namespaces".to_owned())
}

#[test]
fn the_commands_of_the_readme_publish_a_module_and_explain_a_measurement() {
    let commands = commands();
    assert!(commands.len() <= 12, "{} commands", commands.len());
    let place = tempfile::tempdir().unwrap();
    let skipped = match clone(place.path()) {
        None => Some("this is no clone of git".to_owned()),
        Some(_) => no_lab(),
    };
    if let Some(why) = skipped {
        eprintln!("SKIPPED: NOTHING HAS RUN THE README'S COMMANDS FOR A REGISTRY: {why}");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let commands: Vec<String> = commands
        .iter()
        .map(|command| command.replace(":8700", &format!(":{port}")))
        .collect();
    let (desk, home) = (place.path().join("desk"), place.path().join("home"));
    for folder in [&desk, &home] {
        fs::create_dir(folder).unwrap();
    }
    // The censored run, and its twin on a network where nobody interferes.
    let censored = commands.join("\n");
    let run = commands.iter().find(|command| command.contains(" run ")).unwrap();
    let scenario = fs::read_to_string(workspace().join("examples/scenarios/http-blockpage.toml")).unwrap();
    fs::write(
        desk.join("clean.toml"),
        scenario.split("[[rule]]").next().unwrap(),
    )
    .unwrap();
    let twin = run.replace("$CLONE/examples/scenarios/http-blockpage.toml", "clean.toml") + " -o clean.jsonl";
    assert_ne!(&twin, run);
    let script = format!("set -eu\ntrap 'kill $!' EXIT\n{censored}\necho ==== twin\n{twin}\n");
    let user_home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let tool =
        |variable: &str, folder: &str| env::var_os(variable).unwrap_or_else(|| user_home.join(folder).into());
    let path = env::join_paths(
        [programs()]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(&desk)
        .env("PATH", path.unwrap())
        .env("CLONE", place.path().join("clone"))
        .env("NETSONDE_REGISTRIES_DIR", place.path().join("probe"))
        .env("CARGO_HOME", tool("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", tool("RUSTUP_HOME", ".rustup"))
        .env("HOME", &home)
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_STATE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = format!(
        "{}\n---- standard error\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    for wanted in [
        "is what its source gives",
        "expected_page@0.1.0 is released",
        "script.publish online",
        "another page comes in the place of the one that is expected",
    ] {
        assert!(said.contains(wanted), "{wanted:?} is missing:\n{said}");
    }
    let report = fs::read_to_string(desk.join("report.jsonl")).unwrap();
    assert!(report.contains("netsonde_registry"), "{report}");
    let clean = fs::read_to_string(desk.join("clean.jsonl")).unwrap();
    assert!(
        clean.contains("\"page\":\"expected\"") && !clean.contains("\"page\":\"another\""),
        "{clean}"
    );
    assert!(report.contains("\"page\":\"another\""), "{report}");
}
