//! The C library as other languages use it: programs in C and in Python, in the lab, against the shared library and its header.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use netsonde_lab::test::in_lab;
use serde_json::{Value, json};
use support::{
    TELEGRAM, WEBSITE, WEBSITES, assert_telegram, assert_website, events_of, is_here, measurement, succeeded,
};

/// How many moments to end tasks at.
const MOMENTS: &str = "50";
/// To end them at the moments of another run: the seed that it printed.
const SEED: &str = "NETSONDE_SEED";

/// The shared library. Cargo makes it together with the Rust library that this test is linked with, so it is never an older one.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join("libnetsonde_mobile.so")
}

fn apps() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps")
}

/// Build a C program against the header and the library.
fn compile(folder: &Path, name: &str) -> PathBuf {
    let program = folder.join(name);
    let mut cc = Command::new("cc");
    cc.args([
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-pthread",
        "-I",
    ]);
    cc.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    cc.arg(apps().join(format!("{name}.c"))).arg(library());
    cc.arg("-o").arg(&program);
    succeeded(&cc.output().unwrap(), name);
    program
}

/// Every nettest in the clean lab and where it is censored, by an app.
fn in_all_scenarios(command: &[&OsStr]) {
    for (scenario, censored) in TELEGRAM.into_iter().zip([false, true]) {
        let lab = support::lab(scenario);
        let events = events_of(&lab, &support::telegram(&lab), command);
        assert_telegram(&measurement(&events, ""), censored);
    }
    for (scenario, censored) in WEBSITES.into_iter().zip([false, true]) {
        let lab = support::lab(scenario);
        let events = events_of(&lab, &support::web_connectivity(&lab), command);
        assert_website(&measurement(&events, WEBSITE), censored);
    }
}

#[test]
fn an_app_in_c_gets_every_event_in_order() {
    if !is_here("cc") {
        return;
    }
    in_lab("an_app_in_c_gets_every_event_in_order", || {
        let folder = tempfile::tempdir().unwrap();
        let app = compile(folder.path(), "app");
        in_all_scenarios(&[app.as_os_str()]);
    });
}

#[test]
fn an_app_in_python_gets_every_event_in_order() {
    if !is_here("python3") {
        return;
    }
    in_lab("an_app_in_python_gets_every_event_in_order", || {
        let (app, library) = (apps().join("app.py"), library());
        in_all_scenarios(&[
            "python3".as_ref(),
            "-B".as_ref(),
            app.as_os_str(),
            library.as_os_str(),
        ]);
    });
}

#[test]
fn what_callers_do_wrong_has_an_answer() {
    if !is_here("cc") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = compile(folder.path(), "misuse");
    let output = Command::new(program).arg(folder.path().join("state")).output();
    assert_eq!(succeeded(&output.unwrap(), "misuse"), "all is answered\n");
}

#[test]
fn a_task_without_files_says_nothing_of_the_network() {
    if !is_here("python3") {
        return;
    }
    in_lab("a_task_without_files_says_nothing_of_the_network", || {
        let folder = tempfile::tempdir().unwrap();
        let lab = support::clean_lab();
        let settings = folder.path().join("settings.json");
        std::fs::write(&settings, support::telegram(&lab).to_string()).unwrap();
        let mut app = lab.command("python3");
        app.arg("-B").arg(apps().join("no_files.py"));
        app.arg(library()).arg(&settings).current_dir(folder.path());
        let said = succeeded(&app.output().unwrap(), "the app");
        let tasks: BTreeMap<String, Value> = serde_json::from_str(&said).unwrap();
        for with in ["before", "after"] {
            assert_telegram(&measurement(tasks[with].as_array().unwrap(), ""), false);
        }
        // There is no measurement, or one without a verdict, or all sockets were open by then. Where the guest had begun, the budget
        // ended it.
        let mut ended = 0;
        for without in tasks["without"].as_array().unwrap() {
            let events = without.as_array().unwrap();
            let Some(told) = events.iter().find(|event| event["key"] == "measurement") else {
                let why = support::value(events, "failure.measurement")["failure"].as_str();
                assert!(why.unwrap().contains("open files"), "{events:?}");
                continue;
            };
            let told: Value = serde_json::from_str(told["value"]["json_str"].as_str().unwrap()).unwrap();
            let keys = &told["test_keys"];
            let error = keys["x_netsonde_error"]["message"].as_str().unwrap_or_default();
            if error.is_empty() {
                assert_telegram(&told, false);
                continue;
            }
            ended += usize::from(error.contains("open files: more than 4"));
            assert!(error.contains("open files"), "{told}");
            for verdict in [
                "telegram_http_blocking",
                "telegram_tcp_blocking",
                "telegram_web_status",
            ] {
                assert_eq!(keys[verdict], Value::Null, "{told}");
            }
        }
        assert!(ended > 0, "{tasks:?}");
    });
}

#[test]
fn a_task_that_is_ended_at_any_moment_leaves_nothing() {
    if !is_here("python3") {
        return;
    }
    in_lab("a_task_that_is_ended_at_any_moment_leaves_nothing", || {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        let lab = support::clean_lab();
        let mut settings = Vec::new();
        for mut of_task in [support::web_connectivity(&lab), support::telegram(&lab)] {
            of_task["state_dir"] = json!(here("state"));
            of_task["temp_dir"] = json!(here("temp"));
            let file = here(&format!("settings-{}.json", settings.len()));
            std::fs::write(&file, of_task.to_string()).unwrap();
            settings.push(file);
        }
        std::fs::create_dir_all(here("work")).unwrap();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = std::env::var(SEED).unwrap_or_else(|_| since_1970.as_micros().to_string());
        let mut moments = lab.command("python3");
        moments.arg("-B").arg(apps().join("moments.py")).arg(library());
        moments
            .args([MOMENTS, &seed])
            .args(&settings)
            .current_dir(here("work"));
        println!("{}", succeeded(&moments.output().unwrap(), "moments"));
    });
}
