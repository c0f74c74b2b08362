use super::*;

const TELEGRAM: &str = r#"
name = "telegram"
version = "0.3.1"
kind = "nettest"
summary = "Reachability of Telegram"
authors = ["somebody"]
licence = "MIT OR Apache-2.0"
source = "guests/telegram"
input = "none"

[capabilities]
mini = "one mini nettest for each data centre"

[destinations]
targets = "what the script names"

[destinations.fixed]
reason = "where the script names none"
endpoints = ["192.0.2.1", "Web.telegram.org"]

[budget]
wall_clock_s = 60

[options]
type = "object"
[options.properties.Zeta]
type = "string"
json_name = "zeta"
[options.properties.Alpha]
type = "boolean"

[summary_keys]
anomaly = ["telegram_http_blocking"]
telegram_http_blocking = "data centres unreachable over HTTP"

[extensions]
dnst = 0
"#;

fn parse(text: &str) -> Result<Manifest, ModuleError> {
    Draft::parse("telegram", text)?.finish("telegram")
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_nettest_is_named_as_measurements_are() {
    let of = |kind: &str| {
        format!("name = \"tele-gram\"\nversion = \"0.1.0\"\nkind = \"{kind}\"\nsummary = \"x\"\n")
    };
    let rest = "authors = [\"somebody\"]\nlicence = \"MIT\"\nsource = \"x\"\n";
    let read =
        |kind| Draft::parse("guest", &format!("{}{rest}", of(kind))).and_then(|draft| draft.finish("guest"));
    let refused = read("nettest").unwrap_err().to_string();
    assert!(refused.contains("write `_` in its place"), "{refused}");
    assert!(read("mini-nettest").is_ok(), "{:?}", read("mini-nettest"));
}

#[test]
fn a_manifest_reads_as_written() {
    let manifest = parse(TELEGRAM).unwrap();
    assert_eq!(manifest.version.to_string(), "0.3.1");
    assert_eq!(manifest.kind, Kind::Nettest);
    assert_eq!(
        manifest.capabilities.keys().copied().collect::<Vec<_>>(),
        [Capability::Mini]
    );
    assert_eq!(manifest.budget.wall_clock_s, Some(60));
    assert_eq!(
        manifest.destinations.keys().copied().collect::<Vec<_>>(),
        [Class::Targets, Class::Fixed]
    );
    assert!(manifest.fixed.names.contains("web.telegram.org") && manifest.fixed.addresses.len() == 1);
    assert_eq!(manifest.summary_keys.anomaly, ["telegram_http_blocking"]);
    assert_eq!(manifest.summary_keys.texts.len(), 1);
    assert_eq!(manifest.extensions["dnst"], 0);
    let options = manifest.options.unwrap();
    let names: Vec<_> = options["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Zeta", "Alpha"], "options stay in the order of the file");
}

#[test]
fn errors_point_at_the_place() {
    let text = error(&TELEGRAM.replace("\"0.3.1\"", "\"0.3\""));
    assert!(
        text.contains("telegram") && text.contains("line 3, column 11"),
        "{text}"
    );
    assert!(text.contains("is not a version"), "{text}");
    let text = error(&TELEGRAM.replace("wall_clock_s", "wall_clok_s"));
    assert!(
        text.contains("line 22, column 1") && text.contains("wall_clok_s"),
        "{text}"
    );
    let text = error("name = ");
    assert!(text.contains("line 1, column"), "{text}");
}

#[test]
fn what_a_kind_can_not_have_is_refused() {
    let mini = TELEGRAM.replace("kind = \"nettest\"", "kind = \"mini-nettest\"");
    assert!(
        error(&mini).contains("a mini nettest has `with`"),
        "{}",
        error(&mini)
    );
    let mini = mini.replace("[options", "[with").replace("input = \"none\"", "");
    assert!(
        error(&mini).contains("can not run mini nettests"),
        "{}",
        error(&mini)
    );
    assert!(error(&TELEGRAM.replace("[options", "[with")).contains("a nettest has `options`"));
    let mini = mini.replace("mini = \"one", "dns = \"one");
    assert!(
        error(&mini).contains("where its caller may go"),
        "{}",
        error(&mini)
    );
    for ask in ["queries = 1", "observations = 1", "ports = 1"] {
        let mini = mini.replace("wall_clock_s = 60", ask);
        assert!(error(&mini).contains("is its caller's"), "{}", error(&mini));
    }
}

#[test]
fn a_capability_that_is_not_known_is_refused_by_name() {
    let text = error(&TELEGRAM.replace("mini = ", "teleport = "));
    assert!(text.contains("telegram") && text.contains("`teleport`"), "{text}");
}

#[test]
fn destinations_that_make_no_sense_are_refused() {
    for (from, to, says) in [
        (
            "targets =",
            "everything =",
            "no class of destinations named `everything`",
        ),
        ("targets =", "fixed =", "line"),
        ("\"192.0.2.1\"", "\"192.0.2.1:443\"", "`192.0.2.1:443` is neither"),
        (
            "[destinations.fixed]",
            "[destinations.helpers]",
            "takes a reason and nothing else",
        ),
        ("targets = \"what", "any = 3 # \"what", "`reason` and `endpoints`"),
    ] {
        let text = error(&TELEGRAM.replace(from, to));
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn names_are_plain() {
    for name in ["", "Telegram", "a b", "../x"] {
        let text = error(&TELEGRAM.replacen("\"telegram\"", &format!("\"{name}\""), 1));
        assert!(text.contains("is not a name"), "{text}");
    }
}
