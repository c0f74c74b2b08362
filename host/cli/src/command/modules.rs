//! The modules that registries release: finding, installing, updating, removing and checking them.

mod find;
mod install;
mod screen;
mod search;
mod update;
mod verify;

pub(crate) use install::{install, remove};
pub(crate) use search::search;
pub(crate) use update::update;
pub(crate) use verify::verify;

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::ensure;
use netsonde_feed::{Feed, Problem};
use netsonde_probe::now;

use crate::command::feeds;
use crate::view::{plain, tell};

/// All registries, brought up to date. Of those that have no fresh news, that is said.
fn fresh_feeds() -> anyhow::Result<Vec<Fresh>> {
    let mut all = Vec::new();
    for mut feed in feeds()? {
        let refreshed = feed.refresh(now())?;
        tell_all(&feed, &refreshed.problems);
        let is_fresh = refreshed.fresh.is_some();
        all.push(Fresh { feed, is_fresh });
    }
    ensure!(
        !all.is_empty(),
        "no registry is followed: see `netsonde registry add --help`"
    );
    Ok(all)
}

/// Say what went wrong with mirrors.
fn tell_all(feed: &Feed, problems: &[Problem]) {
    for problem in problems {
        tell(&plain(&format!("{}: {problem}", feed.name())));
    }
}

/// A registry, and whether its news is fresh enough to install something by: what is old may have been revoked since.
struct Fresh {
    feed: Feed,
    is_fresh: bool,
}

impl Fresh {
    fn check(&self) -> anyhow::Result<&Feed> {
        ensure!(
            self.is_fresh,
            "no address of {} has fresh news: nothing is installed, because it may have been revoked since",
            self.feed.name()
        );
        Ok(&self.feed)
    }
}

/// Ask somebody at a terminal. Where there is nobody, --yes is needed.
fn confirm(question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    ensure!(
        std::io::stdin().is_terminal(),
        "nobody is here to be asked: give --yes to go on without"
    );
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
