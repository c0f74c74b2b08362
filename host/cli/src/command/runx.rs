//! `netsonde runx`: run a script file at a location file, append measurements to a report.

use anyhow::Context as _;
use netsonde_probe::location::{GivenLocation, LocationError};

use crate::args::Runx;
use crate::command::running::{self, Inputs};
use crate::command::{catalog, read};
use crate::exit::Exit;
use crate::log;
use crate::view::Stderr;

/// Run a script. Everything that can be wrong with the inputs is said before anything runs.
pub(crate) fn run(args: &Runx, json: bool, verbose: u8) -> anyhow::Result<Exit> {
    let stderr = Stderr::new();
    log::start(verbose, args.running.log_file.as_deref(), &stderr)?;

    let catalog = catalog(&args.running.modules)?;
    let text = read("script", &args.script_file)?;
    let script = netsonde_script::parse(
        &args.script_file.display().to_string(),
        &text,
        &catalog.vocabulary()?,
    );
    let place = read("location", &args.location_file)?;
    let locations = netsonde_script::parse_locations(&args.location_file.display().to_string(), &place);
    // All errors at once: those of the script and those of the location.
    let wrong = [script.as_ref().err(), locations.as_ref().err()];
    for errors in wrong.into_iter().flatten() {
        stderr.line(&errors.render(true));
    }
    let (Ok(script), Ok(locations)) = (script, locations) else {
        return Ok(Exit::Failed);
    };
    let warnings = script.warnings.render(true);
    if verbose > 0 && !warnings.is_empty() {
        stderr.line(&warnings);
    }
    let inputs = Inputs {
        catalog,
        script: script.script,
        digest: netsonde_probe::sha256(&text),
        location: GivenLocation::new(locations),
        policy: running::policy(&args.running)?,
        files: vec![
            ("script", args.script_file.clone()),
            ("location", args.location_file.clone()),
        ],
    };
    let done = running::run(&args.running, inputs, json, stderr);
    match done {
        Err(error) if error.is::<LocationError>() => {
            Err(error).with_context(|| format!("location {}", args.location_file.display()))
        }
        done => done,
    }
}
