//! `netsonde registry`: which registries this probe follows.

use anyhow::{Context as _, bail};
use comfy_table::{Table, presets};
use netsonde_feed::registries::Addition;
use netsonde_feed::{Feed, Mirror, Registries};
use netsonde_log::client::Trust;
use netsonde_log::root::Root;
use netsonde_probe::now;
use serde_json::{Value, json};
use std::path::Path;

use crate::args::{Registry, RegistryAdd};
use crate::command::{read, registries};
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print, tell};

/// Add, list or remove registries.
pub(crate) fn run(args: &Registry, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let registries = registries()?;
    match args {
        Registry::Add(args) => add(&registries, args, json),
        Registry::List => list(&registries, json),
        Registry::Remove { which } => {
            let name = registries.remove(which)?;
            tell(&format!("{name} is not followed any more"));
            Ok(Exit::Done)
        }
    }
}

fn add(registries: &Registries, args: &RegistryAdd, json: bool) -> anyhow::Result<Exit> {
    let Some(root) = &args.root else {
        return compare(registries, &args.url);
    };
    let trust = if root.starts_with("sha256:") {
        Trust::Digest(root.parse()?)
    } else {
        let document = read("the root", Path::new(root))?;
        Trust::Root(Box::new(Root::parse(&document).with_context(|| root.clone())?))
    };
    let mut mirrors = vec![args.url.clone()];
    for mirror in &args.mirror {
        if !mirrors.contains(mirror) {
            mirrors.push(mirror.clone());
        }
    }
    let name = args.name.clone();
    let (feed, refreshed) = registries.add(Addition { trust, mirrors, name }, now())?;
    for problem in &refreshed.problems {
        tell(&plain(&problem.to_string()));
    }
    if json {
        print(&object(&feed).to_string())?;
    } else {
        tell(&format!(
            "{} is followed: {} leaves of its log were read",
            feed.name(),
            leaves(&feed)
        ));
    }
    Ok(Exit::Done)
}

/// Nobody is followed because a server says so.
fn compare(registries: &Registries, mirror: &Mirror) -> anyhow::Result<Exit> {
    let root = match registries.shown(mirror) {
        Ok(root) => root,
        Err(error) => bail!("{error}; nothing is followed without --root"),
    };
    bail!(
        "nothing is followed without --root: whoever answers at {mirror} could be anybody\n\
         it shows the first root of the log {}, with the digest\n\
         \n    {}\n\n\
         Compare it, all of it, with what those who run the registry publish elsewhere: on their own pages, in print, or by\n\
         asking them. If it is the same: netsonde registry add {mirror} --root {}",
        root.log().origin,
        root.digest(),
        root.digest()
    )
}

fn leaves(feed: &Feed) -> u64 {
    feed.client().ledger().size()
}

fn list(registries: &Registries, json: bool) -> anyhow::Result<Exit> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["NAME", "LOG", "LEAVES", "SEEN", "FIRST ROOT", "ADDRESSES"]);
    let mut exit = Exit::Done;
    for feed in registries.all()? {
        match feed {
            Ok(feed) if json => print(&object(&feed).to_string())?,
            Ok(feed) => {
                let addresses: Vec<String> = feed.mirrors().iter().map(Mirror::to_string).collect();
                let cells = [
                    feed.name().to_owned(),
                    origin(&feed),
                    leaves(&feed).to_string(),
                    seen(&feed),
                    feed.trusted().to_string(),
                    addresses.join(" "),
                ];
                table.add_row(cells.map(|cell| plain(&cell)));
            }
            Err(error) => {
                exit = Exit::Failed;
                tell(&plain(&error.to_string()));
            }
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if !json {
        print(&table.trim_fmt())?;
    }
    Ok(exit)
}

fn origin(feed: &Feed) -> String {
    let root = feed.client().root();
    root.map(|root| root.log().origin.clone()).unwrap_or_default()
}

/// How long ago a quorum of witnesses, or the log itself, said that there was nothing newer.
fn seen(feed: &Feed) -> String {
    match feed.client().floor() {
        Some(floor) => {
            let age = std::time::Duration::from_secs(now().saturating_sub(floor.time));
            format!("{} ago", humantime::format_duration(age))
        }
        None => "never".to_owned(),
    }
}

fn object(feed: &Feed) -> Value {
    let floor = feed.client().floor();
    json!({
        "name": feed.name(),
        "log": origin(feed),
        "root": feed.trusted().to_string(),
        "root_version": feed.client().root().map(Root::version).ok(),
        "leaves": leaves(feed),
        "seen": floor.map(|floor| floor.time),
        "urls": feed.mirrors().iter().map(Mirror::to_string).collect::<Vec<_>>(),
        "folder": feed.folder(),
    })
}
