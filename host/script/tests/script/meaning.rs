//! What a script means once it is read.

use netsonde_script::{
    InputPolicy, Instruction, MiniTarget, NettestRun, Parsed, Script, Target, Targets, Vocabulary,
    VocabularyError, parse,
};
use serde_json::{Value, json};

use crate::vocabulary::vocabulary;

fn read(text: &str) -> Parsed {
    parse("script.jsonc", text.as_bytes(), &vocabulary())
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn script(instructions: &Value) -> Script {
    read(&json!({ "instructions": instructions, "v": 2 }).to_string()).script
}

fn run(with: &Value) -> NettestRun {
    let script = script(&json!([{ "run": "nettest:run@v1", "with": with }]));
    let [Instruction::RunNettest(run)] = script.instructions.as_slice() else {
        panic!("{script:?}")
    };
    run.clone()
}

fn generic(targets: &Value) -> Vec<Target> {
    let run = run(&json!({ "nettest_name": "urlgetter", "targets": targets }));
    let Targets::Generic(targets) = run.targets else {
        panic!("{run:?}")
    };
    targets
}

fn mini(targets: &Value) -> Vec<MiniTarget> {
    let run = run(&json!({ "nettest_name": "telegram", "targets": targets }));
    let Targets::Mini(targets) = run.targets else {
        panic!("{run:?}")
    };
    targets
}

#[test]
fn the_user_interface_is_drawn_as_the_script_says() {
    let script = script(&json!([
        { "run": "ui:draw_card@v1", "with": { "suite_name": "im" } },
        { "run": "ui:set_progress_bar@v1", "with": { "initial_value": 0, "max_value": 0.5 } },
        { "run_command": "ui/set_progress_bar_range", "with_arguments": { "initial_value": 0.5, "max_value": 1, "suite_name": "im" } },
        { "run_command": "ui/set_progress_bar_value", "with_arguments": { "value": 1, "suite_name": "im" } },
    ]));
    let im = || Some("im".to_owned());
    assert_eq!(
        script.instructions,
        [
            Instruction::DrawCard {
                suite_name: "im".to_owned()
            },
            Instruction::SetProgressBar {
                initial_value: 0.0,
                max_value: 0.5,
                suite_name: None
            },
            Instruction::SetProgressBar {
                initial_value: 0.5,
                max_value: 1.0,
                suite_name: im()
            },
            Instruction::SetProgressBarValue {
                suite_name: im(),
                value: 1.0
            },
        ]
    );
}

#[test]
fn comments_trailing_commas_and_a_byte_order_mark_are_no_part_of_a_script() {
    let plain = r#"{"instructions": [{"run": "ui:draw_card@v1", "with": {"suite_name": "im"}}], "v": 2}"#;
    let commented = "\u{feff}// one\n{ /* two */ \"instructions\": [{\"run\": \"ui:draw_card@v1\", \"with\": {\"suite_name\": \"im\",},},], \"v\": 2, } // three";
    assert_eq!(read(plain).script, read(commented).script);
}

#[test]
fn an_unknown_instruction_keeps_its_place() {
    let Parsed { script, warnings } = read(
        r#"{ "instructions": [
            { "run": "ui:draw_card@v1", "with": { "suite_name": "im" } },
            { "run": "ui:draw_card@v2", "with": "whatever" },
            { "run": "ui:draw_card@v1", "with": { "suite_name": "experimental" } } ], "v": 2 }"#,
    );
    assert_eq!(script.instructions.len(), 3);
    let Instruction::Unknown { name, why } = &script.instructions[1] else {
        panic!("{script:?}")
    };
    assert_eq!(name, "ui:draw_card@v2");
    assert!(why.contains("ui:draw_card@v1"), "{why}");
    assert_eq!(warnings.warnings(), 1);
}

#[test]
fn a_plain_name_is_version_zero_and_every_other_version_is_unknown() {
    let of = |name: &str| run(&json!({ "nettest_name": name, "targets": [] }));
    for name in ["telegram", "telegram@v0"] {
        let run = of(name);
        assert_eq!(
            (run.nettest_name.as_str(), run.major, run.known),
            ("telegram", 0, Ok(()))
        );
    }
    let newer = of("telegram@v1");
    assert_eq!((newer.nettest_name.as_str(), newer.major), ("telegram", 1));
    assert!(newer.known.is_err());
    assert_eq!(newer.targets, Targets::Unchecked);

    let mut newer_probe = Vocabulary::new();
    newer_probe
        .add_nettest("telegram", 1, InputPolicy::None, None)
        .unwrap();
    let known = |name: &str| {
        let text = json!({ "instructions": [{ "run": "nettest:run@v1", "with": { "nettest_name": name } }], "v": 2 });
        let parsed = parse("script.jsonc", text.to_string().as_bytes(), &newer_probe).unwrap();
        let [Instruction::RunNettest(run)] = parsed.script.instructions.as_slice() else {
            panic!()
        };
        run.known.is_ok()
    };
    assert!(known("telegram@v1"));
    assert!(!known("telegram") && !known("telegram@v0") && !known("telegram@v2"));
}

#[test]
fn the_targets_of_an_unknown_nettest_are_not_looked_at_and_its_other_arguments_are() {
    let run = run(&json!({
        "nettest_name": "torsf", "suite_name": "circumvention", "report_id": "x", "targets": { "any": ["shape"] },
    }));
    assert_eq!(
        (run.suite_name.as_str(), run.report_id.as_deref()),
        ("circumvention", Some("x"))
    );
    assert_eq!(run.targets, Targets::Unchecked);
}

#[test]
fn arguments_of_a_nettest_may_be_missing() {
    let run = run(&json!({ "nettest_name": "telegram", "report_id": "" }));
    assert_eq!((run.suite_name.as_str(), run.report_id), ("", None));
    assert!(run.annotations.is_empty() && run.feature_flags.is_empty() && run.test_helpers.is_empty());
    assert_eq!(run.targets, Targets::Mini(vec![]));
}

#[test]
fn feature_flags_have_two_names() {
    let flags = |name: &str| {
        run(&json!({ "nettest_name": "telegram", name: { "a": true, "b": false } })).feature_flags
    };
    assert_eq!(flags("feature_flags"), flags("experimental_flags"));
    assert_eq!(flags("feature_flags").get("a"), Some(&true));
    assert_eq!(flags("feature_flags").get("b"), Some(&false));
}

#[test]
fn options_are_known_by_both_their_names_and_kept_under_oonis() {
    let targets = generic(&json!([
        { "input": "https://example.com/", "options": { "TLSServerName": "x.example", "NoTLSVerify": true } },
        { "url": "https://example.com/", "options": { "tls_server_name": "x.example", "no_tls_verify": true } },
    ]));
    assert_eq!(targets[0], targets[1]);
    assert_eq!(
        Value::from(targets[0].options.clone()),
        json!({ "TLSServerName": "x.example", "NoTLSVerify": true })
    );
}

#[test]
fn an_option_without_effect_would_be_a_lie() {
    let targets = generic(&json!([
        { "input": "https://example.com/", "options": { "HTTP3Enabled": true, "HTTPHost": "x.example" } },
        { "input": "https://example.com/", "options": { "HTTP3Enabled": false, "HTTPHost": "x.example" } },
        { "input": "https://example.com/", "options": { "httphost": "x.example" } },
        { "input": "https://example.com/", "secret_options": { "Token": "x" } },
        { "input": "https://example.com/", "secret_options": {} },
    ]));
    let skipped: Vec<bool> = targets.iter().map(|target| target.skipped.is_some()).collect();
    assert_eq!(skipped, [true, false, true, true, false]);
    assert_eq!(
        Value::from(targets[1].options.clone()),
        json!({ "HTTPHost": "x.example" })
    );
}

#[test]
fn an_argument_without_effect_would_be_a_lie_as_well() {
    let targets = mini(&json!([
        { "run": "dns-lookup@v1", "with": { "domain": "example.com", "resolver": "192.0.2.53" } },
        { "run": "dns-lookup@v1", "with": { "domain": "example.com", "resolver": "" } },
    ]));
    assert!(targets[0].skipped.as_deref().unwrap().contains("resolver"));
    assert_eq!(targets[1].skipped, None);
    assert_eq!(
        Value::from(targets[1].with.clone()),
        json!({ "domain": "example.com" })
    );
}

#[test]
fn attributes_are_for_the_user_interface_and_may_stand_beside_a_url() {
    let targets = generic(&json!([
        { "input": "https://example.com/", "attributes": { "category_code": "MMED", "country_code": "XX" } },
        { "input": "https://example.com/", "ui_attributes": { "category_code": "MMED", "country_code": "XX" } },
        { "url": "https://example.com/", "category_code": "MMED", "country_code": "XX" },
    ]));
    assert_eq!(targets[0], targets[1]);
    assert_eq!(targets[0], targets[2]);
    assert_eq!(targets[0].attributes.len(), 2);
}

#[test]
fn a_nettest_that_can_do_without_an_input_runs_once_when_there_are_no_targets() {
    for with in [
        json!({ "nettest_name": "stunreachability" }),
        json!({ "nettest_name": "stunreachability", "targets": [] }),
    ] {
        assert_eq!(run(&with).targets, Targets::Generic(vec![Target::default()]));
    }
}

#[test]
fn a_whole_number_is_whole_however_it_is_written() {
    let port = |written: &str| {
        let text = format!(
            r#"{{ "instructions": [{{ "run": "nettest:run@v1", "with": {{ "nettest_name": "telegram", "targets": [
                {{ "run": "tcp-connect-domain@v1", "with": {{ "domain": "example.com", "port": {written} }} }}] }} }}], "v": 2.0 }}"#
        );
        let script = read(&text).script;
        let [Instruction::RunNettest(run)] = script.instructions.as_slice() else {
            panic!()
        };
        let Targets::Mini(targets) = &run.targets else {
            panic!()
        };
        targets[0].with["port"].as_u64()
    };
    for written in ["443", "443.0", "4.43e2", "44300E-2"] {
        assert_eq!(port(written), Some(443), "{written}");
    }
}

#[test]
fn tags_are_taken_out_of_the_arguments_and_an_id_is_a_tag() {
    let targets = mini(&json!([
        { "run": "dns-lookup@v1", "with": { "domain": "example.com", "tags": ["a", "b"] } },
        { "id": "a", "run": "dns-lookup@v1", "with": { "domain": "example.com" } },
        { "run": "dns-lookup@v1", "with": { "domain": "example.com" } },
    ]));
    let tags: Vec<usize> = targets.iter().map(|target| target.tags.len()).collect();
    assert_eq!(tags, [2, 1, 0]);
    for target in &targets {
        assert_eq!(
            Value::from(target.with.clone()),
            json!({ "domain": "example.com" })
        );
    }
    assert_eq!(
        targets[0].to_json(),
        json!({ "run": "dns-lookup@v1", "with": { "domain": "example.com" }, "tags": ["a", "b"] })
    );
}

#[test]
fn a_mini_nettest_without_a_version_is_version_one_in_the_later_spelling_only() {
    let targets = mini(&json!([
        { "run_mini_nettest": "dns-lookup", "with_target": { "domain": "example.com" } },
        { "run_command": "dns-lookup", "with_arguments": { "domain": "example.com" } },
        { "run_mini_nettest": "dns-lookup@v1", "with_target": { "domain": "example.com" } },
        { "run": "dns-lookup", "with": { "domain": "example.com" } },
        { "run_mini_nettest": "dns-lookup@v2", "with_target": {} },
    ]));
    assert_eq!(targets[0].run, "dns-lookup@v1");
    assert!(
        targets[..3]
            .iter()
            .all(|target| *target == targets[0] && target.skipped.is_none())
    );
    assert!(targets[3..].iter().all(|target| target.skipped.is_some()));
}

#[test]
fn test_helpers_of_the_script_are_for_nettests_without_their_own() {
    let text = r#"{
        "config": { "test_helpers": { "tcp-echo": [{ "address": "192.0.2.1", "type": "legacy" }] } },
        "commands": [
            { "run_command": "nettest/run", "with_arguments": { "nettest_name": "telegram" } },
            { "run_command": "nettest/run", "with_arguments": { "nettest_name": "telegram",
                "test_helpers": { "web": [{ "address": "https://th.example", "type": "cloudfront", "front": "cdn.example" }] } } },
        ],
    }"#;
    let Parsed { script, warnings } = read(text);
    assert_eq!(warnings.warnings(), 1, "only the missing `v`: {warnings}");
    let [Instruction::RunNettest(first), Instruction::RunNettest(second)] = script.instructions.as_slice()
    else {
        panic!("{script:?}")
    };
    assert_eq!(first.test_helpers["tcp-echo"][0].address, "192.0.2.1");
    assert_eq!(second.test_helpers.keys().collect::<Vec<_>>(), ["web"]);
    assert_eq!(
        second.test_helpers["web"][0].front.as_deref(),
        Some("cdn.example")
    );
}

#[test]
fn a_vocabulary_has_one_version_of_a_name_and_valid_schemas() {
    let mut vocabulary = Vocabulary::new();
    vocabulary
        .add_nettest("telegram", 0, InputPolicy::None, None)
        .unwrap();
    let twice = vocabulary.add_nettest("telegram", 1, InputPolicy::None, None);
    assert!(matches!(twice, Err(VocabularyError::Twice { name }) if name == "telegram"));
    let schema = vocabulary.add_mini_nettest("dns-lookup", 1, Some(&json!({ "type": "strin" })));
    assert!(matches!(schema, Err(VocabularyError::Schema { name, .. }) if name == "dns-lookup"));
}
