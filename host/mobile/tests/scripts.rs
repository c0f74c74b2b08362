//! Tasks that run scripts, and what apps do with tasks under way: through the Rust surface, in the lab.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use netsonde_lab::{Lab, test::in_lab};
use netsonde_mobile::{App, Task};
use serde_json::{Value, json};
use support::{events, keys, value};

/// Settings of a task that runs these instructions.
fn script(lab: &Lab, instructions: &Value) -> Value {
    let mut settings = support::telegram(lab);
    settings["name"] = "".into();
    settings["script"] = json!({"v": 2, "instructions": instructions}).to_string().into();
    settings
}

/// A script that measures two websites, and then a messenger. Between its lines is a nettest that nobody knows.
fn instructions() -> Value {
    let target = |input: &str, category: &str| json!({"input": input, "attributes": {"category_code": category, "country_code": "ZZ"}});
    json!([
        {"run": "ui:draw_card@v1", "with": {"suite_name": "websites"}},
        {"run": "nettest:run@v1", "with": {"nettest_name": "telepathy", "suite_name": "websites"}},
        {"run": "nettest:run@v1", "with": {
            "nettest_name": "urlgetter", "suite_name": "websites", "annotations": {"origin": "the script"},
            "targets": [target("https://example.com/", "NEWS"), target("https://example.org/", "CULTR")],
        }},
        {"run": "nettest:run@v1", "with": {"nettest_name": "telegram", "suite_name": "websites"}},
    ])
}

/// Read a task up to the first event with a key.
fn read_until(task: &Task, key: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    while events.last().is_none_or(|event| event["key"] != key) {
        events.push(serde_json::from_str(&task.wait_for_next_event()).unwrap());
        assert_ne!(events.last().unwrap()["key"], "task_terminated", "{events:#?}");
    }
    events
}

/// Read the rest.
fn rest(task: &Task) -> Vec<Value> {
    events(|| task.wait_for_next_event())
}

fn run(app: &App, settings: &Value) -> Vec<Value> {
    rest(&app.start_task(&settings.to_string()).unwrap())
}

/// The values of all events with a key.
fn values<'a>(events: &'a [Value], key: &str) -> Vec<&'a Value> {
    let events = events.iter().filter(|event| event["key"] == key);
    events.map(|event| &event["value"]).collect()
}

#[test]
fn a_script_says_what_it_runs_and_what_it_skips_and_counts_its_targets() {
    let name = "a_script_says_what_it_runs_and_what_it_skips_and_counts_its_targets";
    in_lab(name, || {
        let lab = support::lab("clean");
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.jsonl");
        let mut settings = script(&lab, &instructions());
        settings["report_file"] = json!(report);
        let app = App::new();
        app.network_changed(Some("wifi"), Some(false));
        let events = lab.client(|| run(&app, &settings));

        let told = keys(&events).into_iter().filter(|key| *key != "status.progress");
        let told: Vec<&str> = told.collect();
        let target = [
            "status.measurement_start",
            "measurement",
            "status.measurement_done",
        ];
        let mut expected = vec!["status.queued", "status.started", "status.geoip_lookup"];
        expected.extend([
            "status.resolver_lookup",
            "x_status.card",
            "x_status.skipped",
            "log",
        ]);
        expected.push("x_status.nettest_start");
        expected.extend(target.into_iter().chain(target));
        expected.extend(["x_status.nettest_done", "x_status.nettest_start"]);
        expected.extend(target);
        expected.extend(["x_status.nettest_done", "status.end", "task_terminated"]);
        assert_eq!(told, expected);

        let skipped = value(&events, "x_status.skipped");
        assert_eq!(skipped["thing"], "nettest");
        assert_eq!(skipped["name"], "telepathy");
        assert_eq!(
            *value(&events, "x_status.nettest_start"),
            json!({"suite_name": "websites", "nettest_name": "urlgetter", "targets": 2})
        );
        assert_eq!(
            values(&events, "status.measurement_start"),
            [
                &json!({"category_code": "NEWS", "country_code": "ZZ", "idx": 0, "input": "https://example.com/"}),
                &json!({"category_code": "CULTR", "country_code": "ZZ", "idx": 1, "input": "https://example.org/"}),
                &json!({"idx": 2, "input": ""}),
            ]
        );
        // What is told is what is in the file.
        let kept = std::fs::read_to_string(report).unwrap();
        let told = values(&events, "measurement");
        let told: Vec<&str> = told
            .iter()
            .map(|value| value["json_str"].as_str().unwrap())
            .collect();
        assert_eq!(kept.lines().collect::<Vec<_>>(), told);
        let first: Value = serde_json::from_str(told[0]).unwrap();
        assert_eq!(first["annotations"]["network_type"], "wifi");
        assert_eq!(
            first["annotations"]["origin"], "a test",
            "the app has the last word"
        );
    });
}

#[test]
fn an_interrupted_task_gives_up_what_it_measures_and_says_so_to_the_end() {
    let name = "an_interrupted_task_gives_up_what_it_measures_and_says_so_to_the_end";
    in_lab(name, || {
        // Nobody answers for the first website: it would take a while.
        let lab = support::lab("tcp-drop");
        let settings = script(&lab, &instructions());
        lab.client(|| {
            let task = App::new().start_task(&settings.to_string()).unwrap();
            read_until(&task, "status.measurement_start");
            task.interrupt();
            let events = rest(&task);
            let told = keys(&events);
            for key in ["measurement", "failure.measurement", "status.measurement_start"] {
                assert!(!told.contains(&key), "{told:?}");
            }
            assert_eq!(value(&events, "status.end")["failure"], "");
        });
    });
}

#[test]
fn a_runtime_that_is_over_starts_no_target() {
    in_lab("a_runtime_that_is_over_starts_no_target", || {
        let lab = support::lab("clean");
        let mut settings = script(&lab, &instructions());
        settings["options"]["max_runtime"] = json!(0.000_001);
        let events = lab.client(|| run(&App::new(), &settings));
        assert!(!keys(&events).contains(&"status.measurement_start"));
        assert_eq!(value(&events, "status.end")["failure"], "");
    });
}

/// The lab's STUN server.
const STUN: &str = "74.125.250.129:19302";

/// The same settings, but the lab's STUN server is asked where the probe is.
fn located(lab: &Lab, instructions: &Value) -> Value {
    let mut settings = script(lab, instructions);
    settings.as_object_mut().unwrap().remove("location");
    settings["locate"] = json!({"stun": ["stun.l.google.com:19302"]});
    settings
}

#[test]
fn a_task_asks_again_where_it_is_when_the_network_has_changed_and_goes_on_in_the_same() {
    let name = "a_task_asks_again_where_it_is_when_the_network_has_changed_and_goes_on_in_the_same";
    in_lab(name, || {
        let lab = support::lab("clean-everything");
        let settings = located(&lab, &instructions());
        lab.client(|| {
            let app = App::new();
            let task = app.start_task(&settings.to_string()).unwrap();
            let begin = read_until(&task, "status.measurement_start");
            assert_eq!(value(&begin, "status.geoip_lookup")["probe_ip"], "130.192.91.211");
            app.network_changed(Some("mobile"), None);
            let events = rest(&task);
            assert_eq!(value(&events, "status.end")["failure"], "");
            let told = values(&events, "measurement");
            assert_eq!(told.len(), 3);
            let last: Value = serde_json::from_str(told[2]["json_str"].as_str().unwrap()).unwrap();
            assert_eq!(last["annotations"]["network_type"], "mobile");
        });
        let asked = lab.sent().get(&format!("udp {STUN}")).copied();
        assert!(asked >= Some(2), "{:?}", lab.sent());
    });
}

#[test]
fn a_timed_task_asks_nobody_any_more_on_a_metered_network_that_it_is_to_spare() {
    let name = "a_timed_task_asks_nobody_any_more_on_a_metered_network_that_it_is_to_spare";
    in_lab(name, || {
        let lab = support::lab("clean-everything");
        let mut settings = located(&lab, &instructions());
        settings["run_type"] = "timed".into();
        settings["require_unmetered"] = true.into();
        let asked = || lab.sent().get(&format!("udp {STUN}")).copied();
        let before = lab.client(|| {
            let app = App::new();
            let task = app.start_task(&settings.to_string()).unwrap();
            read_until(&task, "status.measurement_start");
            let before = asked();
            app.network_changed(Some("mobile"), Some(true));
            let events = rest(&task);
            assert_eq!(values(&events, "measurement").len(), 1);
            let why = value(&events, "x_status.stopped")["why"].as_str().unwrap();
            assert!(why.contains("metered"), "{why}");
            before
        });
        assert_eq!((before.is_some(), asked()), (true, before));
    });
}

#[test]
fn a_task_that_has_nobody_to_ask_where_it_is_ends_when_the_network_has_changed() {
    let name = "a_task_that_has_nobody_to_ask_where_it_is_ends_when_the_network_has_changed";
    in_lab(name, || {
        let lab = support::lab("clean");
        let settings = script(&lab, &instructions());
        lab.client(|| {
            let app = App::new();
            let task = app.start_task(&settings.to_string()).unwrap();
            read_until(&task, "status.measurement_start");
            app.network_changed(None, None);
            let events = rest(&task);
            assert_eq!(values(&events, "measurement").len(), 1);
            let told = keys(&events);
            let end = ["x_status.stopped", "status.end", "task_terminated"];
            assert_eq!(told[told.len() - 3..], end);
            let why = value(&events, "status.end")["failure"].as_str().unwrap();
            assert!(why.contains("nobody to ask"), "{why}");
        });
    });
}

#[test]
fn the_place_is_found_and_the_script_in_the_program_is_told() {
    in_lab("the_place_is_found_and_the_script_in_the_program_is_told", || {
        let lab = support::lab("clean-everything");
        let settings = located(&lab, &json!([])).to_string();
        let app = App::new();
        let (place, answer) = lab.client(|| {
            (
                app.geolocate(&settings).unwrap(),
                app.check_in(&settings).unwrap(),
            )
        });
        let place: Value = serde_json::from_str(&place).unwrap();
        assert_eq!(place["probe_ip"], "130.192.91.211");
        assert_eq!(place["probe_asn"], "AS0", "no file says whose it is");
        assert_eq!(place["resolver_ip"], "172.253.1.130");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["how"], "built-in");
        assert!(answer["script"].as_str().unwrap().contains("nettest:run@v1"));
        let nettests = answer["nettests"].as_array().unwrap();
        assert!(
            nettests.iter().all(|nettest| nettest["runs"] == true),
            "{nettests:?}"
        );
        let names: Vec<&str> = nettests
            .iter()
            .map(|nettest| nettest["nettest_name"].as_str().unwrap())
            .collect();
        let expected = [
            "telegram",
            "whatsapp",
            "signal",
            "facebook_messenger",
            "urlgetter",
        ];
        assert_eq!(names, expected);
        assert_eq!(nettests[4]["targets"][0]["input"], "https://www.wikipedia.org/");
    });
}
