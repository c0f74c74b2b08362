//! `netsonde checkin`: what `run` would run and why.

use netsonde_data::location::Locations;
use netsonde_feed::Feed;
use netsonde_probe::checkin::{Chosen, attributes, check_in};
use netsonde_probe::now;
use netsonde_script::{Instruction, Parsed, Targets};
use serde_json::{Value, json};

use crate::args::Checkin;
use crate::command::running::settings;
use crate::command::{Modules, feeds, read};
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print, tell};

/// Check in, and say what came of it: on standard output for people, or with `--json` as one object.
pub(crate) fn run(args: &Checkin, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    let stderr = Stderr::new();
    log::start(verbose, None, &stderr)?;
    let settings = settings(args.settings_file.as_deref())?;
    let locations = match &args.location_file {
        Some(path) => {
            match netsonde_script::parse_locations(&path.display().to_string(), &read("location", path)?) {
                Ok(locations) => locations,
                Err(errors) => {
                    stderr.line(&errors.render(true));
                    return Ok(Exit::Failed);
                }
            }
        }
        None => Locations::default(),
    };
    let mut feeds = feeds()?;
    let modules = Modules::new(&args.modules, &feeds)?;
    let attributes = attributes(&locations, args.run_mode.into());
    let chosen = check_in(&mut feeds, &attributes, now(), &|text| modules.check(text));
    if let Err(forgotten) = feeds.iter().try_for_each(Feed::check_read) {
        explain(&chosen);
        return Err(forgotten.into());
    }
    let parsed = match modules.parse(&name(&chosen), &chosen.text)? {
        Ok(parsed) => parsed,
        Err(errors) => {
            stderr.line(&errors.render(true));
            return Ok(Exit::Failed);
        }
    };
    let named = named(&parsed, &modules, &feeds, settings.registry.ring0);
    if json {
        print(&object(&chosen, &named).to_string())?;
        return Ok(Exit::Done);
    }
    explain(&chosen);
    for (name, state) in &named {
        print(&plain(&format!("  {name}: {state}")))?;
    }
    Ok(Exit::Done)
}

/// What a script is called in messages.
pub(crate) fn name(chosen: &Chosen) -> String {
    match &chosen.by {
        Some(by) => format!("{} of {}", by.script, by.registry),
        None => chosen.how.for_people().to_owned(),
    }
}

/// Say which script was chosen, and why none before it.
pub(crate) fn explain(chosen: &Chosen) {
    for problem in &chosen.problems {
        tell(&plain(problem));
    }
    for why in &chosen.passed_over {
        tell(&plain(&format!("not {why}")));
    }
    let how = chosen.how.for_people();
    let digest = chosen.sha256();
    tell(&plain(&match &chosen.by {
        Some(by) => {
            let rule = by
                .rule
                .map_or("no table".to_owned(), |rule| format!("rule {rule}"));
            let leaf = by
                .index
                .map(|index| format!(", leaf {index}"))
                .unwrap_or_default();
            format!(
                "runs {how}: `{}` of {} ({rule}{leaf}, sha256:{digest})",
                by.script, by.registry
            )
        }
        None => format!("runs {how} (sha256:{digest})"),
    }));
}

/// The nettests and mini nettests that a script names, each with what would become of it.
fn named(parsed: &Parsed, modules: &Modules, feeds: &[Feed], ring0: bool) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for instruction in &parsed.script.instructions {
        let Instruction::RunNettest(nettest) = instruction else {
            continue;
        };
        let mut names = vec![(
            nettest.nettest_name.clone(),
            nettest.known.as_ref().err().cloned(),
        )];
        if let Targets::Mini(minis) = &nettest.targets {
            names.extend(minis.iter().map(|mini| (mini.run.clone(), mini.skipped.clone())));
        }
        for (name, skipped) in names {
            if all.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let state = match skipped {
                None => modules.state(&name),
                Some(why) => state_of_unknown(&name, &why, feeds, ring0),
            };
            all.push((name, state));
        }
    }
    all
}

#[cfg(feature = "install")]
fn state_of_unknown(name: &str, why: &str, feeds: &[Feed], ring0: bool) -> String {
    let bare = name.split_once('@').map_or(name, |(bare, _)| bare);
    let Ok(module) = bare.parse() else {
        return format!("skipped: {why}");
    };
    let mut of_last = None;
    for feed in feeds {
        match feed.client().newest(&module, now()) {
            Ok(release) if ring0 => {
                return format!("{} is fetched from {}", release.module.version, feed.name());
            }
            Ok(release) => {
                return format!(
                    "skipped: {} is to be had from {}, and the settings do not allow ring 0: netsonde install {module}",
                    release.module.version,
                    feed.name()
                );
            }
            Err(why) => of_last = Some(format!("{}: {why}", feed.name())),
        }
    }
    format!(
        "skipped: {why}{}",
        of_last.map(|last| format!("; {last}")).unwrap_or_default()
    )
}

#[cfg(not(feature = "install"))]
fn state_of_unknown(_: &str, why: &str, _: &[Feed], _: bool) -> String {
    format!("skipped: {why}")
}

fn object(chosen: &Chosen, named: &[(String, String)]) -> Value {
    let by = chosen.by.as_ref();
    json!({
        "how": chosen.how.as_str(),
        "sha256": chosen.sha256(),
        "registry": by.map(|by| &by.registry),
        "log": by.map(|by| &by.log),
        "script": by.map(|by| &by.script),
        "index": by.and_then(|by| by.index),
        "rule": by.and_then(|by| by.rule),
        "passed_over": chosen.passed_over,
        "problems": chosen.problems,
        "nettests": named.iter().map(|(name, state)| json!({"name": name, "state": state})).collect::<Vec<_>>(),
    })
}
