//! `netsonde run`: run the script that registries say a probe like this one is to run, or else one that is here.

use anyhow::Context as _;
use netsonde_data::location::Locations;
use netsonde_feed::Feed;
use netsonde_probe::checkin::{attributes, check_in};
use netsonde_probe::location::{GivenLocation, primary};
use netsonde_probe::now;
use netsonde_probe::watch::Watch;

use crate::args::Run;
use crate::command::checkin::{explain, name};
use crate::command::running::{self, Inputs};
use crate::command::{Modules, feeds, locate, read};
use crate::exit::Exit;
use crate::log;
use crate::view::{Stderr, plain, tell};

/// Check in and run what comes of it.
pub(crate) fn run(args: &Run, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    let stderr = Stderr::new();
    log::start(verbose, args.running.log_file.as_deref(), &stderr)?;
    let policy = running::policy(&args.running)?;
    let Some(locations) = locations(args, &stderr)? else {
        return Ok(Exit::Failed);
    };
    primary(&locations)?;
    let mut feeds = feeds()?;
    let mode = args.running.run_mode.into();
    let mut modules = Modules::new(&args.running.modules, &feeds)?;
    let chosen = check_in(&mut feeds, &attributes(&locations, mode), now(), &|text| {
        modules.check(text)
    });
    explain(&chosen);
    feeds.iter().try_for_each(Feed::check_read)?;
    let parsed = modules.parse(&name(&chosen), &chosen.text)?;
    let mut parsed = match parsed {
        Ok(parsed) => parsed,
        Err(errors) => {
            stderr.line(&errors.render(true));
            return Ok(Exit::Failed);
        }
    };
    if policy.settings.registry.ring0 && modules.fetch(&parsed.script, &feeds) {
        match modules.parse(&name(&chosen), &chosen.text)? {
            Ok(again) => parsed = again,
            Err(errors) => {
                stderr.line(&errors.render(true));
                return Ok(Exit::Failed);
            }
        }
    }
    let warnings = parsed.warnings.render(true);
    if verbose > 0 && !warnings.is_empty() {
        stderr.line(&warnings);
    }
    let watch = Watch::new(feeds)?.with_script(chosen.source());
    let inputs = Inputs {
        catalog: modules.watched_by(watch),
        script: parsed.script,
        digest: chosen.sha256(),
        location: GivenLocation::new(locations),
        policy,
        files: args
            .location_file
            .iter()
            .map(|path| ("location", path.clone()))
            .collect(),
    };
    running::run(&args.running, inputs, json, stderr)
}

/// Where the probe is, by the file or by asking.
fn locations(args: &Run, stderr: &Stderr) -> anyhow::Result<Option<Locations>> {
    let Some(path) = &args.location_file else {
        let found = locate::find(&args.observers, &args.running.mmdb)
            .context("find out where the probe is, or give --location-file")?;
        for line in locate::remarks(&found, !args.running.mmdb.is_empty()) {
            tell(&plain(&line));
        }
        return Ok(Some(found.locations));
    };
    match netsonde_script::parse_locations(&path.display().to_string(), &read("location", path)?) {
        Ok(locations) => Ok(Some(locations)),
        Err(errors) => {
            stderr.line(&errors.render(true));
            Ok(None)
        }
    }
}
