//! Where one measurement may go: from its target, the script's helpers, the module's manifest and the user's settings.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use netsonde_net::{Destinations, Named, Networks, Pace, Rules, Scope};
use netsonde_sandbox::Manifest;
use netsonde_script::TestHelper;
use serde_json::Value;

/// The members of a target's document that name destinations.
const NAMING: [&str; 3] = ["input", "options", "targets"];

/// The destinations of a measurement. The device's networks are asked for each time: devices move. `own` are the probe's
/// public addresses: from inside, the router at home answers there, often with the page that sets it up.
pub(crate) fn destinations(
    manifest: &Manifest,
    target: &Value,
    helpers: &BTreeMap<String, Vec<TestHelper>>,
    allowed: BTreeSet<Scope>,
    own: &BTreeSet<IpAddr>,
    pace: &Pace,
) -> Result<Destinations, String> {
    let networks = Networks::of_this_device()
        .map_err(|error| format!("find out which networks this device is in: {error}"))?;
    Ok(Destinations::Ruled(Box::new(Rules {
        classes: manifest.destinations.keys().copied().collect(),
        targets: targets(target),
        helpers: named_by(helpers),
        fixed: manifest.fixed.clone(),
        allowed,
        networks: networks.and(own.iter().copied()),
        pace: pace.clone(),
    })))
}

/// Whatever a target names, wherever in it.
fn targets(target: &Value) -> Named {
    let mut named = Named::default();
    for value in NAMING.iter().filter_map(|member| target.get(member)) {
        texts(value, &mut |text| named.add_text(text));
    }
    named
}

fn texts(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn named_by(helpers: &BTreeMap<String, Vec<TestHelper>>) -> Named {
    let mut named = Named::default();
    for helper in helpers.values().flatten() {
        named.add_text(&helper.address);
        helper.front.iter().for_each(|front| named.add_text(front));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_target_names_its_input_its_options_and_what_its_mini_nettests_are_given() {
        let named = targets(&json!({
            "input": "https://example.org/",
            "options": {"ResolverURL": "udp://8.8.8.8:53", "http_host": "front.example"},
            "attributes": {"x": "attribute.example"},
            "targets": [
                {"run": "http-address@v1", "with": {"ip_address": "192.0.2.1", "port": 80}},
                {"run": "https-domain@v1", "with": {"domain": "example.com", "more": ["[2001:db8::1]:443"]}},
            ],
        }));
        for name in ["example.org", "front.example", "example.com"] {
            assert!(named.names.contains(name), "{name}");
        }
        assert!(!named.names.contains("attribute.example"));
        let addresses: Vec<_> = named.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["8.8.8.8", "192.0.2.1", "2001:db8::1"]);
    }
}
