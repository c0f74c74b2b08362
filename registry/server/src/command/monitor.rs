//! `netsonde-registry monitor`.

use super::{now, read, say};
use crate::{CA_FILE, args::Monitor as Args, log};
use anyhow::{Context as _, bail};
use netsonde_feed::{Getter, Patience};
use netsonde_log::{client::Trust, root::Root};
use netsonde_registry::monitor::{Monitor, Sight};
use std::{
    fs,
    io::{self, Write as _},
    thread,
};

/// What servers are told.
const USER_AGENT: &str = concat!("netsonde-registry/", env!("CARGO_PKG_VERSION"));

/// Look at a log, once or again and again.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    log()?;
    let certificates = match std::env::var_os(CA_FILE).filter(|file| !file.is_empty()) {
        Some(file) => fs::read(&file).with_context(|| format!("read {CA_FILE}={}", file.display()))?,
        None => Vec::new(),
    };
    let getter = Getter::new(USER_AGENT, &certificates, Patience::default())?;
    let mirror = args.url.parse()?;
    let mut monitor = Monitor::new(args.dir.clone(), getter, trust(&args.root)?, mirror);
    loop {
        let sight = monitor.look(now()?)?;
        show(&sight)?;
        let Some(every) = args.every else {
            return match sight.alarms.len() {
                0 => say(&format!("all is well with {} entries", sight.size)),
                found => bail!("{found} things are wrong"),
            };
        };
        thread::sleep(every);
    }
}

fn show(sight: &Sight) -> anyhow::Result<()> {
    for line in &sight.news {
        say(line)?;
    }
    for alarm in &sight.alarms {
        // Nobody may be left to read it.
        let _ = writeln!(io::stderr(), "ALARM: {alarm}");
    }
    Ok(())
}

fn trust(text: &str) -> anyhow::Result<Trust> {
    if let Ok(digest) = text.parse() {
        return Ok(Trust::Digest(digest));
    }
    let root = Root::parse(read(text.as_ref())?.as_bytes()).with_context(|| format!("read {text}"))?;
    Ok(Trust::Root(Box::new(root)))
}
