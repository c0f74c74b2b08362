//! The suite for everybody: each kind of interference, with example.com and with what the module's manifest lists.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use netsonde_probe::sandbox::{InputPolicy, Inside, Kind, Manifest};
use serde_json::{Map, Value, json};

use super::linux::Suite;

/// Where the probe is.
pub(super) const LOCATION: &str = include_str!("../../../../../../examples/scripts/location.jsonc");

const WORLD: &str = include_str!("scenarios/world.toml");

/// What the censor does to example.com.
const SCENARIOS: [(&str, &str); 9] = [
    ("clean", ""),
    ("dns-nxdomain", include_str!("scenarios/dns-nxdomain.toml")),
    ("dns-forged", include_str!("scenarios/dns-forged.toml")),
    ("tcp-refused", include_str!("scenarios/tcp-refused.toml")),
    ("blackhole", include_str!("scenarios/blackhole.toml")),
    ("tls-reset", include_str!("scenarios/tls-reset.toml")),
    ("http-blockpage", include_str!("scenarios/http-blockpage.toml")),
    ("cut", include_str!("scenarios/cut.toml")),
    ("throttled", include_str!("scenarios/throttled.toml")),
];

const NAME: &str = "example.com";
const ADDRESS: &str = "23.192.228.80";
/// What a nettest that takes inputs measures.
const INPUTS: [&str; 2] = ["https://example.com/", "http://example.com/"];
/// The nettest that runs a mini nettest. What it makes of it says nothing.
const CARRIER: &str = "telegram";
/// The suite that the script puts it in.
const SUITE: &str = "experimental";
/// What mini nettests call what they measure.
const ARGUMENTS: [(&str, &str); 4] = [
    ("domain", NAME),
    ("hostname", NAME),
    ("ip_address", ADDRESS),
    ("url", "https://example.com/"),
];
/// Names that get an address in the suite.
const MOST_NAMES: usize = 250;

/// The suite of a module, in `folder`; or why there is none.
pub(super) fn suite(inside: &Inside, folder: &Path) -> anyhow::Result<Result<Suite, String>> {
    let script = match script(&inside.manifest) {
        Ok(script) => script,
        Err(why) => return Ok(Err(why)),
    };
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        anyhow::Ok(path)
    };
    write("script.jsonc", &script.to_string())?;
    write("location.jsonc", LOCATION)?;
    let hosts = hosts(&inside.manifest);
    let mut scenarios = Vec::new();
    for (name, rules) in SCENARIOS {
        let path = write(&format!("{name}.toml"), &scenario(&hosts, rules))?;
        scenarios.push((name.to_owned(), path));
    }
    Ok(Ok(Suite {
        folder: folder.to_owned(),
        scenarios,
        expected: BTreeMap::new(),
        is_guessed: true,
        has_verdict: inside.manifest.kind == Kind::Nettest,
    }))
}

/// What the manifest lists, as hosts: the name and the address of each.
fn hosts(manifest: &Manifest) -> Vec<(String, String)> {
    let fixed = &manifest.fixed;
    let free = (1..=MOST_NAMES).map(|last| format!("93.184.216.{last}"));
    let names = fixed.names.iter().cloned().zip(free);
    let addresses = fixed.addresses.iter().zip(1_usize..);
    let addresses = addresses.map(|(address, number)| (format!("fixed-{number}.test"), address.to_string()));
    names
        .chain(addresses)
        .filter(|(name, address)| {
            !WORLD.contains(&format!("\"{name}\"")) && !WORLD.contains(&format!("\"{address}\""))
        })
        .collect()
}

/// A world with these hosts too, and rules for each host as they are for example.com.
fn scenario(hosts: &[(String, String)], rules: &str) -> String {
    let mut text = WORLD.to_owned();
    for (name, address) in hosts {
        // Writing to a string can not fail.
        let _ = write!(
            text,
            "\n[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\nhttp = [80]\nhttps = [443]\nhttp3 = [443]\nbody_bytes = 100000\n"
        );
    }
    let of = |name: &str, address: &str| format!("\n{}", rules.replace(NAME, name).replace(ADDRESS, address));
    text += &of(NAME, ADDRESS);
    for (name, address) in hosts {
        text += &of(name, address);
    }
    text
}

/// A script that runs the module.
fn script(manifest: &Manifest) -> Result<Value, String> {
    let name = match manifest.version.major {
        0 => manifest.name.clone(),
        major => format!("{}@v{major}", manifest.name),
    };
    let with = match manifest.kind {
        Kind::MiniNettest => {
            let mut arguments = arguments(manifest.target.as_ref(), "with")?;
            arguments.insert("tags".to_owned(), json!(["check"]));
            json!({"nettest_name": CARRIER, "suite_name": SUITE, "targets": [{"run": name, "with": arguments}]})
        }
        Kind::Nettest if manifest.input == InputPolicy::None => {
            json!({"nettest_name": name, "suite_name": SUITE})
        }
        Kind::Nettest => {
            let options = arguments(manifest.options.as_ref(), "options")?;
            let targets = INPUTS.map(|input| json!({"input": input, "options": options}));
            json!({"nettest_name": name, "suite_name": SUITE, "targets": targets})
        }
    };
    Ok(json!({"v": 2, "instructions": [{"run": "nettest:run@v1", "with": with}]}))
}

/// What is given to a module whose arguments, or options, have this schema.
fn arguments(schema: Option<&Value>, table: &str) -> Result<Map<String, Value>, String> {
    let example = |schema: &Value| schema.pointer("/examples/0").cloned();
    let Some(schema) = schema else {
        return Ok(Map::new());
    };
    if let Some(Value::Object(arguments)) = example(schema) {
        return Ok(arguments);
    }
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    required
        .map(|name| {
            let property = schema.pointer(&format!("/properties/{name}")).unwrap_or(&Value::Null);
            let known = || ARGUMENTS.iter().find(|(known, _)| *known == name).map(|(_, value)| json!(value));
            let given = example(property)
                .or_else(|| property.get("default").cloned())
                .or_else(known)
                .or_else(|| (name == "port").then(|| json!(443)));
            match given {
                Some(value) => Ok((name.to_owned(), value)),
                None => Err(format!(
                    "nobody knows what to give for `{name}`: add examples = [VALUE] to [{table}.properties.{name}], or check \
                     with scenarios and a script of your own (--suite DIR)"
                )),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use netsonde_lab::Scenario;

    use super::*;

    #[test]
    fn every_scenario_can_be_read_with_the_hosts_of_a_manifest() {
        let hosts = [("chat.example".to_owned(), "93.184.216.1".to_owned())];
        for (name, rules) in SCENARIOS {
            let text = scenario(&hosts, rules);
            let read = Scenario::from_toml(name, &text).unwrap();
            let wanted = 2 * rules.matches("[[rule]]").count();
            assert_eq!(read.rules.len(), wanted, "{name}");
        }
    }

    #[test]
    fn arguments_are_examples_defaults_or_what_everybody_calls_them() {
        let schema = json!({
            "required": ["domain", "port", "path", "word"],
            "properties": {"domain": {}, "path": {"default": "/"}, "word": {"examples": ["a", "b"]}},
        });
        let given = Value::Object(arguments(Some(&schema), "with").unwrap());
        assert_eq!(
            given,
            json!({"domain": NAME, "port": 443, "path": "/", "word": "a"})
        );
        let whole = json!({"required": ["x"], "examples": [{"x": 1}]});
        assert_eq!(arguments(Some(&whole), "with").unwrap()["x"], 1);
        let odd = json!({"required": ["mode"], "properties": {"mode": {"type": "string"}}});
        let error = arguments(Some(&odd), "options").unwrap_err();
        assert!(error.contains("[options.properties.mode]"), "{error}");
    }
}
