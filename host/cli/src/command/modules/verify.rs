//! `netsonde verify`: everything again from the bytes on the disk, without any network.

use anyhow::ensure;
use netsonde_log::words::Name;
use netsonde_probe::install as probe;
use netsonde_probe::now;
use serde_json::json;

use crate::args::Verify;
use crate::command::feeds;
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, print};

/// Check what is installed: its bytes, what they say, what the log says, and that both may run now.
pub(crate) fn verify(args: &Verify, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    log::start(verbose, None, &Stderr::new())?;
    let only: Option<Name> = args.module.as_deref().map(str::parse).transpose()?;
    let (mut found, mut exit) = (0, Exit::Done);
    // Reading what is kept of a registry verifies every signature in it.
    for feed in feeds()? {
        for module in probe::installed(&feed)? {
            if only.as_ref().is_some_and(|only| *only != module.name) {
                continue;
            }
            found += 1;
            let verified = probe::verify(&feed, &module, now()).map_err(|error| error.to_string());
            let proven = match feed.proven(&module.digest, now()) {
                Ok(Some(proven)) if !proven.is_empty() => Ok(proven),
                Ok(_) => Err("no proof of it is kept: install it again".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            let why = verified.as_ref().err().or(proven.as_ref().err()).cloned();
            if why.is_some() {
                exit = Exit::Failed;
            }
            let (name, version, registry) = (&module.name, &module.version, feed.name());
            if json {
                let object = json!({
                    "name": name.to_string(),
                    "version": version.to_string(),
                    "digest": module.digest.to_string(),
                    "registry": registry,
                    "verified": why.is_none(),
                    "why": why,
                });
                print(&object.to_string())?;
            } else {
                let verdict = why.map_or("is what was released, and may run".to_owned(), |why| {
                    format!("NOT VERIFIED: {why}")
                });
                print(&plain(&format!("{name} {version} of {registry}: {verdict}")))?;
            }
        }
    }
    if let Some(only) = &only {
        ensure!(found > 0, "{only} is not installed: netsonde install {only}");
    }
    Ok(exit)
}
