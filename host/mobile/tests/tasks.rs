//! Tasks through the Rust surface, by the real interpreter, in the lab.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use netsonde_lab::test::in_lab;
use netsonde_mobile::App;
use serde_json::{Value, json};
use support::{
    TELEGRAM, WEBSITE, WEBSITES, assert_telegram, assert_website, events, keys, measurement, value,
};

/// All events of a task that runs to its end.
fn run(app: &App, settings: &Value) -> Vec<Value> {
    let task = app.start_task(&settings.to_string()).unwrap();
    let events = events(|| task.wait_for_next_event());
    assert!(task.is_done());
    events
}

/// A task that runs without a network: nothing of it gets that far.
fn alone(settings: &Value) -> Vec<Value> {
    run(&App::new(), settings)
}

fn minimal() -> Value {
    json!({
        "name": "telegram",
        "version": 1,
        "state_dir": support::shared_state(),
        "options": {"no_collector": true},
        "location": {"ipv4": {"probe_ip": "130.192.91.211", "probe_asn": 137, "probe_cc": "IT"}},
    })
}

/// The same with other members.
fn with(members: &Value) -> Value {
    let mut settings = minimal();
    let members = members.as_object().unwrap().clone();
    settings.as_object_mut().unwrap().extend(members);
    settings
}

fn failure<'a>(events: &'a [Value], key: &str) -> &'a str {
    value(events, key)["failure"].as_str().unwrap()
}

#[test]
fn telegram_says_the_same_in_order_and_another_verdict_where_it_is_censored() {
    let name = "telegram_says_the_same_in_order_and_another_verdict_where_it_is_censored";
    in_lab(name, || {
        for (scenario, censored) in TELEGRAM.into_iter().zip([false, true]) {
            let lab = support::lab(scenario);
            let settings = support::telegram(&lab);
            let events = lab.client(|| run(&App::new(), &settings));
            assert_telegram(&measurement(&events, ""), censored);
            assert_eq!(lab.rule_hits().iter().any(|(_, hits)| *hits > 0), censored);
        }
    });
}

#[test]
fn a_website_says_the_same_in_order_and_another_verdict_where_it_is_censored() {
    let name = "a_website_says_the_same_in_order_and_another_verdict_where_it_is_censored";
    in_lab(name, || {
        for (scenario, censored) in WEBSITES.into_iter().zip([false, true]) {
            let lab = support::lab(scenario);
            let settings = support::web_connectivity(&lab);
            let events = lab.client(|| run(&App::new(), &settings));
            assert_website(&measurement(&events, WEBSITE), censored);
            assert_eq!(lab.rule_hits().iter().any(|(_, hits)| *hits > 0), censored);
        }
    });
}

#[test]
fn what_is_no_json_or_of_a_wrong_type_does_not_start() {
    let app = App::new();
    let why = |text: &str| app.start_task(text).map(drop).unwrap_err().to_string();
    assert!(why("{").contains("no JSON"), "{}", why("{"));
    let wrong = r#"{"name": "telegram", "version": 1, "inputs": [1]}"#;
    assert!(why(wrong).contains("`inputs[0]`"), "{}", why(wrong));
}

#[test]
fn a_version_that_is_none_ends_a_task_before_it_has_started() {
    let events = alone(&with(&json!({"version": 0})));
    assert_eq!(
        keys(&events),
        ["status.queued", "failure.startup", "task_terminated"]
    );
    assert_eq!(
        failure(&events, "failure.startup"),
        "invalid Settings.Version number"
    );
}

#[test]
fn an_unknown_nettest_ends_a_task_before_anything_is_looked_up() {
    let events = alone(&with(&json!({"name": "telepathy"})));
    let expected = [
        "status.queued",
        "status.started",
        "failure.startup",
        "status.end",
        "task_terminated",
    ];
    assert_eq!(keys(&events), expected);
    let why = failure(&events, "failure.startup");
    assert!(why.contains("telepathy"), "{why}");
}

#[test]
fn what_can_not_be_had_is_said_and_not_gone_around() {
    for (members, part) in [
        (json!({"Proxy": "socks5://127.0.0.1:9050"}), "`Proxy`"),
        (json!({"state_dir": ""}), "`state_dir`"),
        (json!({"script": "{}"}), "one of `name`, `script` and `check_in`"),
        (json!({"name": ""}), "one of `name`, `script` and `check_in`"),
        (json!({"geoip_db": "/nowhere/geo.mmdb"}), "/nowhere/geo.mmdb"),
        (
            json!({"settings": {"denied_capabilities": ["sockets"]}}),
            "sockets",
        ),
        (
            json!({"locate": {"http": ["ftp://example.org/"]}}),
            "`locate.http`",
        ),
        (
            json!({"extra_roots_pem": "-----BEGIN CERTIFICATE-----"}),
            "`extra_roots_pem`",
        ),
    ] {
        let events = alone(&with(&members));
        let expected = [
            "status.queued",
            "status.started",
            "failure.startup",
            "task_terminated",
        ];
        assert_eq!(keys(&events), expected, "{members}");
        let why = failure(&events, "failure.startup");
        assert!(why.contains(part), "{why}");
    }
    for (members, part) in [
        (
            json!({"inputs": ["a", "b"], "inputs_extra": [{}]}),
            "`inputs_extra` has 1",
        ),
        (json!({"name": "web_connectivity"}), "web_connectivity"),
        (
            json!({"name": "", "script": "{\n  \"instructions\": 7,\n \"v\": 2 }"}),
            "instructions",
        ),
    ] {
        let events = alone(&with(&members));
        let expected = ["failure.startup", "status.end", "task_terminated"];
        assert_eq!(keys(&events)[2..], expected, "{members}");
        let why = failure(&events, "failure.startup");
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn nothing_is_submitted_and_nobody_is_told_that_it_was() {
    let events = alone(&with(&json!({"options": {"no_collector": false}})));
    let mut expected = vec!["status.queued", "status.started"];
    expected.extend(["status.progress"; 3]);
    expected.extend(["status.geoip_lookup", "status.resolver_lookup"]);
    expected.extend(["failure.report_create", "status.end", "task_terminated"]);
    assert_eq!(keys(&events), expected);
    assert!(failure(&events, "failure.report_create").contains("no_collector"));
}

#[test]
fn without_a_location_there_are_four_failures_and_the_end() {
    let mut settings = minimal();
    settings.as_object_mut().unwrap().remove("location");
    let events = alone(&settings);
    let expected = [
        "status.queued",
        "status.started",
        "status.progress",
        "failure.ip_lookup",
        "failure.asn_lookup",
        "failure.cc_lookup",
        "failure.resolver_lookup",
        "status.end",
        "task_terminated",
    ];
    assert_eq!(keys(&events), expected);
    assert!(failure(&events, "failure.cc_lookup").contains("`locate`"));
    let typo = with(&json!({"location": {"ipv4": {"probe_up": "192.0.2.1"}}}));
    let events = alone(&typo);
    assert_eq!(keys(&events)[2..], ["failure.startup", "task_terminated"]);
    let why = failure(&events, "failure.startup");
    assert!(why.contains("probe_up"), "{why}");
}

#[test]
fn a_nettest_that_the_user_switched_off_does_not_start() {
    let off = json!({"settings": {"timed": {"disabled_nettests": ["telegram"]}}, "run_type": "timed"});
    let events = alone(&with(&off));
    let expected = ["failure.startup", "status.end", "task_terminated"];
    assert_eq!(keys(&events)[7..], expected);
    let why = failure(&events, "failure.startup");
    assert!(
        why.contains("switch off nettest `telegram` in timed runs"),
        "{why}"
    );
}

#[test]
fn a_timed_run_does_not_start_on_a_metered_network_that_the_settings_exclude() {
    let app = App::new();
    app.network_changed(Some("mobile"), Some(true));
    let settings = with(&json!({"run_type": "timed", "require_unmetered": true}));
    let events = run(&app, &settings);
    // Before anybody is asked anything over that network.
    let expected = ["x_status.stopped", "status.end", "task_terminated"];
    assert_eq!(keys(&events)[2..], expected);
    let why = value(&events, "x_status.stopped")["why"].as_str().unwrap();
    assert!(why.contains("metered"), "{why}");
    assert_eq!(failure(&events, "status.end"), why);
}

#[test]
fn settings_that_can_not_be_meant_do_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    for (members, says) in [
        (
            json!({"options": {"no_collector": true, "software_name": "a\r\nX-B: c"}}),
            "software_name",
        ),
        (
            json!({"locate": {"stun": ["127.0.0.1:1"], "timeout_s": 1e9}}),
            "timeout_s",
        ),
        (json!({"state_dir": file}), "state_dir"),
        (json!({"report_file": folder.path()}), "is no file"),
    ] {
        let events = alone(&with(&members));
        let why = failure(&events, "failure.startup");
        assert!(why.contains(says), "{why}");
    }
}
