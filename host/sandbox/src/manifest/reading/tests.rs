use serde_json::json;

use super::*;
use crate::manifest::{Draft, Manifest};

const HEAD: &str = r#"
name = "x"
version = "0.1.0"
kind = "nettest"
summary = "x"
authors = ["somebody"]
licence = "MIT"
source = "x"

[summary_keys]
blocking = "how it is blocked"
failure = "why it failed"
flags = "what was seen"
web = "the web client's failure"
"#;

fn manifest(readings: &str) -> Result<Manifest, String> {
    let draft = Draft::parse("x", &format!("{HEAD}{readings}")).map_err(|error| error.to_string())?;
    draft.finish("x").map_err(|error| error.to_string())
}

/// What one reading says about some keys.
fn told(readings: &str, test_keys: &Value) -> Option<(Verdict, String)> {
    let manifest = manifest(readings).unwrap();
    let told = Told::of(&manifest.readings, test_keys.as_object().unwrap())?;
    Some((told.verdict, told.says))
}

fn holds(when: &str, test_keys: &Value) -> bool {
    told(
        &format!("[[reading]]\nverdict = \"fine\"\nwhen = {when}\n"),
        test_keys,
    )
    .is_some()
}

#[test]
fn conditions_hold_where_they_say() {
    for (when, yes, no) in [
        (
            "{ blocking = \"dns\" }",
            json!({"blocking": "dns"}),
            json!({"blocking": "tcp_ip"}),
        ),
        (
            "{ blocking = false }",
            json!({"blocking": false}),
            json!({"blocking": null}),
        ),
        ("{ flags = 3 }", json!({"flags": 3}), json!({"flags": "3"})),
        (
            "{ blocking = [\"a\", false] }",
            json!({"blocking": false}),
            json!({"blocking": "b"}),
        ),
        (
            "{ failure = { is = \"text\" } }",
            json!({"failure": "eof_error"}),
            json!({"failure": null}),
        ),
        (
            "{ failure = { is = \"null\" } }",
            json!({}),
            json!({"failure": ""}),
        ),
        (
            "{ failure = { starts = \"ssl_\" } }",
            json!({"failure": "ssl_x"}),
            json!({"failure": "an ssl_x"}),
        ),
        (
            "{ flags = { has = 5 } }",
            json!({"flags": 7}),
            json!({"flags": 4}),
        ),
        (
            "{ flags = { lacks = 5 } }",
            json!({"flags": 2}),
            json!({"flags": 3}),
        ),
        (
            "{ flags = { has = 1, lacks = 2 } }",
            json!({"flags": 1}),
            json!({"flags": 3}),
        ),
        (
            "{ flags = 1, blocking = \"dns\" }",
            json!({"flags": 1, "blocking": "dns"}),
            json!({"flags": 1}),
        ),
    ] {
        assert!(holds(when, &yes), "{when} {yes}");
        assert!(!holds(when, &no), "{when} {no}");
    }
    assert!(
        !holds("{ flags = { lacks = 1 } }", &json!({})),
        "what is unknown lacks nothing"
    );
    assert!(holds("{}", &json!({})));
}

const TWO_THINGS: &str = r#"
[[reading]]
about = "the site"
verdict = "anomaly"
when = { blocking = { is = "text" }, flags = { has = 1 } }
says = "the answer is private"

[[reading]]
about = "the site"
verdict = "anomaly"
when = { blocking = { is = "text" } }
says = "it is blocked by {blocking} ({flags}, {failure})"

[[reading]]
about = "the site"
verdict = "fine"
when = { blocking = false }

[[reading]]
about = "the web client"
verdict = "unmeasured"
when = { web = { is = "null" } }
says = "the web client was not tried"

[[reading]]
about = "the web client"
verdict = "anomaly"
when = { web = { is = "text" } }
says = "the web client fails: {web}"
"#;

#[test]
fn the_first_that_holds_about_a_thing_is_told_and_the_gravest_verdict_counts() {
    for (test_keys, verdict, says) in [
        (
            json!({"blocking": "dns", "flags": 1, "web": "a"}),
            Verdict::Anomaly,
            "the answer is private; the web client fails: a",
        ),
        (
            json!({"blocking": "dns", "flags": 2}),
            Verdict::Anomaly,
            "it is blocked by dns (2, null)",
        ),
        (
            json!({"blocking": false, "web": "eof"}),
            Verdict::Anomaly,
            "the web client fails: eof",
        ),
        (
            json!({"blocking": false}),
            Verdict::Unmeasured,
            "the web client was not tried",
        ),
        (json!({"blocking": false, "web": false}), Verdict::Fine, ""),
    ] {
        let expected = Some((verdict, says.to_owned()));
        assert_eq!(told(TWO_THINGS, &test_keys), expected, "{test_keys}");
    }
    assert_eq!(told(TWO_THINGS, &json!({"web": 1})), None, "nothing holds");
}

#[test]
fn what_is_wrong_with_a_reading_is_said_with_its_place_and_a_remedy() {
    let reading =
        |rest: &str| manifest(&format!("\n[[reading]]\nverdict = \"anomaly\"\n{rest}\n")).unwrap_err();
    for (rest, says) in [
        (
            "when = { flag = 1 }\nsays = \"a\"",
            "uses `flag`, which is none of `summary_keys`: correct the name",
        ),
        ("when = { flags = 1 }\nsays = \"{flgs}\"", "uses `flgs`"),
        (
            "when = { flags = 1 }\nsays = \"{flags\"",
            "a brace without its twin",
        ),
        (
            "when = { flags = 1 }\nsays = \"flags}\"",
            "a brace without its twin",
        ),
        ("when = { flags = 1 }", "needs `says`"),
        ("when = { flags = {} }\nsays = \"a\"", "`when.flags` says nothing"),
    ] {
        let error = reading(rest);
        assert!(
            error.contains(says) && error.contains("line 16, column 1"),
            "{rest}: {error}"
        );
    }
    for (rest, says) in [
        ("when = { flags = { hass = 1 } }\nsays = \"a\"", "`has`"),
        ("when = { flags = 1.5 }\nsays = \"a\"", "expected a value"),
        ("says = \"a\"", "`when`"),
        ("when = {}\nsays = \"a\"\nsay = \"b\"", "`say`"),
    ] {
        let error = reading(rest);
        assert!(
            error.contains(says) && error.contains(", line "),
            "{rest}: {error}"
        );
    }
    let verdict = manifest("\n[[reading]]\nverdict = \"bad\"\nwhen = {}\n").unwrap_err();
    assert!(
        verdict.contains("fine") && verdict.contains("line 17"),
        "{verdict}"
    );
}

#[test]
fn a_mini_nettest_has_no_verdict() {
    let text =
        HEAD.replace("\"nettest\"", "\"mini-nettest\"") + "[[reading]]\nverdict = \"fine\"\nwhen = {}\n";
    let error = Draft::parse("x", &text)
        .unwrap()
        .finish("x")
        .unwrap_err()
        .to_string();
    assert!(error.contains("take `reading` out"), "{error}");
}
