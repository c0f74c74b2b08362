//! Which script the registries say to run, and what an app wants to know of it before it runs.

use netsonde_data::location::Locations;
use netsonde_feed::Feed;
use netsonde_probe::catalog::Catalog;
use netsonde_probe::checkin::{self, Chosen};
use netsonde_probe::now;
use netsonde_probe::settings::Policy;
use netsonde_script::{Instruction, NettestRun, Parsed, Targets};
use serde_json::{Value, json};

use crate::device::Phone;
use crate::home;
use crate::settings::Settings;

/// What came of a check-in.
pub(crate) struct CheckedIn {
    pub(crate) chosen: Chosen,
    pub(crate) parsed: Parsed,
    pub(crate) catalog: Catalog,
    pub(crate) feeds: Vec<Feed>,
}

/// What a script is called in messages.
pub(crate) fn name(chosen: &Chosen) -> String {
    match &chosen.by {
        Some(by) => format!("{} of {}", by.script, by.registry),
        None => chosen.how.for_people().to_owned(),
    }
}

/// Ask the registries what to run. With `ring0`, fetch what is missing here.
pub(crate) fn check_in(
    settings: &Settings,
    phone: &Phone,
    locations: &Locations,
    (mut catalog, mut feeds): (Catalog, Vec<Feed>),
    ring0: bool,
    tell: &mut dyn FnMut(String),
) -> Result<CheckedIn, String> {
    let mut attributes = checkin::attributes(locations, settings.run_type);
    let software = settings.software()?;
    (attributes.software_name, attributes.software_version) = (software.name, software.version);
    phone.describe(&mut attributes);
    let chosen = checkin::check_in(&mut feeds, &attributes, now(), &|text| {
        home::parse("script", text, &catalog).map(drop)
    });
    for line in chosen.problems.iter().chain(&chosen.passed_over) {
        tell(line.clone());
    }
    let read = feeds.iter().try_for_each(Feed::check_read);
    read.map_err(|error| error.to_string())?;
    let mut parsed = home::parse(&name(&chosen), &chosen.text, &catalog)?;
    if ring0 && home::fetch(&parsed.script, &mut catalog, &feeds, tell) {
        parsed = home::parse(&name(&chosen), &chosen.text, &catalog)?;
    }
    Ok(CheckedIn {
        chosen,
        parsed,
        catalog,
        feeds,
    })
}

/// What an app learns of a check-in. The catalog is watched by the registries.
pub(crate) fn answer(
    chosen: &Chosen,
    parsed: &Parsed,
    catalog: &Catalog,
    policy: &Policy,
    problems: &[String],
) -> Value {
    let by = chosen.by.as_ref();
    let nettests: Vec<&NettestRun> = parsed
        .script
        .instructions
        .iter()
        .filter_map(|instruction| match instruction {
            Instruction::RunNettest(nettest) => Some(nettest),
            _ => None,
        })
        .collect();
    let urls = nettests
        .iter()
        .filter(|nettest| nettest.nettest_name == "web_connectivity");
    let urls: Vec<Value> = urls.flat_map(|nettest| targets(nettest, "url")).collect();
    let all_problems: Vec<&String> = problems.iter().chain(&chosen.problems).collect();
    json!({
        "how": chosen.how.as_str(),
        "registry": by.map(|by| &by.registry),
        "log": by.map(|by| &by.log),
        "script_name": by.map(|by| &by.script),
        "index": by.and_then(|by| by.index),
        "rule": by.and_then(|by| by.rule),
        "script_sha256": chosen.sha256(),
        "script": String::from_utf8_lossy(&chosen.text),
        "nettests": nettests.iter().map(|nettest| {
            let why = why_not(nettest, catalog, policy);
            json!({
                "suite_name": nettest.suite_name,
                "nettest_name": nettest.nettest_name,
                "runs": why.is_none(),
                "why_not": why,
                "targets": targets(nettest, "input"),
            })
        }).collect::<Vec<_>>(),
        "tests": {"web_connectivity": {"urls": urls}},
        "passed_over": chosen.passed_over,
        "problems": all_problems,
    })
}

/// The targets with an input that a nettest of a script has.
fn targets(nettest: &NettestRun, input: &str) -> Vec<Value> {
    let Targets::Generic(targets) = &nettest.targets else {
        return Vec::new();
    };
    let attribute = |target: &netsonde_script::Target, name: &str| target.attributes.get(name).cloned();
    targets
        .iter()
        .filter(|target| target.input.is_some())
        .map(|target| {
            json!({
                input: target.input,
                "category_code": attribute(target, "category_code"),
                "country_code": attribute(target, "country_code"),
            })
        })
        .collect()
}

/// Why a nettest would be skipped.
fn why_not(nettest: &NettestRun, catalog: &Catalog, policy: &Policy) -> Option<String> {
    let name = &nettest.nettest_name;
    let entry = || catalog.entries().find(|entry| entry.name == *name);
    let stopped = || {
        catalog.watch().nettest(name)?;
        match entry().map(|entry| (&entry.origin, &entry.manifest)) {
            Some((origin, Ok((_, digest)))) => catalog.watch().module(origin, digest.as_str()),
            Some((_, Err(why))) => Err(why.clone()),
            None => Ok(()),
        }
    };
    let may = nettest.known.clone();
    may.and_then(|()| policy.nettest(&nettest.suite_name, name))
        .and_then(|()| stopped())
        .err()
}
