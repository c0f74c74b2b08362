//! `netsonde update`: newer versions of what is installed.

use anyhow::ensure;
use netsonde_feed::Feed;
use netsonde_log::words::Name;
use netsonde_probe::install::{self as probe, Installed};
use netsonde_probe::now;
use serde_json::json;

use super::{confirm, fresh_feeds, screen, tell_all};
use crate::args::Update;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print, tell};

/// Show for each newer version what it asks for otherwise, and install it.
pub(crate) fn update(args: &Update, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let only: Option<Name> = args.module.as_deref().map(str::parse).transpose()?;
    let (mut found, mut updated, mut exit) = (0, 0, Exit::Done);
    for fresh in fresh_feeds()? {
        let installed = probe::installed(&fresh.feed)?.into_iter();
        for before in installed.filter(|module| only.as_ref().is_none_or(|only| *only == module.name)) {
            found += 1;
            let updating = fresh.check().and_then(|feed| one(feed, &before, args.yes, json));
            match updating {
                Ok(true) => updated += 1,
                Ok(false) => {}
                // One that can not be updated is no reason to leave the others old.
                Err(error) => {
                    exit = Exit::Failed;
                    tell(&plain(&format!("{}: {error:#}", before.name)));
                }
            }
        }
    }
    match &only {
        Some(only) => ensure!(found > 0, "{only} is not installed: netsonde install {only}"),
        None if found == 0 => tell("nothing is installed"),
        None => {}
    }
    if found > 0 && updated == 0 && exit == Exit::Done {
        tell("nothing to update");
    }
    Ok(exit)
}

fn one(feed: &Feed, before: &Installed, yes: bool, json: bool) -> anyhow::Result<bool> {
    let newest = feed.client().newest(&before.name, now())?;
    if newest.module.version <= before.version {
        return Ok(false);
    }
    let mut problems = Vec::new();
    let offer = probe::offer(feed, &newest.module.digest, now(), &mut problems);
    tell_all(feed, &problems);
    let offer = offer?;
    let changes = probe::changes(feed, before, &offer.module);
    screen::show_changes(before, &offer, &changes);
    screen::show(feed, &offer);
    if !confirm("Install it?", yes)? {
        tell(&format!("{} stays at {}", before.name, before.version));
        return Ok(false);
    }
    probe::install(feed, &offer, before.by_hand)?;
    if json {
        let object = json!({
            "module": screen::object(feed, &offer),
            "before": before.version.to_string(),
            "changes": changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        print(&object.to_string())?;
    }
    tell(&format!(
        "{} {} is installed",
        offer.module.name, offer.module.version
    ));
    Ok(true)
}
