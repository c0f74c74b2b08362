//! `netsonde install` and `netsonde remove`.

use anyhow::bail;
use netsonde_probe::install as probe;
use netsonde_probe::now;

use super::find::Wanted;
use super::{Fresh, confirm, fresh_feeds, screen, tell_all};
use crate::args::{Install, Remove};
use crate::command::feeds;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print, tell};

/// Install a module, once somebody has seen what it is.
pub(crate) fn install(args: &Install, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let wanted = Wanted::parse(&args.module)?;
    let feeds = fresh_feeds()?;
    let (fresh, release) = wanted.find(&feeds)?;
    let feed = fresh.check()?;
    let digest = release.module.digest;
    elsewhere(&feeds, fresh, &wanted)?;
    let known = probe::installed(feed)?;
    if known
        .iter()
        .any(|module| module.digest == digest && module.by_hand)
    {
        tell(&format!(
            "{} {} is installed already",
            wanted.name, release.module.version
        ));
        return Ok(Exit::Done);
    }
    let mut problems = Vec::new();
    let offer = probe::offer(feed, &digest, now(), &mut problems);
    tell_all(feed, &problems);
    let offer = offer?;
    screen::show(feed, &offer);
    if !confirm("Install it?", args.yes)? {
        tell("nothing was installed");
        return Ok(Exit::Failed);
    }
    probe::install(feed, &offer, true)?;
    if json {
        print(&screen::object(feed, &offer).to_string())?;
    }
    tell(&plain(&format!(
        "{} {} is installed",
        offer.module.name, offer.module.version
    )));
    Ok(Exit::Done)
}

/// A name is one module's here: which of two would run is not left to the order of registries.
fn elsewhere(feeds: &[Fresh], here: &Fresh, wanted: &Wanted) -> anyhow::Result<()> {
    for other in feeds.iter().filter(|other| other.feed.name() != here.feed.name()) {
        if probe::installed(&other.feed)?
            .iter()
            .any(|module| module.name == wanted.name)
        {
            bail!(
                "{} is installed from {}: remove it there first",
                wanted.name,
                other.feed.name()
            );
        }
    }
    Ok(())
}

/// Remove a module.
pub(crate) fn remove(args: &Remove, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let name = args.module.parse()?;
    for feed in feeds()? {
        if let Some(module) = probe::remove(&feed, &name)? {
            tell(&format!(
                "{} {} of {} is removed",
                module.name,
                module.version,
                feed.name()
            ));
            return Ok(Exit::Done);
        }
    }
    bail!("{name} is not installed: see `netsonde list`")
}
