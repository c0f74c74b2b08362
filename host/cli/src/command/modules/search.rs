//! `netsonde search`: what registries have released.

use comfy_table::{Table, presets};
use netsonde_log::ledger::Release;
use netsonde_log::words::Name;
use netsonde_probe::install::{Installed, installed};
use netsonde_probe::now;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::{Fresh, fresh_feeds};
use crate::args::Search;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print, tell};

/// List the newest version of each module; those that can not be installed with the reason.
pub(crate) fn search(args: &Search, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let text = args.text.as_deref().unwrap_or_default();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "NAME",
        "VERSION",
        "REGISTRY",
        "INSTALLED",
        "ASKS FOR",
        "GOES TO",
        "SOURCE",
    ]);
    let mut found = 0;
    for Fresh { feed, .. } in fresh_feeds()? {
        let installed = installed(&feed)?;
        let names: BTreeSet<&Name> = feed
            .client()
            .ledger()
            .releases()
            .map(|release| &release.module.name)
            .collect();
        for name in names.into_iter().filter(|name| name.as_str().contains(text)) {
            found += 1;
            let here = installed.iter().find(|module| module.name == *name);
            let newest = feed.client().newest(name, now()).map_err(|why| why.to_string());
            if json {
                print(&object(feed.name(), name, newest, here).to_string())?;
                continue;
            }
            let version = here.map(|module| module.version.to_string()).unwrap_or_default();
            let cells = match newest {
                Ok(release) => {
                    let module = &release.module;
                    [
                        name.to_string(),
                        module.version.to_string(),
                        feed.name().to_owned(),
                        version,
                        module.capabilities.interfaces.join(" "),
                        module.capabilities.destinations.join(" "),
                        module.source.repo.clone(),
                    ]
                }
                Err(why) => {
                    let none = String::new;
                    [
                        name.to_string(),
                        "none".to_owned(),
                        feed.name().to_owned(),
                        version,
                        why,
                        none(),
                        none(),
                    ]
                }
            };
            table.add_row(cells.map(|cell| plain(&cell)));
        }
    }
    if found == 0 {
        tell("nothing was found");
    } else if !json {
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        print(&table.trim_fmt())?;
    }
    Ok(Exit::Done)
}

fn object(registry: &str, name: &Name, newest: Result<&Release, String>, here: Option<&Installed>) -> Value {
    let here = here.map(|module| module.version.to_string());
    match newest {
        Ok(release) => {
            let module = &release.module;
            let asks = &module.capabilities;
            json!({
                "name": name.to_string(),
                "version": module.version.to_string(),
                "registry": registry,
                "digest": module.digest.to_string(),
                "size": module.size,
                "index": release.index,
                "interfaces": asks.interfaces,
                "destinations": asks.destinations,
                "fixed": asks.fixed,
                "source": module.source.repo,
                "installed": here,
            })
        }
        Err(why) => {
            json!({"name": name.to_string(), "version": null, "registry": registry, "why": why, "installed": here})
        }
    }
}
